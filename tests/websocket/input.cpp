// SPDX-License-Identifier: BSL-1.0
// What a WebSocket client may send: refused handshakes, broken frames, events that cannot be taken.
#include "support/websocket_bed.hpp"

namespace tidings::test {

namespace {

std::string without(std::string text, std::string_view part) {
    const auto at = text.find(part);
    REQUIRE(at != std::string::npos);
    return text.erase(at, part.size());
}

std::string with(std::string text, std::string_view part, std::string_view other) {
    const auto at = text.find(part);
    REQUIRE(at != std::string::npos);
    return text.replace(at, part.size(), other);
}

std::string json_event(std::string_view id, std::string_view more) {
    return R"({"specversion":"1.0","source":"/peer","type":"t","id":")" + std::string(id) + '"' +
           std::string(more) + '}';
}

/// A client may publish below `open.`.
bool below_open(const principal&, action a, std::string_view topic) {
    return a == action::subscribe || topic.starts_with("open.");
}

}  // namespace

TEST_CASE("a handshake that is none is refused, and says why", "[websocket][fault-6]") {
    const auto good = upgrade_request("/ws?topic=a");
    struct row {
        std::string request, status, says;
    };
    const auto [request, status, says] = GENERATE_COPY(
        row{without(good, "Upgrade: websocket\r\n"), "426", "\r\nUpgrade: websocket\r\n"},
        row{with(good, "Upgrade: websocket", "Upgrade: h2c"), "426", "\r\nUpgrade: websocket\r\n"},
        row{with(good, "GET", "POST"), "400", "GET with HTTP/1.1"},
        row{with(good, "HTTP/1.1", "HTTP/1.0"), "400", "GET with HTTP/1.1"},
        row{with(good, "Connection: Upgrade", "Connection: keep-alive"), "400", "Connection"},
        row{without(good, "Sec-WebSocket-Version: 13\r\n"), "426", "Sec-WebSocket-Version: 13\r\n"},
        row{with(good, "Version: 13", "Version: 8"), "426", "Sec-WebSocket-Version: 13\r\n"},
        row{without(good, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"), "400", "Key"},
        row{with(good, "dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ="), "400", "Key"},
        row{with(good, "Sec-WebSocket-Key", "Sec-WebSocket-Key: x\r\nSec-WebSocket-Key"), "400",
            ""},
        row{with(good, "Version: 13", "Version: 13\r\nSec-WebSocket-Version: 13"), "400", ""},
        row{with(good, "Host:", "Origin: http://127.0.0.1\r\nOrigin: http://127.0.0.1\r\nHost:"),
            "400", ""},
        row{with(good, "Host:", "Content-Length: 5\r\nHost:"), "400", "no body"},
        row{with(good, "topic=a", ""), "400", "name at least one topic"},
        row{with(good, "topic=a", "topic=a..b"), "400", "Bad topic pattern"},
        row{with(good, "topic=a", "topic="), "400", "Bad topic pattern"},
        row{with(good, "topic=a", "topic=a&topic=*x"), "400", "Bad topic pattern"},
        row{with(good, "topic=a", "topic=a%0"), "400", "Bad query"},
        row{with(good, "topic=a", "topic=a&after=a%0d%0ab"), "400", "Bad position"},
        row{with(good, "topic=a", "topic=a&after=a%00b"), "400", "Bad position"},
        row{with(good, "Host:", "Origin: https://elsewhere.example\r\nHost:"), "403", "Origin"},
        row{with(good, "Host:", "Origin: null\r\nHost:"), "403", "Origin"},
        row{with(good, "/ws", "/nothing"), "404", ""});
    CAPTURE(request);
    websocket_bed bed;
    bed.web->start();
    const auto peer = bed.connect();
    peer->send(request);
    bed.run();
    INFO(peer->received());
    CHECK(peer->received().starts_with("HTTP/1.1 " + status + ' '));
    CHECK(peer->received().find(says) != std::string::npos);
    CHECK(bed.clients() == 0);
    if (!peer->open()) return;
    // A refusal does not cost the connection.
    peer->take();
    peer->send(good);
    bed.run();
    CHECK(peer->received().starts_with("HTTP/1.1 101 "));
}

TEST_CASE("a field that may stand once is refused in a server of the user's own, too",
          "[websocket][fault-6]") {
    const std::string twice =
        GENERATE("Host", "Origin", "Sec-WebSocket-Key", "Sec-WebSocket-Version");
    http_bed bed;
    error_code ec;
    io::stream_ptr served;
    const auto acceptor = bed.sim().listen(bed.io().get_executor(), {.port = 81}, ec);
    acceptor->start_accept(bed.io().get_executor(),
                           [&](error_code, io::stream_ptr s) { served = std::move(s); });
    const auto peer = bed.connect(81);
    http::request r{.target = "/"};
    r.fields.set("Host", "127.0.0.1")
        .set("Origin", "http://127.0.0.1")
        .set("Upgrade", "websocket")
        .set("Connection", "Upgrade")
        .set("Sec-WebSocket-Version", "13")
        .set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    r.fields.append(twice, std::string(r.fields.get(twice)));
    websocket::service service({.hooks = {}});
    http::exchange x(std::move(r), std::move(served), {}, bed.environment());
    service.handle(x);
    bed.run();
    CHECK(peer->received().starts_with("HTTP/1.1 400 "));
    CHECK(peer->received().find(twice + " comes twice") != std::string::npos);
    peer->close();
    bed.advance(10s);
}

TEST_CASE("every 426 names the protocol to upgrade to and its version", "[websocket][fault-8]") {
    const auto good = upgrade_request("/ws?topic=a");
    const auto request = GENERATE_COPY(with(good, "Version: 13", "Version: 8"),
                                       without(good, "Sec-WebSocket-Version: 13\r\n"),
                                       without(good, "Upgrade: websocket\r\n"));
    websocket_bed bed;
    bed.web->start();
    const auto answer = bed.ask(request);
    CHECK(answer.starts_with("HTTP/1.1 426 "));
    CHECK(field_of(answer, "Upgrade") == "websocket");
    CHECK(field_of(answer, "Connection").find("Upgrade") != std::string::npos);
    CHECK(field_of(answer, "Sec-WebSocket-Version") == "13");
}

TEST_CASE("origins are those of the Host, or those that are listed", "[websocket]") {
    websocket_bed bed;
    bed.mount("/listed", {.allowed_origins = {"https://app.example"}});
    const auto status = [&](std::string_view target, std::string_view origin) {
        const auto peer = bed.ask_upgrade(target, "Origin: " + std::string(origin) + "\r\n");
        return peer->received().substr(9, 3);
    };
    CHECK(status("/ws?topic=a", "http://127.0.0.1") == "101");
    CHECK(status("/ws?topic=a", "http://127.0.0.1:81") == "403");
    CHECK(status("/listed?topic=a", "https://app.example") == "101");
    CHECK(status("/listed?topic=a", "http://app.example") == "403");
    CHECK(status("/listed?topic=a", "http://127.0.0.1") == "403");
}

TEST_CASE("strangers need credentials, and a grant for each pattern", "[websocket]") {
    websocket_bed bed;
    bed.mount("/token", {.authenticator = bearer_token("secret"),
                         .authorizer = [](const principal& who, action, std::string_view topic) {
                             return who.name == "token" && topic != "private.>";
                         }});
    bed.sim().set_link({.client_address = "192.0.2.7"});
    const auto ask = [&](std::string_view target, std::string_view fields) {
        return bed.ask_upgrade(target, fields)->received();
    };
    CHECK(ask("/ws?topic=a", "").starts_with("HTTP/1.1 401 "));
    const auto none = ask("/token?topic=a", "");
    CHECK(none.starts_with("HTTP/1.1 401 "));
    CHECK(field_of(none, "WWW-Authenticate") == "Bearer");
    CHECK(ask("/token?topic=a", "Authorization: Bearer wrong\r\n").starts_with("HTTP/1.1 401 "));
    CHECK(ask("/token?topic=a", "Authorization: Bearer secret\r\n").starts_with("HTTP/1.1 101 "));
    CHECK(ask("/token?topic=a&topic=private.%3E", "Authorization: Bearer secret\r\n")
              .starts_with("HTTP/1.1 403 "));
}

TEST_CASE("what breaks the protocol is answered with its close code", "[websocket]") {
    const auto masked = [](std::string_view first, std::string_view rest) {
        return std::string(first) + std::string(rest);
    };
    const auto [bytes, code] = GENERATE_COPY(
        std::pair(server_text("not masked"), 1002),
        std::pair(masked("\xc1\x80", std::string(4, 0)), 1002),  // RSV1
        std::pair(masked("\x83\x80", std::string(4, 0)), 1002),  // opcode 3
        std::pair(masked("\x8b\x80", std::string(4, 0)), 1002),  // opcode 11
        std::pair(masked("\x09\x80", std::string(4, 0)), 1002),  // a ping in parts
        std::pair(std::string("\x89\xfe"), 1002),                // a ping of 126 bytes
        std::pair(client_frame(websocket_opcode::continuation, "x"), 1002),
        std::pair(client_frame(websocket_opcode::text, "x", false) + client_text("y"), 1002),
        std::pair(client_frame(websocket_opcode::close, "x"), 1002),         // one byte
        std::pair(client_frame(websocket_opcode::close, "\x03\xed"), 1002),  // 1005
        std::pair(client_frame(websocket_opcode::close, "\x03\xe8\xff"), 1007),
        std::pair(client_text("\xc3\x28"), 1007),
        std::pair(client_frame(websocket_opcode::text, "\xf4\x90", false), 1007),
        std::pair(masked("\x82\xff", std::string("\xff") + std::string(11, 0)), 1002),
        std::pair(client_frame(websocket_opcode::binary, std::string(1001, 'x')), 1009),
        std::pair(masked("\x82\xff", std::string(3, 0) + '\1' + std::string(8, 0)), 1009));
    websocket::close_reason reason;
    websocket_bed bed({.max_message_bytes = 1000,
                       .hooks = {.on_close = [&](const auto&, const auto& why) { reason = why; }}},
                      {});
    const auto peer = bed.open();
    peer->send(client_frame(websocket_opcode::ping, "before") + bytes +
               client_frame(websocket_opcode::ping, "after"));
    bed.run();
    const auto seen = frames(*peer);
    REQUIRE(seen.size() == 2);
    CHECK(seen[0].payload == "before");
    CHECK(seen[1].code == code);
    CHECK_FALSE(seen[1].payload.empty());
    CHECK(peer->ended() == net::error::eof);
    CHECK(bed.hub->subscriptions() == 0);
    peer->close();
    bed.run();
    CHECK(reason.code == code);
    CHECK(reason.error);
}

TEST_CASE("a second handshake on the same connection is no frame", "[websocket]") {
    websocket_bed bed;
    const auto together = GENERATE(false, true);
    bed.web->start();
    const auto peer = bed.connect();
    peer->send(upgrade_request("/ws?topic=a"));
    if (!together) bed.run();
    peer->send(upgrade_request("/ws?topic=a"));
    bed.run();
    CHECK(close_code_of(frames(*peer)) == 1002);
    CHECK(peer->ended() == net::error::eof);
}

TEST_CASE("first frames may come with the handshake, cut anywhere", "[websocket]") {
    const auto bytes =
        upgrade_request("/ws?topic=open.%3E") + client_frame(websocket_opcode::ping, "p") +
        client_text(json_event("1", R"(,"topic":"open.x","data":1)")) + client_close(1000, "done");
    for (std::size_t cut = 1; cut <= bytes.size(); ++cut) {
        websocket_bed bed({.authorizer = below_open}, {});
        strings published;
        const auto watch =
            bed.hub->subscribe(">", [&](const event_ptr& e) { published.emplace_back(e->text()); });
        bed.web->start();
        const auto peer = bed.connect();
        peer->send(bytes.substr(0, cut));
        bed.run();
        peer->send(bytes.substr(cut));
        bed.run();
        const auto seen = frames(*peer);
        CAPTURE(cut, peer->received());
        REQUIRE(seen.size() == 2);
        REQUIRE(seen[0].opcode == websocket_opcode::pong);
        REQUIRE(seen[0].payload == "p");
        REQUIRE(seen[1].code == 1000);
        REQUIRE(published == strings{"1"});
    }
}

TEST_CASE("a client publishes where it is granted, and hears others but not itself",
          "[websocket]") {
    websocket_bed bed({.authorizer = below_open});
    const auto one = bed.open();
    const auto two = bed.open();
    one->send(client_text(json_event("7", R"(,"topic":"open.x","hops":2,"data":{"n":1})")));
    bed.run();
    CHECK(payloads_of(frames(*one)).empty());
    const auto texts = payloads_of(frames(*two));
    REQUIRE(texts.size() == 1);
    CHECK(show_event(texts[0]) == R"(open.x={"n":1})");
    error_code ec;
    const auto e = parse_cloudevents_json(texts[0], ec);
    CHECK(e.event.id() == "7");
    CHECK(e.hops == 3);
    CHECK_FALSE(e.position.empty());
}

TEST_CASE("an event that cannot be taken is answered with tidings.refused", "[websocket]") {
    struct row {
        std::string message, id;
        error_code why;
    };
    const auto [message, id, why] = GENERATE_COPY(
        row{"{", "", errc::invalid_json}, row{"", "", errc::invalid_json},
        row{"[]", "", errc::event_bad_specversion},
        row{R"({"specversion":"1.0","source":"/s","type":"t"})", "", errc::event_without_id},
        row{json_event(R"(a\r\nb)", R"(,"topic":"open.x")"), R"(a\r\nb)",
            errc::event_bad_attribute_value},
        row{json_event(R"(a\u0000b)", R"(,"topic":"open.x")"), R"(a\u0000b)",
            errc::event_bad_attribute_value},
        row{json_event("1", R"(,"topic":"closed.x")"), "1", errc::forbidden},
        row{json_event("2", R"(,"topic":"tidings.gap")"), "2", errc::reserved_topic},
        row{R"({"specversion":"1.0","id":"2","source":"/s","type":"tidings.gap","topic":"open.x"})",
            "2", errc::event_reserved_type},
        row{json_event("3", R"(,"topic":"open.*")"), "3", errc::bad_topic},
        row{json_event("4", R"(,"topic":"open.x","hops":16)"), "4", errc::hop_limit});
    CAPTURE(message);
    websocket_bed bed({.authorizer = below_open});
    const auto peer = bed.open();
    peer->send(client_text(message) +
               client_text(json_event("x", R"(,"topic":"open.x","data":"still taken")")));
    bed.run();
    const auto texts = payloads_of(frames(*peer));
    REQUIRE(texts.size() == 1);
    error_code ec;
    const auto refusal = parse_cloudevents_json(texts[0], ec);
    CHECK(refusal.topic == "tidings.refused");
    CHECK(refusal.event.text() == R"({"id":")" + id + R"(","error":")" + why.message() + R"("})");
    CHECK(bed.hub->head().text().ends_with(":1"));  // the one that followed
    CHECK(std::count(bed.logged.begin(), bed.logged.end(), "message refused") == 1);
}

TEST_CASE("a binary message is no CloudEvent in JSON", "[websocket]") {
    websocket_bed bed({.authorizer = allow_all()});
    const auto peer = bed.open();
    peer->send(client_frame(websocket_opcode::binary, json_event("1", "")));
    bed.run();
    CHECK(show_events(frames(*peer)).at(0).starts_with("tidings.refused="));
}

TEST_CASE("nobody publishes who was not granted it", "[websocket]") {
    websocket_bed bed;
    const auto peer = bed.open();
    peer->send(client_text(json_event("1", R"(,"topic":"open.x")")));
    bed.run();
    CHECK(show_events(frames(*peer)).at(0).starts_with(R"(tidings.refused={"id":"1")"));
    CHECK(bed.hub->head().text().ends_with(":0"));
}

TEST_CASE("the connections of a lane read large messages into the same memory",
          "[websocket][fault-17]") {
    const std::string large(1 << 20, 'a');
    std::vector<const void*> seen;
    websocket::service_options o;
    o.max_message_bytes = large.size();
    o.hooks.on_message = [&](const websocket::session_ptr&, const websocket::message& m) {
        CHECK(m.payload == large);
        seen.push_back(m.payload.data());
        return true;
    };
    websocket_bed bed(o);
    const auto one = bed.open();
    const auto two = bed.open();
    std::vector<std::string> others;  // take what would be free
    for (auto* const peer : {one.get(), two.get(), one.get()}) {
        peer->send(client_text(large));
        bed.run();
        others.emplace_back(large);
    }
    REQUIRE(seen.size() == 3);
    CHECK(seen[1] == seen[0]);
    CHECK(seen[2] == seen[0]);
}

}  // namespace tidings::test
