// SPDX-License-Identifier: BSL-1.0
// 200 MB of events for an endpoint that refuses every connection: memory and file stay within the
// bounds of the outbox.
#include "support/growth.hpp"
#include "support/store_folder.hpp"

#include <tidings/bus.hpp>
#include <tidings/store/memory_outbox.hpp>
#include <tidings/store/sqlite/outbox.hpp>
#include <tidings/test/run_until.hpp>
#include <tidings/webhook/sender.hpp>

#include <boost/asio/bind_executor.hpp>

#include <cstdlib>

namespace tidings::test {

namespace {

constexpr std::size_t all_bytes = 200'000'000;
constexpr std::size_t max_bytes = 16 * mebibyte;
constexpr std::size_t max_log_bytes = 8 * mebibyte;
// Owed, dead, attempts.
constexpr std::size_t bounds = 2 * max_bytes + max_log_bytes;

std::size_t event_count() {
    const char* given = std::getenv("TIDINGS_DEAD_EVENTS");
    return given != nullptr ? std::strtoul(given, nullptr, 10) : 2000;
}

store::outbox_options small() {
    return {.total = {.max_bytes = max_bytes},
            .each = {.max_bytes = max_bytes},
            .dead = {.max_bytes = max_bytes},
            .attempts = {.max_bytes = max_log_bytes}};
}

/// Publishes them all, some at a time.
class dead_bed {
 public:
    dead_bed(net::io_context& io, std::shared_ptr<store::outbox> outbox) : io_(io) {
        webhook::sender_options o;
        o.outbox = std::move(outbox);
        o.guard = {.allow_loopback = true, .schemes = {"http"}};
        sender_.emplace(io, std::move(o));
        held_ = hub_.subscribe(">", sender_->endpoint({.url = "http://127.0.0.1:1/",
                                                       .secret = "whsec_" + std::string(32, 'S'),
                                                       .id = "dead"}));
    }

    template <class Look>
    void publish_all(Look look) {
        constexpr std::size_t at_once = 16;
        const auto count = event_count();
        std::size_t ended = 0;
        for (std::size_t i = 0; i < count; ++i) {
            hub_.async_publish("a",
                               event("test", "/test",
                                     std::to_string(i) + std::string(all_bytes / count - 10, 'x')),
                               net::bind_executor(io_, [&](error_code ec, const receipt&) {
                                   if (ec) failed_ = ec;
                                   ++ended;
                               }));
            if (i % at_once != at_once - 1) continue;
            REQUIRE(run_io_until(io_, [&] { return ended == i + 1; }));
            if (i % (at_once * 16) == at_once - 1) look();
        }
        REQUIRE(run_io_until(io_, [&] { return ended == count; }));
        CHECK_FALSE(failed_);
        look();
    }

 private:
    net::io_context& io_;
    bus hub_{io_};
    std::optional<webhook::sender> sender_;
    subscription held_;
    error_code failed_;
};

}  // namespace

TEST_CASE("what is owed to a dead endpoint stays within its bounds in memory", "[webhook]") {
    net::io_context io;
    const auto outbox = store::make_memory_outbox(small());
    dead_bed bed(io, outbox);
    growth memory;
    bed.publish_all([&] { memory.look(); });
    CHECK(outbox->stats().owed_bytes > max_bytes / 2);
    CHECK(outbox->stats().owed_bytes <= max_bytes);
    CHECK(outbox->stats().dead_bytes > max_bytes / 2);
    memory.check(bounds);
}

TEST_CASE("what is owed to a dead endpoint stays within its bounds in a file", "[webhook]") {
    const temporary_folder folder;
    net::io_context io;
    auto o = store_options(folder.file("hub.db"));
    o.max_wal_bytes = 8 * mebibyte;
    sqlite::database db(io, o);
    const auto outbox = sqlite::make_outbox(db, small());
    dead_bed bed(io, outbox);
    growth memory;
    std::size_t largest = 0;
    bed.publish_all([&] {
        memory.look();
        const auto sizes = db.sizes();
        largest = std::max<std::size_t>(largest, sizes.file + sizes.log);
    });
    CHECK(outbox->stats().owed_bytes > max_bytes / 2);
    CHECK(outbox->stats().dead_bytes > max_bytes / 2);
    memory.check(bounds);
    CHECK(largest <= bounds + bounds / 2 + o.max_wal_bytes);
}

}  // namespace tidings::test
