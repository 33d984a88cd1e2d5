// SPDX-License-Identifier: BSL-1.0
#include <tidings/http/server.hpp>

#include "support/catch2.hpp"
#include "support/http_bed.hpp"

#include <boost/asio/error.hpp>

using namespace tidings;
using namespace tidings::test;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;

namespace {

const std::string get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

/// Keeps every exchange, or every stream below /take, until the drain or its end.
struct holder {
    struct state {
        std::vector<http::exchange> exchanges;
        std::vector<http::taken_stream> streams;
        int drains = 0;
        int told = 0;
        bool destroyed = false;
    };
    explicit holder(std::shared_ptr<state> s) : state_(std::move(s)) {}
    holder(holder&&) = default;
    ~holder() {
        if (!state_) return;
        state_->destroyed = true;
        state_->exchanges.clear();
        state_->streams.clear();
    }
    void handle(http::exchange& x) {
        if (x.suffix() == "/take") return state_->streams.push_back(x.take());
        x.on_drain([s = state_.get()] { ++s->told; });
        if (x.suffix() == "/watch") x.on_peer_closed([] {});
        state_->exchanges.push_back(std::move(x));
    }
    void drain() { ++state_->drains; }

 private:
    std::shared_ptr<state> state_;
};

struct drain_bed : http_bed {
    std::shared_ptr<holder::state> held = std::make_shared<holder::state>();
    std::optional<http::server> server;
    std::vector<error_code> drained;

    explicit drain_bed(std::size_t lanes = 1) {
        auto o = options();
        o.lanes = lanes;
        server.emplace(io(), o);
        server->mount("/", holder(held));
        server->start();
    }
    ~drain_bed() {
        server.reset();
        if (held) held->exchanges.clear();
    }
    std::unique_ptr<http_peer> ask_from(const std::string& path) {
        auto peer = connect();
        peer->send("GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n");
        run();
        return peer;
    }
    void drain() {
        server->async_drain([this](error_code ec) { drained.push_back(ec); });
        run();
    }
};

}  // namespace

TEST_CASE("A drain without connections is over at once", "[http]") {
    drain_bed bed;
    bed.drain();
    CHECK(bed.drained == std::vector<error_code>{{}});
    CHECK(bed.held->drains == 1);
    CHECK(bed.held->destroyed);
    bed.drain();
    CHECK(bed.drained.size() == 2);
    CHECK_FALSE(bed.connect());
    CHECK(bed.logged.empty());
}

TEST_CASE("A drain closes what is idle and waits for what is busy", "[http]") {
    drain_bed bed(2);
    const auto idle = bed.connect();
    const auto busy = bed.ask_from("/");
    const auto reading = bed.connect();
    reading->send("GET / HTTP/1.1\r\nHos");
    bed.run();
    bed.drain();
    CHECK(idle->ended() == net::error::eof);
    CHECK(busy->open());
    CHECK(reading->open());
    CHECK_FALSE(bed.connect());
    CHECK(bed.held->told == 1);
    CHECK(bed.drained.empty());
    CHECK(bed.server->connections() == 2);

    reading->send("t: h\r\n\r\n" + get);
    bed.run();
    REQUIRE(bed.held->exchanges.size() == 2);
    CHECK(bed.held->told == 2);  // also of the one that comes later
    bed.held->exchanges[0].respond({.body = "one"});
    bed.held->exchanges[1].respond({.body = "two"});
    bed.run();
    for (const auto* peer : {busy.get(), reading.get()}) {
        CHECK_THAT(peer->received(),
                   StartsWith("HTTP/1.1 200") && Contains("\r\nConnection: close\r\n"));
        CHECK(peer->ended() == net::error::eof);
    }
    CHECK_THAT(reading->received(), EndsWith("\r\n\r\ntwo"));
    CHECK(bed.drained.empty());
    busy->close();
    reading->close();
    bed.run();
    CHECK(bed.drained == std::vector<error_code>{{}});
}

TEST_CASE("A drain waits for connections that left HTTP", "[http]") {
    drain_bed bed;
    const auto peer = bed.ask_from("/take");
    REQUIRE(bed.held->streams.size() == 1);
    bed.drain();
    CHECK(bed.held->drains == 1);
    CHECK(bed.drained.empty());
    bed.advance(29s);
    CHECK(bed.drained.empty());
    bed.held->streams.clear();
    bed.run();
    CHECK(bed.drained == std::vector<error_code>{{}});
    CHECK(peer->ended() == net::error::eof);
}

TEST_CASE("A drain cuts what does not end in time", "[http]") {
    drain_bed bed(2);
    const auto taken = bed.ask_from("/take");
    const auto busy = bed.ask_from("/");
    bed.drain();
    bed.drain();
    bed.advance(29'900ms);
    CHECK(bed.drained.empty());
    CHECK(taken->open());
    bed.advance(150ms);
    CHECK(bed.drained == std::vector<error_code>{errc::timed_out, errc::timed_out});
    CHECK_FALSE(taken->open());
    CHECK_FALSE(busy->open());
    CHECK(bed.held->destroyed);
    CHECK(bed.server->connections() == 0);
}

TEST_CASE("A stop ends everything, a drain too", "[http]") {
    drain_bed bed(2);
    const auto taken = bed.ask_from("/take");
    const auto busy = bed.ask_from("/watch");
    const auto idle = bed.connect();
    const bool draining = GENERATE(true, false);
    if (draining) bed.drain();
    SECTION("by word") {
        bed.server->stop();
    }
    SECTION("by the end of the handle") {
        bed.server.reset();
    }
    SECTION("by another server") {
        *bed.server = http::server(bed.io(), [&] {
            auto o = bed.options();
            o.port = 81;
            return o;
        }());
    }
    bed.run();
    if (draining) CHECK(bed.drained == std::vector<error_code>{errc::closed});
    for (const auto* peer : {taken.get(), busy.get(), idle.get()}) CHECK_FALSE(peer->open());
    CHECK(bed.held->destroyed);
    if (bed.server) CHECK(bed.server->connections() == 0);
    CHECK_FALSE(bed.connect());
}

TEST_CASE("A server may end at any step, with anything under way", "[http]") {
    enum class how { stop, destroy, destroy_context, context_first };
    const auto way = GENERATE(how::stop, how::destroy, how::destroy_context, how::context_first);
    bool ended = false;
    for (int steps = 0; !ended; ++steps) {
        INFO("after " << steps << " steps");
        drain_bed bed(2);
        std::vector<std::unique_ptr<http_peer>> peers;
        for (const auto* path : {"/", "/watch", "/take"}) {
            peers.push_back(bed.connect());
            peers.back()->send("GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n\r\n" + get);
        }
        peers.push_back(bed.connect());
        peers.back()->send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\na");
        peers.push_back(bed.connect());
        peers.back()->send("nonsense\r\n\r\n");
        bed.server->async_drain([](error_code) {});
        for (int i = 0; i < steps && !ended; ++i) ended = bed.io().poll_one() == 0;
        switch (way) {
            case how::stop:
                bed.server->stop();
                bed.run();
                CHECK(bed.server->connections() == 0);
                break;
            case how::destroy:
                bed.server.reset();
                break;
            case how::destroy_context:
                bed.server.reset();
                peers.clear();
                bed.destroy_context();
                break;
            case how::context_first:
                peers.clear();
                bed.destroy_context();
                bed.server.reset();
                break;
        }
    }
}
