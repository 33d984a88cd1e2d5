// SPDX-License-Identifier: BSL-1.0
// One event of 1 MiB that is owed to 1,000 endpoints, read back from a file: what it takes in
// memory while it is sent to peers that take nothing.
#include "support/growth.hpp"
#include "support/outbox_message.hpp"
#include "support/store_folder.hpp"

#include <tidings/io/network.hpp>
#include <tidings/store/sqlite/outbox.hpp>
#include <tidings/test/run_until.hpp>
#include <tidings/webhook/sender.hpp>

#include <optional>
#include <vector>

namespace tidings::test {

namespace {

constexpr std::size_t endpoints = 1000;
constexpr std::size_t connections = 32;  // half of 64: no endpoint has succeeded yet
constexpr std::size_t body_bytes = mebibyte;

std::string name_of(std::size_t i) {
    return "endpoint-" + std::to_string(i);
}

/// All endpoints have a row, some of them an entry.
void fill(const std::string& path, std::size_t entries) {
    net::io_context io;
    sqlite::database db(io, store_options(path));
    const auto outbox = sqlite::make_outbox(db);
    const auto message = message_of(std::string(body_bytes, 'x'));
    store::outbox_append a;
    for (std::size_t i = 0; i < entries; ++i) {
        store::outbox_entry e{.endpoint = name_of(i), .message_id = "id-1"};
        e.message = message;
        a.entries.push_back(std::move(e));
    }
    store::outbox_opening opening;
    for (std::size_t i = 0; i < endpoints; ++i) opening.endpoints.push_back({.id = name_of(i)});
    std::optional<error_code> end;
    outbox->start_open(std::move(opening),
                       {io.get_executor(), [](error_code ec, const auto&) { CHECK_FALSE(ec); }});
    outbox->start_append(std::move(a), {io.get_executor(), [&](error_code ec, const auto& taken) {
                                            CHECK(taken.refused.empty());
                                            end = ec;
                                        }});
    REQUIRE(run_io_until(io, [&] { return end.has_value(); }));
    CHECK_FALSE(*end);
}

/// Takes connections, and nothing from them.
class deaf_target {
 public:
    explicit deaf_target(net::io_context& io) : io_(io) {
        error_code ec;
        acceptor_ = io::system_network().listen(io.get_executor(), {}, ec);
        REQUIRE_FALSE(ec);
        accept();
    }
    std::string url() const {
        return "http://127.0.0.1:" + std::to_string(acceptor_->local_endpoint().port) + "/";
    }
    std::size_t count() const noexcept { return taken_.size(); }

 private:
    void accept() {
        acceptor_->start_accept(io_.get_executor(), [this](error_code ec, io::stream_ptr s) {
            if (ec) return;
            taken_.push_back(std::move(s));
            accept();
        });
    }
    net::io_context& io_;
    std::unique_ptr<io::acceptor> acceptor_;
    std::vector<io::stream_ptr> taken_;
};

/// How far the process grows by reading back, and by sending, so many entries of one body.
std::size_t growth_by(std::size_t entries) {
    const temporary_folder folder;
    fill(folder.file("hub.db"), entries);
    const auto open = std::min(entries, connections);
    net::io_context io;
    deaf_target target(io);
    const auto before = resident();
    sqlite::database db(io, store_options(folder.file("hub.db")));
    const auto outbox = sqlite::make_outbox(db);
    CHECK(outbox->stats().owed == entries);
    const auto read = resident();
    webhook::sender_options o;
    o.outbox = outbox;
    o.max_connections = 2 * connections;
    o.guard = {.allow_loopback = true, .schemes = {"http"}};
    webhook::sender sender(io, std::move(o));
    std::vector<webhook::endpoint> held;
    for (std::size_t i = 0; i < endpoints; ++i)
        held.push_back(sender.endpoint(
            {.url = target.url(), .secret = "whsec_" + std::string(32, 'S'), .id = name_of(i)}));
    const auto added = resident();
    REQUIRE(run_io_until(io, [&] { return target.count() == open; }));
    io.poll();
    const auto sent = resident();
    CHECK(sender.in_flight() == open);
    return (read - std::min(read, before)) + (sent - std::min(sent, added));
}

}  // namespace

TEST_CASE("a body that is read back from a file is there once for all its endpoints", "[webhook]") {
    growth_by(1);  // what is made once is there
    const auto one = growth_by(1), all = growth_by(endpoints);
    // The body, the caches of the database and the endpoints are the same, but for what the outbox
    // holds of an endpoint since its first entry.
    constexpr std::size_t first_entry = 1024;
    const auto limit = endpoints * (2 * 1024 + first_entry) + connections * 16 * 1024;
    CAPTURE(one, all, limit);
    CHECK((!measures_memory || all - std::min(all, one) <= limit));
}

}  // namespace tidings::test
