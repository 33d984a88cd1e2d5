// SPDX-License-Identifier: BSL-1.0
#include <tidings/http/client.hpp>
#include <tidings/http/impl/client/client_streams.hpp>

#include "support/catch2.hpp"
#include "support/http_bed.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/strand.hpp>

using namespace tidings;
using namespace tidings::test;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;

namespace {

const std::string event_stream =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
const std::string switching =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";

struct stream_bed : http_bed {
    std::optional<raw_listener> listener;
    std::optional<http::client> client;
    std::vector<error_code> opened;
    std::unique_ptr<http::detail::streaming_response> stream;
    http::detail::upgraded_response upgraded;
    io::canceller cancel;

    stream_bed() {
        listener.emplace(*this);
        client.emplace(io(), http::client_options{.environment = environment()});
    }
    ~stream_bed() {
        client.reset();
        stream.reset();
        upgraded.stream.reset();
        if (listener) listener->peers.clear();
        listener.reset();
    }
    http_peer& peer() {
        REQUIRE_FALSE(listener->peers.empty());
        return *listener->peers.back();
    }
    void open(const http::request& r = {}) {
        cancel = http::detail::client_streams::open(
            *client, io().get_executor(), "http://127.0.0.1/events?x", r,
            [this](error_code ec, std::unique_ptr<http::detail::streaming_response> s) {
                CHECK(static_cast<bool>(ec) == (s == nullptr));
                opened.push_back(ec);
                stream = std::move(s);
            });
    }
    void upgrade() {
        cancel = http::detail::client_streams::upgrade(
            *client, io().get_executor(), "ws://127.0.0.1/ws",
            {.fields = {{"Upgrade", "websocket"}}},
            [this](error_code ec, http::detail::upgraded_response u) {
                opened.push_back(ec);
                upgraded = std::move(u);
            });
    }
    /// Reads on, three bytes at a time at most, until the body ends.
    void read_on() {
        stream->start_read(buffer, [this](error_code ec, std::size_t n) {
            if ((n > 0) == static_cast<bool>(ec)) FAIL("bytes and an error, or neither");
            body += text_of(std::span(buffer).first(n));
            end = ec;
            if (!ec) read_on();
        });
    }
    std::array<std::byte, 3> buffer{};
    std::string body;
    error_code end;
};

}  // namespace

TEST_CASE("A body can be read as it comes, however it is cut", "[http]") {
    const auto [text, eof, expected] = GENERATE(table<std::string, bool, std::string>(
        {{event_stream + "5\r\ndata:\r\n3\r\n x\n\r\n0\r\n\r\n", false, "data: x\n"},
         {"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\ndata: x\nmore", false, "data: x\n"},
         {"HTTP/1.1 200 OK\r\n\r\ndata: x\n", true, "data: x\n"},
         {"HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false, ""},
         {"HTTP/1.1 204 No Content\r\n\r\n", false, ""}}));
    CAPTURE(text);
    for (std::size_t cut = 0; cut < text.size(); ++cut) {
        INFO("cut at byte " << cut);
        stream_bed bed;
        bed.open();
        bed.run();
        CHECK_THAT(bed.peer().received(),
                   StartsWith("GET /events?x HTTP/1.1\r\nHost: 127.0.0.1\r\n"));
        bed.peer().send(text.substr(0, cut));
        bed.run();
        const bool early = bed.stream != nullptr;
        if (early) bed.read_on();
        bed.run();
        bed.peer().send(text.substr(cut));
        bed.run();
        if (eof) bed.peer().shutdown();
        bed.run();
        REQUIRE(bed.opened == std::vector<error_code>{{}});
        CHECK((bed.stream->head().status == 200 || bed.stream->head().status == 204));
        CHECK(bed.stream->head().body.empty());
        if (!early) bed.read_on();
        CHECK(bed.body.empty() == (expected.empty() || !early));  // never inside
        bed.run();
        CHECK(bed.body == expected);
        CHECK(bed.end == net::error::eof);
    }
}

TEST_CASE("A stream is as long as it likes, its header has its time", "[http]") {
    stream_bed bed;
    bed.open();
    bed.run();
    SECTION("the header does not come") {
        bed.peer().send("HTTP/1.1 200 OK\r\n");
        bed.advance(9900ms);
        CHECK(bed.opened.empty());
        bed.advance(200ms);
        CHECK(bed.opened == std::vector<error_code>{errc::timed_out});
        bed.run();
        CHECK_FALSE(bed.peer().open());
    }
    SECTION("the header comes") {
        bed.peer().send(event_stream);
        bed.run();
        REQUIRE(bed.stream);
        bed.advance(24h);
        bed.read_on();
        for (int i = 0; i < 3; ++i)
            bed.peer().send("fffff\r\n" + std::string(0xfffff, 'x') + "\r\n");
        bed.run();
        CHECK(bed.body.size() == 3 * 0xfffff);  // over any limit for whole answers
        CHECK_FALSE(bed.end);
    }
}

TEST_CASE("A stream that nobody reads stays in the network", "[http]") {
    stream_bed bed;
    bed.open();
    bed.run();
    bed.peer().send(event_stream + "fffff\r\n" + std::string(0xfffff, 'x'));
    bed.run();
    REQUIRE(bed.stream);
    CHECK(bed.peer().unsent() > 0xfffff - 3 * 65536);
    bed.read_on();
    bed.run();
    CHECK(bed.peer().unsent() == 0);
    CHECK(bed.body.size() == 0xfffff);
}

TEST_CASE("A stream that breaks says how", "[http]") {
    stream_bed bed;
    bed.open();
    bed.run();
    bed.peer().send(event_stream + "3\r\nabc\r\n");
    bed.run();
    REQUIRE(bed.stream);
    bed.read_on();
    bed.run();
    CHECK(bed.body == "abc");
    SECTION("by its framing") {
        bed.peer().send("x\r\n");
        bed.run();
        CHECK(bed.end == errc::bad_request);
    }
    SECTION("by its end") {
        bed.peer().shutdown();
        bed.run();
        CHECK(bed.end == errc::connection_failed);
    }
    SECTION("by a reset") {
        bed.sim().reset_all();
        bed.run();
        CHECK(bed.end == net::error::connection_reset);
    }
    const auto first = bed.end;
    bed.read_on();
    bed.run();
    CHECK(bed.end == first);  // and goes on saying so
    CHECK(bed.body == "abc");
}

TEST_CASE("A header that cannot be read opens no stream", "[http]") {
    stream_bed bed;
    const auto [text, expected] = GENERATE(table<std::string, errc>(
        {{"nonsense\r\n\r\n", errc::bad_request},
         {switching, errc::bad_request},
         {"HTTP/1.1 200 OK\r\nX: " + std::string(20'000, 'x'), errc::header_too_large},
         {"", errc::connection_failed},
         {"HTTP/1.1 20", errc::connection_failed}}));
    CAPTURE(text);
    bed.open();
    bed.run();
    bed.peer().send(text);
    bed.run();
    bed.peer().shutdown();
    bed.run();
    CHECK(bed.opened == std::vector<error_code>{expected});
    CHECK_FALSE(bed.stream);
    CHECK_FALSE(bed.peer().open());
}

TEST_CASE("What cannot be opened says so, never inside", "[http]") {
    stream_bed bed;
    const auto [url, expected] = GENERATE(
        table<std::string, error_code>({{"nonsense", errc::bad_url},
                                        {"http://127.0.0.1:1/", net::error::connection_refused},
                                        {"http://nowhere.example/", errc::name_not_resolved},
                                        {"wss://127.0.0.1:80/", errc::tls_failed}}));
    std::vector<error_code> errors;
    http::detail::client_streams::open(*bed.client, bed.io().get_executor(), url, {},
                                       [&](error_code ec, auto s) {
                                           CHECK_FALSE(s);
                                           errors.push_back(ec);
                                       });
    http::detail::client_streams::upgrade(*bed.client, bed.io().get_executor(), url, {},
                                          [&](error_code ec, auto u) {
                                              CHECK_FALSE(u.stream);
                                              errors.push_back(ec);
                                          });
    CHECK(errors.empty());
    bed.run();
    CHECK(errors == std::vector<error_code>(2, expected));
}

TEST_CASE("A stream may be closed with a read under way", "[http]") {
    stream_bed bed;
    bed.open();
    bed.run();
    bed.peer().send(event_stream);
    bed.run();
    REQUIRE(bed.stream);
    std::array<std::byte, 10> buffer{};
    std::vector<error_code> ends;
    bed.stream->start_read(buffer, [&](error_code ec, std::size_t) { ends.push_back(ec); });
    bed.run();
    SECTION("by word") {
        bed.stream->close();
        CHECK(ends.empty());
        bed.run();
        CHECK(ends == std::vector<error_code>{net::error::operation_aborted});
        bed.stream->start_read(buffer, [&](error_code ec, std::size_t) { ends.push_back(ec); });
        bed.run();
        CHECK(ends.back() == net::error::operation_aborted);
    }
    SECTION("by destroying it") {
        bed.stream.reset();
        bed.run();
        CHECK(ends.empty());
    }
    SECTION("not by the client") {
        bed.client.reset();
        bed.run();
        CHECK(ends.empty());
        bed.peer().send("1\r\nx\r\n");
        bed.run();
        CHECK(ends == std::vector<error_code>{{}});
        return;
    }
    SECTION("not by a canceller that comes late") {
        bed.cancel();
        bed.run();
        CHECK(ends.empty());
        CHECK(bed.peer().open());
        return;
    }
    CHECK_FALSE(bed.peer().open());
}

TEST_CASE("An upgrade hands over the connection and what came after the header", "[http]") {
    const auto text = switching + "first frames\r\n\r\n";
    for (std::size_t cut = 0; cut < text.size(); ++cut) {
        INFO("cut at byte " << cut);
        stream_bed bed;
        bed.upgrade();
        bed.run();
        CHECK_THAT(bed.peer().received(), Contains("\r\nUpgrade: websocket\r\n") &&
                                              Contains("\r\nConnection: Upgrade\r\n"));
        bed.peer().send(text.substr(0, cut));
        bed.run();
        bed.peer().send(text.substr(cut));
        bed.run();
        REQUIRE(bed.opened == std::vector<error_code>{{}});
        CHECK(bed.upgraded.head.status == 101);
        CHECK(bed.upgraded.head.fields.get("upgrade") == "websocket");
        REQUIRE(bed.upgraded.stream);
        bed.client.reset();
        http_peer session(std::move(bed.upgraded.stream));
        bed.advance(24h);
        CHECK(bed.upgraded.leftover + session.received() == "first frames\r\n\r\n");
        session.send("ping");
        bed.run();
        CHECK_THAT(bed.peer().received(), EndsWith("\r\n\r\nping"));
    }
}

TEST_CASE("An upgrade that is refused shows the answer", "[http]") {
    stream_bed bed;
    bed.upgrade();
    bed.run();
    bed.peer().send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 4\r\nX: y\r\n\r\nnope");
    bed.run();
    CHECK(bed.opened == std::vector<error_code>{{}});
    CHECK(bed.upgraded.head.status == 401);
    CHECK(bed.upgraded.head.fields.get("X") == "y");
    CHECK(bed.upgraded.leftover == "nope");
    CHECK_FALSE(bed.upgraded.stream);
    CHECK_FALSE(bed.peer().open());
}

TEST_CASE("Opening can be ended at any step", "[http]") {
    enum class how { cancel, destroy_client, destroy_context, context_first };
    const auto way =
        GENERATE(how::cancel, how::destroy_client, how::destroy_context, how::context_first);
    const bool upgrade = GENERATE(true, false);
    bool ended = false;
    for (int steps = 0; !ended; ++steps) {
        INFO("after " << steps << " steps");
        stream_bed bed;
        upgrade ? bed.upgrade() : bed.open();
        bool begun = false;
        for (int i = 0; i < steps; ++i) {
            ended = bed.io().poll_one() == 0;
            if (!bed.listener->peers.empty() && !std::exchange(begun, true))
                bed.peer().send("HTTP/1.1 20");
        }
        switch (way) {
            case how::cancel:
                bed.cancel();
                bed.run();
                CHECK(bed.opened.empty());
                break;
            case how::destroy_client:
                bed.client.reset();
                bed.run();
                CHECK(bed.opened == std::vector<error_code>{errc::closed});
                break;
            case how::destroy_context:
            case how::context_first:
                if (way == how::destroy_context) bed.client.reset();
                bed.listener.reset();
                bed.destroy_context();
                bed.client.reset();
                bed.cancel();
                continue;
        }
        for (const auto& peer : bed.listener->peers) CHECK_FALSE(peer->open());
    }
}

TEST_CASE("An open stream may outlive its context", "[http]") {
    stream_bed bed;
    bed.open();
    bed.run();
    bed.peer().send(event_stream);
    bed.run();
    std::array<std::byte, 10> buffer{};
    bed.stream->start_read(buffer, [](error_code, std::size_t) { FAIL("nobody runs this"); });
    bed.listener.reset();
    bed.destroy_context();
    bed.stream.reset();
    bed.client.reset();
}

TEST_CASE("a stream in a coding that was not asked for is a clear error, and its status counts",
          "[http][fault-26]") {
    stream_bed bed;
    const bool asked = GENERATE(false, true);
    bed.open(asked ? http::request{.fields = {{"Accept-Encoding", "gzip"}}} : http::request());
    bed.run();
    bed.peer().send(
        "HTTP/1.1 403 Forbidden\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc");
    bed.run();
    REQUIRE(bed.opened == std::vector<error_code>{{}});
    CHECK(bed.stream->head().status == 403);
    bed.read_on();
    bed.run();
    CHECK(bed.body == (asked ? "abc" : ""));
    CHECK(bed.end ==
          (asked ? error_code(net::error::eof) : make_error_code(errc::unsupported_encoding)));
}
