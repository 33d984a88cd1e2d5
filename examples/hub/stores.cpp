// SPDX-License-Identifier: BSL-1.0
#include "stores.hpp"

#if defined(HUB_SQLITE)
#include <tidings/store/sqlite/delivered_ids.hpp>
#include <tidings/store/sqlite/history.hpp>
#include <tidings/store/sqlite/outbox.hpp>
#include <tidings/store/sqlite/secret_cipher.hpp>
#include <tidings/store/sqlite/table.hpp>
#endif

#include <tidings/store/memory_outbox.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <stdexcept>

namespace hub {

namespace {

constexpr std::size_t max_events = 100'000;
constexpr std::size_t max_bytes = 256 << 20;

#if defined(HUB_SQLITE)
tidings::sqlite::database_options database_options(const options& o, const tidings::log_sink& log) {
    tidings::sqlite::database_options d;
    d.path = (std::filesystem::path(o.data) / "hub.db").string();
    // A hub that was killed, and not its machine, has lost nothing: its senders go on where they
    // were.
    d.durable = tidings::sqlite::durability::process;
    if (!o.key_file.empty()) d.cipher = tidings::sqlite::secret_cipher::from_file(o.key_file);
    if (o.set_damaged_aside) d.damaged = tidings::sqlite::on_damaged::set_aside;
    d.open_timeout = std::chrono::seconds(10);
    d.log = log;
    return d;
}

std::string trouble_of(const tidings::sqlite::database& file) {
    if (const auto ec = file.status()) return ec.message();
    const auto aside = file.set_aside();
    return aside.empty() ? aside : "a damaged file was set aside: " + aside;
}

stores::figures figures_of(const tidings::sqlite::database& file) {
    const auto sizes = file.sizes();
    const auto commits = file.commits();
    const auto p99 = static_cast<std::uint64_t>(commits.p99.count());
    return {{"store_file_bytes", sizes.file},
            {"store_log_bytes", sizes.log},
            {"store_disk_free_bytes", sizes.free},
            {"store_commit_p99_microseconds", p99}};
}
#endif

}  // namespace

stores open_stores(boost::asio::io_context& io, const options& o, const tidings::log_sink& log) {
    stores s;
    s.history = {.max_events = max_events, .max_bytes = max_bytes};
    if (o.data.empty()) {
        s.outbox = tidings::store::make_memory_outbox();
        return s;
    }
#if defined(HUB_SQLITE)
    std::filesystem::create_directories(o.data);
    const auto file = std::make_shared<tidings::sqlite::database>(io, database_options(o, log));
    s.history.implementation = tidings::sqlite::make_history(
        *file, {{.pattern = ">", .max_events = max_events, .max_bytes = max_bytes}});
    s.outbox = tidings::sqlite::make_outbox(*file);
    s.hooks = tidings::sqlite::make_table(*file, "hooks");
    s.github_ids = tidings::sqlite::make_delivered_ids(*file, "github");
    s.trouble = [file] { return trouble_of(*file); };
    s.file_figures = [file] { return figures_of(*file); };
    return s;
#else
    static_cast<void>(io);
    static_cast<void>(log);
    throw std::runtime_error("--data needs a build with TIDINGS_SQLITE");
#endif
}

stores::figures figures_of(const stores& s) {
    auto all = s.file_figures();
    const auto outbox = s.outbox->stats();
    all.emplace_back("webhook_owed", outbox.owed);
    all.emplace_back("webhook_owed_bytes", outbox.owed_bytes);
    all.emplace_back("webhook_dead", outbox.dead);
    using std::chrono::seconds;
    const auto age = outbox.oldest ? std::chrono::system_clock::now() - *outbox.oldest : seconds(0);
    all.emplace_back("webhook_oldest_owed_seconds",
                     std::max(std::chrono::floor<seconds>(age), seconds(0)).count());
    return all;
}

}  // namespace hub
