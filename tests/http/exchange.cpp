// SPDX-License-Identifier: BSL-1.0
#include <tidings/bus.hpp>
#include <tidings/http/exchange.hpp>
#include <tidings/lane/impl/lane.hpp>
#include <tidings/sse/service.hpp>

#include "support/catch2.hpp"
#include "support/http_bed.hpp"

#include <boost/asio/error.hpp>

#include <stdexcept>

using namespace tidings;
using namespace tidings::test;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;

namespace {

/// What a server of the user's own has when it has read a request.
struct own_server : http_bed {
    std::optional<raw_listener> listener;
    std::unique_ptr<http_peer> client;
    io::stream_ptr stream;

    own_server() {
        error_code ec;
        acceptor_ = sim().listen(io().get_executor(), {.port = port}, ec);
        acceptor_->start_accept(io().get_executor(),
                                [this](error_code, io::stream_ptr s) { stream = std::move(s); });
        client = connect();
        run();
        acceptor_.reset();
        REQUIRE(stream);
    }
    http::exchange exchange(http::request r, std::string_view mount = {}) {
        return {std::move(r), std::move(stream), "left over", environment(), mount};
    }

 private:
    std::unique_ptr<io::acceptor> acceptor_;
};

}  // namespace

TEST_CASE("A request that somebody else read is answered and the connection closed", "[http]") {
    own_server bed;
    auto x = bed.exchange({.target = "/topics/a?b"}, "/topics/");
    CHECK(x.suffix() == "/a");
    CHECK(x.request().query() == "b");
    CHECK(x.loopback());
    CHECK_THAT(x.remote_address(), StartsWith("127.0.0.1:"));
    CHECK(x.environment().clock == &bed.clock);
    x.respond({.status = 202, .body = "taken"});
    CHECK_FALSE(x);
    CHECK(x.remote_address().empty());
    CHECK(x.lane() == nullptr);
    bed.run();
    CHECK_THAT(bed.client->received(), StartsWith("HTTP/1.1 202 Accepted\r\n") &&
                                           Contains("\r\nConnection: close\r\n") &&
                                           EndsWith("\r\n\r\ntaken"));
    CHECK(bed.client->ended() == net::error::eof);
}

TEST_CASE("The path below a mount point is known, or there is none", "[http]") {
    const auto [target, mount, suffix] =
        GENERATE(table<std::string, std::string, std::string>({{"/a/b", "/a", "/b"},
                                                               {"/a/b", "/a/", "/b"},
                                                               {"/a", "/a", ""},
                                                               {"/ab", "/a", ""},
                                                               {"/a/b", "", ""},
                                                               {"/x/b", "/a", ""}}));
    own_server bed;
    CHECK(bed.exchange({.target = target}, mount).suffix() == suffix);
}

TEST_CASE("HEAD and HTTP/1.0 are known of a request that somebody else read", "[http]") {
    own_server bed;
    bed.exchange({.method = "HEAD", .version = 10}).respond({.body = "long"});
    bed.run();
    CHECK_THAT(bed.client->received(),
               Contains("\r\nContent-Length: 4\r\n") && EndsWith("\r\n\r\n"));
}

TEST_CASE("A long answer is sent to its end though nobody holds it", "[http]") {
    own_server bed;
    bed.exchange({}).respond({.body = long_text(1'000'000)});
    bed.run();
    CHECK_THAT(bed.client->received(), EndsWith(long_text(1'000'000)));
}

TEST_CASE("A peer that never reads does not hold a user's server up for ever", "[http]") {
    own_server bed;
    bed.client->stop_reading();
    bed.exchange({}).respond({.body = long_text(1'000'000)});
    bed.advance(29s);
    CHECK(bed.sim().live_streams() == 2);
    bed.advance(2s);
    CHECK(bed.sim().live_streams() == 1);
}

TEST_CASE("A forgotten exchange is answered 500", "[http]") {
    own_server bed;
    SECTION("destroyed") {
        bed.exchange({});
    }
    SECTION("replaced") {
        own_server other;
        auto x = bed.exchange({});
        x = other.exchange({.method = "PUT"});
        CHECK(x.request().method == "PUT");
        x.respond({});
        other.run();
        CHECK_THAT(other.client->received(), StartsWith("HTTP/1.1 200"));
    }
    bed.run();
    CHECK_THAT(bed.client->received(), StartsWith("HTTP/1.1 500 "));
}

TEST_CASE("A user's connection can be taken over", "[http]") {
    own_server bed;
    auto x = bed.exchange({});
    const auto lane = x.lane();
    REQUIRE(lane);
    auto taken = x.take();
    CHECK_FALSE(x);
    CHECK(x.take().stream == nullptr);
    CHECK(taken.leftover == "left over");
    CHECK(taken.lane == lane);
    REQUIRE(taken.stream);
    http_peer session(std::move(taken.stream));
    session.send("hello");
    bed.client->send("world");
    bed.run();
    CHECK(bed.client->received() == "hello");
    CHECK(session.received() == "world");
}

TEST_CASE("A user's peer that leaves is reported", "[http]") {
    own_server bed;
    auto x = bed.exchange({});
    int closed = 0;
    x.on_peer_closed([&] { ++closed; });
    x.on_drain([] { FAIL("nobody drains"); });
    bed.run();
    CHECK(closed == 0);
    SECTION("it leaves") {
        bed.client->close();
        bed.run();
        CHECK(closed == 1);
        x.respond({});
        bed.run();
        CHECK(bed.sim().live_streams() == 0);
    }
    SECTION("it is answered first") {
        x.respond({.body = "first"});
        bed.run();
        CHECK_THAT(bed.client->received(), EndsWith("first"));
        bed.client->close();
        bed.run();
        CHECK(closed == 0);
    }
    SECTION("the context goes first") {
        bed.client.reset();
        bed.destroy_context();
        x.respond({});
    }
}

TEST_CASE("a service embedded in a user's server runs in the connection's lane",
          "[http][fault-4]") {
    own_server bed;
    bus events(bed.io());
    std::shared_ptr<tidings::detail::lane> lane;
    int opened = 0;
    int closed = 0;
    {
        sse::service service(events, {.hooks = {.on_open =
                                                    [&](const auto&) {
                                                        CHECK(lane->running_here());
                                                        ++opened;
                                                    },
                                                .on_close =
                                                    [&](const auto&, error_code) {
                                                        CHECK(lane->running_here());
                                                        ++closed;
                                                    }}});
        auto x = bed.exchange({.target = "/events?topic=a", .fields = {{"Host", "localhost"}}});
        lane = x.lane();
        service.handle(x);
        CHECK_FALSE(x);
        CHECK(opened == 0);
        bed.run();
        CHECK(opened == 1);
        CHECK_THAT(bed.client->received(), StartsWith("HTTP/1.1 200 OK\r\nDate: ") &&
                                               Contains("\r\nTransfer-Encoding: chunked\r\n"));
        bed.client->close();
        bed.run();
    }
    bed.run();
    CHECK(closed == 1);
}
