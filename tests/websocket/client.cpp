// SPDX-License-Identifier: BSL-1.0
// The WebSocket client against a server that a test speaks for: handshake, events, reconnecting.
#include "support/websocket_client_bed.hpp"

namespace tidings::test {

using kind = connection_state;

TEST_CASE("A client asks as RFC 6455 4.1 says", "[websocket]") {
    websocket_client_bed bed;
    auto o = bed.client_options("ws://127.0.0.1/ws?x=1");
    o.topics = {"a.*", "b.>"};
    o.token = "secret";
    o.fields.set("X-Mine", "yes");
    bed.start(std::move(o));
    const auto request = bed.peer().received();
    CHECK(request.starts_with("GET /ws?x=1&topic=a.%2A&topic=b.%3E HTTP/1.1\r\n"));
    CHECK(field_of(request, "Host") == "127.0.0.1");
    CHECK(field_of(request, "Upgrade") == "websocket");
    CHECK(field_of(request, "Connection") == "Upgrade");
    CHECK(field_of(request, "Sec-WebSocket-Version") == "13");
    CHECK(field_of(request, "Sec-WebSocket-Protocol") == "cloudevents.json");
    CHECK_FALSE(check_websocket_key(field_of(request, "Sec-WebSocket-Key")));
    CHECK(field_of(request, "Authorization") == "Bearer secret");
    CHECK(field_of(request, "X-Mine") == "yes");
    CHECK(bed.states == std::vector<websocket_client_bed::state>{{kind::connecting, {}}});
    bed.peer().close();
    bed.until_next_connection();
    CHECK(field_of(bed.peer().received(), "Sec-WebSocket-Key") !=
          field_of(request, "Sec-WebSocket-Key"));
}

TEST_CASE("Where to begin stands in the request", "[websocket]") {
    websocket_client_bed bed;
    auto o = bed.client_options();
    o.after.emplace();
    SECTION("everything") {
        bed.start(std::move(o));
        CHECK(bed.peer().received().starts_with("GET /ws?topic=a.%3E&after= HTTP"));
    }
    SECTION("a position") {
        error_code ec;
        o.after = position::parse("e&:7", ec);
        bed.start(std::move(o));
        CHECK(bed.peer().received().starts_with("GET /ws?topic=a.%3E&after=e%26%3A7 HTTP"));
        CHECK(bed.client->last_position().text() == "e&:7");
    }
}

TEST_CASE("Events are delivered with their topics, and their positions are learnt", "[websocket]") {
    websocket_client_bed bed;
    bed.start();
    bed.accept();
    CHECK(bed.last_state() == websocket_client_bed::state{kind::open, {}});
    REQUIRE(bed.client->connection());
    bed.peer().send(server_text(cloud_event("1", "a.x", "e:5")));
    bed.run();
    REQUIRE(bed.seen->count() == 1);
    const auto e = bed.seen->events()[0];
    CHECK(e->topic() == "a.x");
    CHECK(e->id() == "1");
    CHECK(e->info().hops == 1);
    CHECK(e->info().origin == bed.client->as_subscriber()->origin());
    CHECK(bed.client->last_position().text() == "e:5");
    bed.peer().send(server_frame(websocket_opcode::ping, "tidings-position:e:9"));
    bed.run();
    CHECK(bed.client->last_position().text() == "e:9");
    CHECK(payloads_of(bed.sent(), websocket_opcode::pong) == strings{"tidings-position:e:9"});
    bed.seen->clear();
}

TEST_CASE("Whatever else a ping brings is no position", "[websocket]") {
    const auto payload =
        GENERATE("", "keepalive", "e:9", "tidings-position:", "tidings-position: e:9",
                 "x tidings-position:e:9");
    websocket_client_bed bed;
    bed.start();
    bed.accept(server_text(cloud_event("1", "a.x", "e:5")) +
               server_frame(websocket_opcode::ping, payload));
    CHECK(bed.client->last_position().text() == "e:5");
    CHECK(payloads_of(bed.sent(), websocket_opcode::pong) == strings{payload});
    bed.peer().close();
    bed.until_next_connection();
    CHECK(bed.peer().received().starts_with("GET /ws?topic=a.%3E&after=e%3A5 HTTP"));
    bed.seen->clear();
}

TEST_CASE("First frames may come with the answer, cut anywhere", "[websocket]") {
    const std::string frames = server_frame(websocket_opcode::ping, "p") +
                               server_text(cloud_event("1", "a.x", "e:1")) +
                               server_close(4500, "final");
    std::size_t length = 1000;
    for (std::size_t cut = 1; cut < length; ++cut) {
        websocket_client_bed bed;
        bed.start();
        const auto bytes = upgrade_answer(bed.peer().take()) + frames;
        length = bytes.size();
        bed.peer().send(bytes.substr(0, cut));
        bed.run();
        bed.peer().send(bytes.substr(cut));
        bed.run();
        CAPTURE(cut);
        REQUIRE(topics_of(bed.seen->events()) == strings{"a.x"});
        REQUIRE(payloads_of(bed.sent(), websocket_opcode::pong) == strings{"p"});
        REQUIRE(close_code_of(bed.sent()) == 4500);
        bed.peer().close();
        bed.run();
        REQUIRE(bed.last_state().to == kind::stopped);
        bed.seen->clear();
    }
}

TEST_CASE("an answer that is no handshake ends the client for good", "[websocket][fault-6]") {
    websocket_client_bed bed;
    auto o = bed.client_options();
    o.subprotocols = {"mine"};
    bed.start(std::move(o));
    const auto good = upgrade_answer(bed.peer().received());
    const auto [answer, why] = GENERATE_COPY(
        std::pair(upgrade_answer("GET / HTTP/1.1\r\nSec-WebSocket-Key: other\r\n"),
                  errc::ws_bad_key),
        std::pair(good.substr(0, good.size() - 2) + "Sec-WebSocket-Protocol: yours\r\n\r\n",
                  errc::ws_bad_subprotocol),
        std::pair(good.substr(0, good.size() - 2) +
                      "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
                  errc::ws_bad_handshake),
        std::pair(std::string("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"),
                  errc::ws_bad_handshake),
        // It speaks cloudevents.json, but has not offered it.
        std::pair(
            good.substr(0, good.size() - 2) + "Sec-WebSocket-Protocol: cloudevents.json\r\n\r\n",
            errc::ws_bad_subprotocol),
        std::pair(good.substr(0, good.size() - 2) + "Sec-WebSocket-Protocol: \r\n\r\n",
                  errc::ws_bad_subprotocol),
        std::pair(good.substr(0, good.size() - 2) + "Sec-WebSocket-Protocol: mine, mine\r\n\r\n",
                  errc::ws_bad_subprotocol),
        std::pair(good.substr(0, good.size() - 2) +
                      "Sec-WebSocket-Protocol: mine\r\nSec-WebSocket-Protocol: mine\r\n\r\n",
                  errc::ws_bad_handshake),
        std::pair(good.substr(0, good.size() - 2) + "Sec-WebSocket-Accept: other\r\n\r\n",
                  errc::repeated_field),
        std::pair(std::string("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), errc::ws_refused),
        std::pair(std::string("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"),
                  errc::ws_refused),
        std::pair(std::string("HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nno"), errc::ws_refused));
    bed.peer().send(answer);
    bed.run();
    CHECK(bed.last_state() == websocket_client_bed::state{kind::stopped, why});
    bed.advance(1h);
    CHECK(bed.server.peers.size() == 1);
    CHECK(bed.client->as_subscriber()->deliver(make_lagged_event(1)) == outcome::delivered);
}

TEST_CASE("The server's choice among the subprotocols offered is told", "[websocket]") {
    websocket_client_bed bed;
    auto o = bed.client_options();
    o.subprotocols = {"one", "two"};
    bed.start(std::move(o));
    CHECK(field_of(bed.peer().received(), "Sec-WebSocket-Protocol") == "one, two");
    bed.accept({}, "Sec-WebSocket-Protocol: two\r\n");
    CHECK(bed.client->connection()->subprotocol() == "two");
}

TEST_CASE("An answer that asks to wait is heeded", "[websocket]") {
    websocket_client_bed bed;
    bed.start();
    const auto status = GENERATE("503 Busy", "429 Slower", "500 Broken", "408 Late");
    bed.peer().send("HTTP/1.1 " + std::string(status) +
                    "\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n");
    bed.run();
    CHECK(bed.last_state() == websocket_client_bed::state{kind::waiting, errc::ws_refused});
    const auto waited = bed.until_next_connection();
    CHECK(waited >= 7s);
    CHECK(waited <= 7100ms);
}

TEST_CASE("An answer that asks to wait for years is heeded up to a limit", "[websocket]") {
    const auto limit = GENERATE(5min, 10min);
    websocket_client_bed bed;
    auto o = bed.client_options();
    if (limit != 5min) o.reconnect.max_retry_after = limit;
    bed.start(std::move(o));
    bed.peer().send("HTTP/1.1 503 Busy\r\nRetry-After: 99999999999\r\nContent-Length: 0\r\n\r\n");
    const auto waited = bed.until_next_connection(15min);
    CHECK(waited >= limit);
    CHECK(waited <= limit + 100ms);
}

TEST_CASE("Who is asked decides whether to try again after a refusal", "[websocket]") {
    const auto [answer, again] = GENERATE(
        std::pair("401 No\r\nWWW-Authenticate: Bearer\r\nContent-Length: 2\r\n\r\nno", false),
        std::pair("503 Busy\r\nContent-Length: 2\r\n\r\nno", true));
    const bool decision = GENERATE(true, false);
    websocket_client_bed bed;
    auto o = bed.client_options();
    strings asked;
    o.on_refused = [&](const http::response& r, bool would) {
        CHECK(would == again);
        CHECK(r.fields.get("www-authenticate") == (again ? "" : "Bearer"));
        asked.push_back(std::to_string(r.status) + r.body);
        return decision;
    };
    bed.start(std::move(o));
    bed.peer().send("HTTP/1.1 " + std::string(answer));
    bed.run();
    CHECK(asked == strings{again ? "503no" : "401no"});
    CHECK(bed.last_state() ==
          websocket_client_bed::state{decision ? kind::waiting : kind::stopped, errc::ws_refused});
    if (decision) CHECK(bed.until_next_connection() <= 540ms);
}

TEST_CASE("Every handshake may bring a token that is fresh", "[websocket]") {
    websocket_client_bed bed;
    auto o = bed.client_options();
    int made = 0;
    o.token = "first";
    o.on_request = [&](http::fields& f) {
        CHECK(f.get("authorization") == "Bearer first");
        f.set("Authorization", "Bearer " + std::to_string(++made)).set("Upgrade", "tea");
        if (made == 3) throw std::runtime_error("no token");
    };
    bed.start(std::move(o));
    for (const auto* token : {"Bearer 1", "Bearer 2", "Bearer 3"}) {
        CHECK(field_of(bed.peer().received(), "Authorization") == token);
        CHECK(field_of(bed.peer().received(), "Upgrade") == "websocket");
        bed.peer().close();
        bed.until_next_connection();
    }
    CHECK(std::count(bed.logged.begin(), bed.logged.end(), "no token") == 1);
}

TEST_CASE("Whoever does not answer is tried again, ever more seldom", "[websocket]") {
    websocket_client_bed bed;
    SECTION("that refuses connections") {
        bed.sim().set_link({.connect = sim_link::on_connect::refuse});
    }
    SECTION("that hangs while connecting") {
        bed.sim().set_link({.connect = sim_link::on_connect::hang});
    }
    bed.start();
    bed.advance(10'100ms);
    REQUIRE(bed.states.size() >= 2);
    CHECK(bed.states[1].to == kind::waiting);
    CHECK(bed.states[1].why);
    bed.sim().set_link({});
    bed.until_next_connection();
    for (const auto least : {250ms, 500ms, 1000ms, 2000ms}) {
        CAPTURE(least.count());
        bed.peer().send("what is this");
        bed.peer().close();
        const auto waited = bed.until_next_connection();
        CHECK(waited >= least / 2);
        CHECK(waited <= 16 * least);
    }
}

TEST_CASE("A server whose answer stops at any byte is tried again", "[websocket]") {
    std::size_t length = 1000;
    for (std::size_t cut = 0; cut < length; ++cut) {
        websocket_client_bed bed;
        bed.start();
        const auto answer = upgrade_answer(bed.peer().take());
        length = answer.size();
        bed.peer().send(answer.substr(0, cut));
        bed.advance(9900ms);
        CAPTURE(cut);
        REQUIRE(bed.last_state().to == kind::connecting);
        bed.advance(200ms);
        REQUIRE(bed.last_state() == websocket_client_bed::state{kind::waiting, errc::timed_out});
    }
}

TEST_CASE("A client resumes after a cut, where it was", "[websocket]") {
    websocket_client_bed bed;
    bed.start();
    bed.accept(server_text(cloud_event("1", "a.x", "e:5")));
    bed.peer().close();
    bed.run();
    CHECK(bed.last_state().to == kind::waiting);
    CHECK_FALSE(bed.client->connection());
    const auto waited = bed.until_next_connection();
    CHECK(waited >= 250ms);
    CHECK(waited <= 540ms);
    CHECK(bed.peer().received().starts_with("GET /ws?topic=a.%3E&after=e%3A5 HTTP"));
    bed.seen->clear();
}

TEST_CASE("Without resume a client begins anew", "[websocket]") {
    websocket_client_bed bed;
    auto o = bed.client_options();
    o.resume = false;
    o.after.emplace();
    bed.start(std::move(o));
    CHECK(bed.peer().received().starts_with("GET /ws?topic=a.%3E&after= HTTP"));
    bed.accept(server_text(cloud_event("1", "a.x", "e:5")));
    bed.peer().close();
    bed.until_next_connection();
    CHECK(bed.peer().received().starts_with("GET /ws?topic=a.%3E HTTP"));
    bed.seen->clear();
}

TEST_CASE("A server that drops each connection at once is not stormed", "[websocket]") {
    websocket_client_bed bed;
    bed.start();
    auto waited = 0ms;
    for (int i = 0; i < 10; ++i) {
        bed.accept();
        bed.peer().close();
        waited = bed.until_next_connection();
    }
    CHECK(waited >= 15s);
    CHECK(waited <= 30'100ms);
    bed.accept(server_text(cloud_event("1", "a.x")));
    SECTION("until a connection lasts") {
        bed.advance(10s);
        bed.peer().close();
        CHECK(bed.until_next_connection() <= 540ms);
    }
    SECTION("also when an event comes") {
        bed.peer().close();
        CHECK(bed.until_next_connection() >= 15s);
    }
    bed.seen->clear();
}

TEST_CASE("Close codes tell whether to come back", "[websocket]") {
    const auto [code, final] =
        GENERATE(std::pair(1000, true), std::pair(1001, false), std::pair(1002, true),
                 std::pair(1003, true), std::pair(1007, true), std::pair(1008, true),
                 std::pair(1009, false), std::pair(1011, false), std::pair(1012, false),
                 std::pair(1013, false), std::pair(4008, false), std::pair(4009, false),
                 std::pair(4499, false), std::pair(4500, true), std::pair(4999, true));
    websocket_client_bed bed;
    bed.start();
    bed.accept(server_close(static_cast<std::uint16_t>(code)));
    CHECK(close_code_of(bed.sent()) == code);
    bed.peer().close();
    bed.run();
    CHECK(bed.last_state().to == (final ? kind::stopped : kind::waiting));
    CHECK(bed.last_state().why == errc::closed);
}

TEST_CASE("a server that stalls within a frame is left, and asked again", "[websocket]") {
    websocket_client_bed bed;
    auto o = bed.client_options();
    o.ping_interval = 0ms;
    bed.start(std::move(o));
    bed.accept(server_text(cloud_event("1", "a.x", "e:1")) +
               server_text(std::string(5000, 'x')).substr(0, 2000));
    for (int i = 0; i < 2; ++i) bed.advance(31s);
    CHECK(close_code_of(bed.sent()) == websocket::close_too_slow);
    bed.peer().close();
    bed.run();
    CHECK(bed.last_state() == websocket_client_bed::state{kind::waiting, errc::timed_out});
    bed.until_next_connection();
    CHECK(bed.peer().received().starts_with("GET /ws?topic=a.%3E&after=e%3A1 HTTP"));
    bed.seen->clear();
}

TEST_CASE("A server that breaks the protocol is told and left for good", "[websocket]") {
    const auto [bytes, code, why] =
        GENERATE(std::tuple(client_text("masked"), 1002, errc::ws_bad_mask),
                 std::tuple(server_text("\xff"), 1007, errc::invalid_utf8),
                 std::tuple(std::string("\x82\x7f\0\0\0\0\x40\0\0\1", 10), 1009, errc::too_large));
    websocket_client_bed bed;
    bed.start();
    bed.accept(bytes);
    CHECK(close_code_of(bed.sent()) == code);
    bed.peer().close();
    bed.run();
    CHECK(bed.last_state() == websocket_client_bed::state{kind::stopped, why});
}

TEST_CASE("A message that is no event is logged, and the next one taken", "[websocket]") {
    websocket_client_bed bed;
    bed.start();
    bed.accept(server_text("{") + server_text(cloud_event("1", "a..b", "e:1")) +
               server_text(cloud_event("2", "a.x", "e:2")));
    CHECK(topics_of(bed.seen->events()) == strings{"a.x"});
    CHECK(std::count(bed.logged.begin(), bed.logged.end(), "event refused") == 2);
    CHECK(bed.client->counters().received == 3);
    CHECK(bed.client->counters().refused == 2);
    CHECK(bed.sent().empty());
    bed.seen->clear();
}

TEST_CASE("A gap is handed on like an event", "[websocket]") {
    websocket_client_bed bed;
    bed.start();
    bed.accept(server_text(R"({"specversion":"1.0","source":"/tidings","type":"tidings.gap",)"
                           R"("id":"1","topic":"tidings.gap","position":"e:9"})"));
    CHECK(topics_of(bed.seen->events()) == strings{"tidings.gap"});
    CHECK(bed.client->last_position().text() == "e:9");
    bed.seen->clear();
}

TEST_CASE("A server that falls silent is left", "[websocket]") {
    websocket_client_bed bed;
    bed.start();
    bed.accept();
    bed.advance(25'100ms);
    CHECK(payloads_of(bed.sent(), websocket_opcode::ping) == strings{""});
    CHECK(bed.last_state().to == kind::open);
    bed.advance(8100ms);
    CHECK(bed.last_state() == websocket_client_bed::state{kind::waiting, errc::timed_out});
}

}  // namespace tidings::test
