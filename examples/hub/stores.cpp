// SPDX-License-Identifier: BSL-1.0
#include "stores.hpp"

#if defined(HUB_SQLITE)
#include <tidings/store/sqlite/history.hpp>
#include <tidings/store/sqlite/outbox.hpp>
#include <tidings/store/sqlite/table.hpp>
#endif

#include <filesystem>
#include <stdexcept>

namespace hub {

namespace {

constexpr std::size_t max_events = 100'000;
constexpr std::size_t max_bytes = 256 << 20;

}  // namespace

stores open_stores(boost::asio::io_context& io, const std::string& folder,
                   const tidings::log_sink& log) {
    stores s;
    s.history = {.max_events = max_events, .max_bytes = max_bytes};
    if (folder.empty()) return s;
#if defined(HUB_SQLITE)
    std::filesystem::create_directories(folder);
    tidings::sqlite::database_options o;
    o.path = (std::filesystem::path(folder) / "hub.db").string();
    // A hub that was killed, and not its machine, has lost nothing: its senders go on where they
    // were.
    o.durable = tidings::sqlite::durability::process;
    o.open_timeout = std::chrono::seconds(10);
    o.log = log;
    const auto file = std::make_shared<tidings::sqlite::database>(io, std::move(o));
    s.history.implementation = tidings::sqlite::make_history(
        *file, {{.pattern = ">", .max_events = max_events, .max_bytes = max_bytes}});
    s.outbox = tidings::sqlite::make_outbox(*file);
    s.hooks = tidings::sqlite::make_table(*file, "hooks");
    s.file = file;
    return s;
#else
    static_cast<void>(io);
    static_cast<void>(log);
    throw std::runtime_error("--data needs a build with TIDINGS_SQLITE");
#endif
}

}  // namespace hub
