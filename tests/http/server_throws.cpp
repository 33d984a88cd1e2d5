// SPDX-License-Identifier: BSL-1.0
// What a service throws ends its request or connection, and nothing else.
#include "support/echo_server.hpp"

#include <stdexcept>

namespace {

[[noreturn]] void fail() {
    throw std::runtime_error("the service is broken");
}

/// Throws where the test says so; answers below /echo.
struct broken_service {
    struct state {
        bool drain = false, close = false, max_body = false;
        bool on_drain = false, on_peer_closed = false;
        std::optional<http::exchange> waiting;
    };
    void handle(http::exchange& x) {
        if (x.suffix() == "/echo") return echo(x);
        state_->waiting.emplace(std::move(x));
        auto& held = *state_->waiting;
        if (state_->on_drain) held.on_drain(fail);
        if (state_->on_peer_closed) held.on_peer_closed(fail);
    }
    std::size_t max_body_bytes() const {
        if (state_->max_body) fail();
        return 0;
    }
    void drain() {
        if (state_->drain) fail();
    }
    void close() {
        if (state_->close) fail();
    }
    std::shared_ptr<state> state_ = std::make_shared<state>();
};

struct broken_bed : http_bed {
    broken_bed() : server(std::in_place, io(), options()) {
        server->mount("/", service);
        server->start();
    }
    bool has_logged() const {
        return std::count(logged.begin(), logged.end(), "the service is broken") == 1;
    }
    std::unique_ptr<http_peer> get(std::string_view path) {
        auto peer = connect();
        peer->send("GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n\r\n");
        run();
        return peer;
    }
    bool drain() {
        const auto drained = std::make_shared<std::optional<error_code>>();
        server->async_drain([drained](error_code ec) { *drained = ec; });
        run();
        return *drained == error_code();
    }
    broken_service service;
    broken_service::state& broken = *service.state_;
    std::optional<http::server> server;
};

}  // namespace

TEST_CASE("a service whose drain throws does not keep its server from draining", "[http]") {
    broken_bed bed;
    bed.broken.drain = true;
    CHECK(bed.drain());
    CHECK(bed.has_logged());
}

TEST_CASE("a service may throw when it is closed", "[http]") {
    broken_bed bed;
    bed.broken.close = true;
    SECTION("by a drain") {
        CHECK(bed.drain());
    }
    SECTION("by a stop") {
        bed.server->stop();
    }
    SECTION("by the end of its context") {
        bed.run();
        bed.destroy_context();
    }
}

TEST_CASE("a limit of bodies that throws is answered 500", "[http]") {
    broken_bed bed;
    bed.broken.max_body = true;
    const auto peer = bed.connect();
    peer->send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
    bed.run();
    CHECK_THAT(peer->received(), StartsWith("HTTP/1.1 500"));
    CHECK(bed.has_logged());
    bed.broken.max_body = false;
    CHECK_THAT(bed.get("/echo")->received(), StartsWith("HTTP/1.1 200"));
}

TEST_CASE("a wait for the drain that throws is answered 500", "[http]") {
    broken_bed bed;
    bed.broken.on_drain = true;
    const auto peer = bed.get("/wait");
    CHECK(peer->received().empty());
    CHECK_FALSE(bed.drain());
    CHECK_THAT(peer->received(), StartsWith("HTTP/1.1 500"));
    CHECK(bed.has_logged());
    bed.broken.waiting->respond({});
    peer->close();
    CHECK(bed.drain());
}

TEST_CASE("a wait for the peer's end that throws ends its connection alone", "[http]") {
    broken_bed bed;
    bed.broken.on_peer_closed = true;
    bed.get("/wait")->close();
    bed.run();
    CHECK(bed.has_logged());
    CHECK_THAT(bed.get("/echo")->received(), StartsWith("HTTP/1.1 200"));
    bed.broken.waiting.reset();
}
