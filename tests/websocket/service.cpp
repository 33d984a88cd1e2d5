// SPDX-License-Identifier: BSL-1.0
// The WebSocket service: the handshake, events to clients, resuming, closing, deadlines.
#include "support/ordering_history.hpp"
#include "support/websocket_bed.hpp"

namespace tidings::test {

TEST_CASE("A client is answered as RFC 6455 4.2.2 says", "[websocket]") {
    websocket_bed bed({}, {});
    const auto peer = bed.open();
    CHECK(peer->received() ==
          "HTTP/1.1 101 Switching Protocols\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
          "Upgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
          "Connection: Upgrade\r\n\r\n");
    CHECK(bed.clients() == 1);
}

TEST_CASE("Events come as CloudEvents with topic and position", "[websocket]") {
    websocket_bed bed;
    const auto peer = bed.open();
    const auto first = bed.publish("orders.1", "ten");
    bed.publish("orders.2", "");
    const auto texts = payloads_of(frames(*peer));
    REQUIRE(texts.size() == 2);
    CHECK(show_event(texts[0]) == "orders.1=ten");
    CHECK(show_event(texts[1]) == "orders.2=");
    CHECK(position_of(texts[0]) == first.position->text());
}

TEST_CASE("Two clients get what each asked for, and one leaving does not disturb the other",
          "[websocket]") {
    websocket_bed bed;
    const auto one = bed.open("/ws?topic=a.*&topic=a.b");
    auto two = bed.open("/ws?topic=%3E");
    bed.publish("a.b", "1");
    bed.publish("c", "2");
    two->close();
    bed.publish("a.c", "3");
    CHECK(show_events(frames(*one)) == strings{"a.b=1", "a.c=3"});
    CHECK(bed.clients() == 1);
    CHECK(bed.hub->subscriptions() == 1);
}

TEST_CASE("A peer that closes gets its code back, then the end", "[websocket]") {
    websocket::close_reason reason;
    websocket_bed bed({.hooks = {.on_close = [&](const auto&, const auto& why) { reason = why; }}},
                      {});
    const auto peer = bed.open();
    peer->send(client_close(4321, "enough") + client_text("after the end"));
    bed.run();
    const auto seen = frames(*peer);
    REQUIRE(seen.size() == 1);
    CHECK(seen[0].code == 4321);
    CHECK(seen[0].payload == "enough");
    CHECK(peer->ended() == net::error::eof);
    CHECK(bed.hub->subscriptions() == 0);
    CHECK(reason.code == 1006);  // not yet: we wait for the peer's end
    peer->close();
    bed.run();
    CHECK(reason.code == 4321);
    CHECK(reason.reason == "enough");
    CHECK_FALSE(reason.error);
    CHECK(bed.clients() == 0);
}

TEST_CASE("A close without a code is answered with 1000", "[websocket]") {
    websocket_bed bed;
    const auto peer = bed.open();
    peer->send(client_frame(websocket_opcode::close));
    bed.run();
    CHECK(close_code_of(frames(*peer)) == 1000);
}

TEST_CASE("A peer that ends its side with its close frame still gets ours", "[websocket]") {
    websocket_bed bed;
    const auto peer = bed.open();
    peer->send(client_close(1000));
    bed.io().restart();
    bed.io().poll_one();  // the frame is out
    peer->shutdown();
    bed.run();
    CHECK(close_code_of(frames(*peer)) == 1000);
    CHECK(peer->ended() == net::error::eof);
    CHECK(bed.clients() == 0);
}

TEST_CASE("A session is closed with code and reason, once the peer has answered", "[websocket]") {
    websocket::session_ptr session;
    websocket::close_reason reason;
    websocket_bed bed({.hooks = {.on_open = [&](const auto& s) { session = s; },
                                 .on_close = [&](const auto&, const auto& why) { reason = why; }}},
                      {});
    const auto peer = bed.open();
    REQUIRE(session);
    CHECK(session->is_open());
    session->close(4500, "go away");
    session->close(1000);
    bed.run();
    CHECK_FALSE(session->is_open());
    CHECK(session->send_text("x") == errc::closed);
    bed.publish("a", "not sent any more");
    const auto seen = frames(*peer);
    REQUIRE(seen.size() == 1);
    CHECK(seen[0].code == 4500);
    CHECK(seen[0].payload == "go away");
    peer->send(client_text("ignored") + client_close(4500));
    bed.run();
    CHECK(peer->ended() == net::error::eof);
    peer->close();
    bed.run();
    CHECK(reason.code == 4500);
    CHECK(bed.clients() == 0);
    session.reset();
}

TEST_CASE("A peer that does not answer our close is cut in time", "[websocket]") {
    websocket::session_ptr session;
    websocket::close_reason reason;
    websocket_bed bed({.hooks = {.on_open = [&](const auto& s) { session = s; },
                                 .on_close = [&](const auto&, const auto& why) { reason = why; }}});
    const auto peer = bed.open();
    session->close(1000, "bye");
    bed.advance(4900ms);
    CHECK_FALSE(peer->ended());
    bed.advance(200ms);
    CHECK(peer->ended());
    CHECK(reason.code == 1006);
    CHECK(reason.error == errc::timed_out);
    session.reset();
}

TEST_CASE("A silent peer is pinged with its position, and cut without a pong", "[websocket]") {
    websocket::close_reason reason;
    websocket_bed bed({.hooks = {.on_close = [&](const auto&, const auto& why) { reason = why; }}});
    const auto peer = bed.open("/ws?topic=a");
    const auto elsewhere = bed.publish("b", "moves the position on");
    peer->take();
    bed.advance(25'100ms);
    auto seen = frames_of(peer->take());
    REQUIRE(seen.size() == 1);
    CHECK(seen[0].opcode == websocket_opcode::ping);
    CHECK(seen[0].payload == "tidings-position:" + elsewhere.position->text());

    SECTION("a pong keeps it") {
        peer->send(client_frame(websocket_opcode::pong, seen[0].payload));
        bed.advance(20s);
        CHECK_FALSE(peer->ended());
        CHECK(peer->received().empty());
        bed.advance(6s);
        CHECK(frames_of(peer->received()).size() == 1);
    }
    SECTION("any byte keeps it") {
        peer->send(client_text("x").substr(0, 1));
        bed.advance(10s);
        CHECK_FALSE(peer->ended());
    }
    SECTION("silence does not") {
        bed.advance(7900ms);
        CHECK_FALSE(peer->ended());
        bed.advance(200ms);
        CHECK(peer->ended());
        CHECK(reason.code == 1006);
        CHECK(reason.error == errc::timed_out);
        CHECK(bed.hub->subscriptions() == 0);
    }
}

TEST_CASE("A client learns its position at once", "[websocket]") {
    websocket_bed bed;
    if (GENERATE(true, false)) bed.publish("a", "1");
    const auto here = bed.hub->head().text();
    const auto peer = bed.open("/ws?topic=a");
    const auto seen = frames(*peer);
    REQUIRE(seen.size() == 1);
    CHECK(seen[0].opcode == websocket_opcode::ping);
    CHECK(seen[0].payload == "tidings-position:" + here);
    // And so misses nothing when it is cut.
    bed.publish("a", "2");
    CHECK(show_events(frames(*bed.open("/ws?topic=a&after=" + here))) == strings{"a=2"});
}

TEST_CASE("A position too long for a ping is left out", "[websocket]") {
    const auto [length, told] = GENERATE(std::pair(108, true), std::pair(109, false));
    const auto history = std::make_shared<ordering_history>(
        10, std::string(static_cast<std::size_t>(length - 2), 'e'));
    websocket_bed bed({}, {.history = {.implementation = history}});
    bed.publish("a", "1");
    history->commit_all();
    REQUIRE(history->head().text().size() == static_cast<std::size_t>(length));
    const auto peer = bed.open("/ws?topic=a");
    const auto text = "tidings-position:" + history->head().text();
    CHECK(payloads_of(frames(*peer), websocket_opcode::ping) == strings{told ? text : ""});
}

TEST_CASE("A handshake that stops at any byte is given up", "[websocket]") {
    const auto request = upgrade_request("/ws?topic=a");
    for (std::size_t cut = 1; cut < request.size(); ++cut) {
        websocket_bed bed;
        bed.web->start();
        const auto peer = bed.connect();
        peer->send(request.substr(0, cut));
        bed.advance(9900ms);
        CAPTURE(cut);
        REQUIRE_FALSE(peer->ended());
        REQUIRE(peer->received().empty());
        bed.advance(200ms);
        REQUIRE(peer->received().starts_with("HTTP/1.1 408 "));
        REQUIRE(peer->ended());
    }
}

TEST_CASE("a client that stops in the middle of a frame is pinged, then closed",
          "[websocket][fault-30]") {
    const auto frame = client_text(std::string(200, 'x'));
    for (std::size_t cut = 1; cut < frame.size(); ++cut) {
        websocket::close_reason reason;
        websocket_bed bed(
            {.hooks = {.on_close = [&](const auto&, const auto& why) { reason = why; }}});
        const auto peer = bed.open("/ws?topic=a");
        const auto pings = [&] {
            return payloads_of(frames(*peer), websocket_opcode::ping).size();
        };
        CAPTURE(cut);
        REQUIRE(pings() == 1);  // where it begins
        peer->send(frame.substr(0, cut));
        bed.advance(25'100ms);
        REQUIRE(pings() == 2);
        bed.advance(4800ms);
        REQUIRE_FALSE(peer->ended());
        bed.advance(200ms);
        REQUIRE(close_code_of(frames(*peer)) == websocket::close_too_slow);
        REQUIRE(peer->ended());
        bed.advance(5100ms);
        REQUIRE(reason.code == websocket::close_too_slow);
        REQUIRE(reason.error == errc::timed_out);
        REQUIRE(bed.clients() == 0);
    }
}

TEST_CASE("A client resumes after a position", "[websocket]") {
    websocket_bed bed;
    bed.publish("a.1", "one");
    const auto two = bed.publish("b.2", "two");
    bed.publish("a.3", "three");

    SECTION("in the query") {
        const auto peer = bed.open("/ws?topic=%3E&after=" + two.position->text());
        bed.publish("a.4", "four");
        CHECK(show_events(frames(*peer)) == strings{"a.3=three", "a.4=four"});
    }
    SECTION("in a field, which wins") {
        const auto peer =
            bed.open("/ws?topic=a.*&after=", "Last-Event-ID: " + two.position->text() + "\r\n");
        CHECK(show_events(frames(*peer)) == strings{"a.3=three"});
    }
    SECTION("after nothing: everything") {
        const auto peer = bed.open("/ws?topic=a.*&after=");
        CHECK(show_events(frames(*peer)) == strings{"a.1=one", "a.3=three"});
    }
    SECTION("of another epoch, or ahead of us: told so, and goes on live") {
        const auto epoch = two.position->text().substr(0, two.position->text().find(':'));
        const auto after = GENERATE("elsewhere:7", "x", "", ":99", ":18446744073709551617");
        const auto from = *after == ':' || *after == '\0' ? epoch + after : std::string(after);
        const auto peer = bed.open("/ws?topic=%3E&after=" + from);
        bed.publish("a.4", "four");
        const auto texts = payloads_of(frames(*peer));
        REQUIRE(texts.size() == 2);
        CHECK(show_event(texts[0]).starts_with("tidings.gap="));
        CHECK(show_event(texts[1]) == "a.4=four");
        const auto again = bed.open("/ws?topic=%3E&after=" + position_of(texts[0]));
        CHECK(show_events(frames(*again)) == strings{"a.4=four"});
    }
}

TEST_CASE("Without a history a resume is a gap", "[websocket]") {
    websocket_bed bed({}, {});
    const auto peer = bed.open("/ws?topic=a&after=x");
    bed.publish("a", "1");
    const auto seen = show_events(frames(*peer));
    REQUIRE(seen.size() == 2);
    CHECK(seen[0].starts_with("tidings.gap="));
    CHECK(seen[1] == "a=1");
}

TEST_CASE("The subprotocol is the codec's where the client offers it", "[websocket]") {
    const auto [offered, chosen] =
        GENERATE(std::pair("cloudevents.json", "cloudevents.json"),
                 std::pair("a, cloudevents.json", "cloudevents.json"),
                 std::pair("cloudevents.avro", ""), std::pair("CloudEvents.json", ""));
    websocket_bed bed;
    const auto peer =
        bed.open("/ws?topic=a", "Sec-WebSocket-Protocol: " + std::string(offered) + "\r\n");
    CHECK(field_of(peer->received(), "Sec-WebSocket-Protocol") == chosen);
}

TEST_CASE("A codec of the user's own speaks plain messages", "[websocket]") {
    websocket_bed bed({.authorizer = allow_all(),
                       .codec = websocket::plain_codec("chat.line", "/chat"),
                       .topic = topic_rule::literal("chat")});
    const auto peer = bed.open("/ws?topic=chat");
    const auto other = bed.open("/ws?topic=chat");
    peer->send(client_text("hello"));
    bed.run();
    CHECK(payloads_of(frames(*other)) == strings{"hello"});
    CHECK(payloads_of(frames(*peer)).empty());
    bed.publish("chat", "to all");
    CHECK(payloads_of(frames(*peer)) == strings{"to all"});
}

TEST_CASE("A codec gets no frame of another's that stood at its address", "[websocket]") {
    struct word_codec final : websocket::codec {
        explicit word_codec(std::string w) : word(std::move(w)) {}
        std::string_view subprotocol() const noexcept override { return {}; }
        bool binary() const noexcept override { return false; }
        std::string encode(const publication&, error_code&) const override { return word; }
        wire_event decode(std::string_view, bool, error_code&) const override {
            return {event("t", "/s"), {}, {}, {}};
        }
        std::string word;
    };
    std::optional<word_codec> place;
    websocket_bed bed;
    bed.publish("a", "1");
    for (const auto* word : {"one", "two"}) {
        bed.web.reset();
        bed.run();
        place.emplace(word);
        bed.web.emplace(bed.server());
        bed.mount("/ws", {.codec = {std::shared_ptr<void>(), &*place}});
        CHECK(payloads_of(frames(*bed.open("/ws?topic=a&after="))) == strings{word});
    }
    bed.web.reset();
    bed.run();
}

TEST_CASE("What is sent is counted, and what has no form on this wire", "[websocket]") {
    struct counters final : metrics_sink {
        std::atomic<std::uint64_t> sent = 0, unsent = 0;
        void count(std::string_view, labels, std::uint64_t) noexcept override {}
        void gauge(std::string_view, labels, std::int64_t) noexcept override {}
        std::atomic<std::uint64_t>* counter(std::string_view name, labels) noexcept override {
            return name == "events_sent" ? &sent : name == "events_unsent" ? &unsent : nullptr;
        }
    };
    const auto counts = std::make_shared<counters>();
    websocket_bed bed({.codec = websocket::plain_codec("t", "/s"), .metrics = counts});
    const auto one = bed.open("/ws?topic=a");
    const auto two = bed.open("/ws?topic=*");
    bed.publish("a", "\xff");
    bed.publish("a", "x");
    CHECK(payloads_of(frames(*one)) == strings{"x"});
    CHECK(counts->sent == 2);
    CHECK(counts->unsent == 2);
}

TEST_CASE("a handle that is kept knows the sessions of the mounted service", "[websocket]") {
    websocket_bed bed;
    websocket::service chat(*bed.hub);
    bed.web->mount("/chat", chat);
    CHECK(chat.sessions() == 0);
    const auto one = bed.open("/chat?topic=a");
    const auto two = bed.open("/chat?topic=a");
    const auto elsewhere = bed.open("/ws?topic=a");
    CHECK(chat.sessions() == 2);
    two->close();
    bed.run();
    CHECK(chat.sessions() == 1);
}

TEST_CASE("a mounted service lives without a handle", "[websocket]") {
    websocket_bed bed;
    std::optional<websocket::service> chat(std::in_place, *bed.hub);
    bed.web->mount("/chat", *chat);
    const auto peer = bed.open("/chat?topic=a");
    if (GENERATE(true, false))
        chat.reset();
    else
        *chat = websocket::service(*bed.hub);
    bed.publish("a", "x");
    CHECK(show_events(frames(*peer)) == strings{"a=x"});
    const auto later = bed.open("/chat?topic=a");
    CHECK_FALSE(peer->ended());
    CHECK_FALSE(later->ended());
}

TEST_CASE("the end of its server closes a service for all its handles", "[websocket]") {
    int closed = 0;
    websocket_bed bed;
    websocket::service chat(*bed.hub,
                            {.hooks = {.on_close = [&](const auto&, const auto&) { ++closed; }}});
    bed.web->mount("/chat", chat);
    const auto peer = bed.open("/chat?topic=a");
    const std::string how = GENERATE("stop", "destroy", "drain");
    CAPTURE(how);
    if (how == "stop") bed.web->stop();
    if (how == "destroy") bed.web.reset();
    if (how == "drain") bed.web->async_drain([](error_code) {});
    bed.run();
    if (how == "drain") bed.advance(5100ms);
    CHECK(peer->ended());
    CHECK(closed == 1);
    CHECK(chat.sessions() == 0);
    CHECK(bed.hub->subscriptions() == 0);
    bed.web.emplace(bed.server());
    bed.web->mount("/chat", chat);
    CHECK(bed.ask_upgrade("/chat?topic=a")->received().starts_with("HTTP/1.1 503 "));
}

TEST_CASE("close of a handle ends the sessions of all, and refuses the next", "[websocket]") {
    websocket_bed bed;
    std::optional<websocket::service> chat;
    int closed = 0;
    const bool in_hook = GENERATE(true, false);
    chat.emplace(*bed.hub, websocket::service_options{
                               .hooks = {.on_message =
                                             [&](const auto&, const auto&) {
                                                 if (in_hook) chat->close();
                                                 return true;
                                             },
                                         .on_close = [&](const auto&, const auto&) { ++closed; }}});
    bed.web->mount("/chat", *chat);
    const auto one = bed.open("/chat?topic=a");
    const auto two = bed.open("/chat?topic=a");
    one->send(client_text("end"));
    bed.run();
    if (!in_hook) chat->close();
    bed.run();
    CHECK(one->ended());
    CHECK(two->ended());
    CHECK(closed == 2);
    CHECK(chat->sessions() == 0);
    CHECK(bed.ask_upgrade("/chat?topic=a")->received().starts_with("HTTP/1.1 503 "));
}

TEST_CASE("the last handle of a service that is mounted nowhere closes it", "[websocket]") {
    websocket_bed bed;
    std::optional<websocket::service> chat(std::in_place, *bed.hub);
    std::optional<websocket::service> copy(chat);
    bed.web->mount("/own", [&](http::exchange& x) { chat->handle(x); });
    const auto peer = bed.open("/own?topic=a");
    copy.reset();
    bed.run();
    CHECK_FALSE(peer->ended());
    CHECK(chat->sessions() == 1);
    chat.reset();
    bed.run();
    CHECK(peer->ended());
    CHECK(bed.hub->subscriptions() == 0);
}

TEST_CASE("a mount that fails leaves the service as it was", "[websocket]") {
    websocket_bed bed;
    const websocket::service chat(*bed.hub);
    bed.web->mount("/chat", chat);
    CHECK_THROWS_AS(bed.web->mount("/chat", chat), std::logic_error);
    CHECK_THROWS_AS(bed.web->mount("chat", chat), std::invalid_argument);
    const auto peer = bed.open("/chat?topic=a");
    CHECK(chat.sessions() == 1);
}

}  // namespace tidings::test
