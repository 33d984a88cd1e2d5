// SPDX-License-Identifier: BSL-1.0
// Hooks and raw messages of WebSocket sessions, and their ends: by hooks, drains, servers and
// contexts that go.
#include "support/websocket_bed.hpp"

namespace tidings::test {

namespace {

websocket::hooks echo() {
    return {.on_message = [](const websocket::session_ptr& s, const websocket::message& m) {
        m.binary ? s->send_binary(m.payload) : s->send_text(m.payload);
        return true;
    }};
}

/// A service for the hooks alone.
struct raw_bed : http_bed {
    explicit raw_bed(websocket::service_options o) : web(std::in_place, server()) {
        o.metrics = metrics;
        o.log = options().log;
        web->mount("/raw", websocket::service(std::move(o)));
        web->start();
    }
    std::unique_ptr<http_peer> open() {
        auto peer = connect();
        peer->send(upgrade_request("/raw"));
        run();
        REQUIRE(peer->received().starts_with("HTTP/1.1 101 "));
        return peer;
    }
    bool has_logged(std::string_view text) const {
        return std::find(logged.begin(), logged.end(), text) != logged.end();
    }
    std::optional<http::server> web;
};

}  // namespace

TEST_CASE("raw messages come and go as they are", "[websocket]") {
    raw_bed bed({.hooks = echo()});
    const auto peer = bed.open();
    peer->send(client_text("text \xe2\x82\xac") +
               client_frame(websocket_opcode::binary, std::string("\0\xff", 2)) +
               client_frame(websocket_opcode::text, "in ", false) +
               client_frame(websocket_opcode::ping, "between") +
               client_frame(websocket_opcode::continuation, "parts"));
    bed.run();
    const auto seen = frames(*peer);
    REQUIRE(seen.size() == 4);
    CHECK(seen[0].payload == "text \xe2\x82\xac");
    CHECK(seen[1].opcode == websocket_opcode::binary);
    CHECK(seen[1].payload == std::string("\0\xff", 2));
    CHECK(seen[2].opcode == websocket_opcode::pong);
    CHECK(seen[3].payload == "in parts");
}

TEST_CASE("hooks see pings and pongs, and a session tells who is there", "[websocket]") {
    strings seen;
    websocket::session_ptr session;
    raw_bed bed(
        {.authenticator = bearer_token("t", "someone"),
         .hooks = {
             .on_open = [&](const auto& s) { session = s; },
             .on_ping = [&](const auto&, auto p) { seen.push_back("ping " + std::string(p)); },
             .on_pong = [&](const auto&, auto p) { seen.push_back("pong " + std::string(p)); }}});
    const auto peer = bed.connect();
    peer->send(upgrade_request("/raw?room=7", "Authorization: Bearer t\r\n"));
    bed.run();
    REQUIRE(session);
    CHECK(session->principal().name == "someone");
    CHECK(session->remote_address().starts_with("127.0.0.1:"));
    CHECK(session->subprotocol().empty());
    CHECK(session->request().target == "/raw?room=7");
    CHECK(session->request().fields.get("authorization") == "Bearer t");
    CHECK_FALSE(session->ping("here"));
    CHECK(session->ping(std::string(126, 'x')) == errc::ws_control_too_long);
    CHECK(session->send_text("\xff") == errc::invalid_utf8);
    bed.run();
    REQUIRE(frames(*peer).size() == 1);
    CHECK(frames(*peer)[0].payload == "here");
    peer->send(client_frame(websocket_opcode::pong, "here") +
               client_frame(websocket_opcode::ping, "there"));
    bed.run();
    CHECK(seen == strings{"pong here", "ping there"});
    session.reset();
}

TEST_CASE("a session without a codec drops events and takes messages", "[websocket]") {
    websocket::session_ptr session;
    raw_bed bed({.hooks = {.on_open = [&](const auto& s) { session = s; }}});
    const auto peer = bed.open();
    error_code ec;
    const auto e = publication::make("a", event("t", "/s", "x"), {}, ec);
    CHECK(session->deliver(e) == outcome::dropped);
    peer->send(client_text("nobody wants it"));
    CHECK_FALSE(session->send_text("y"));
    bed.run();
    CHECK(payloads_of(frames(*peer)) == strings{"y"});
    peer->close();
    bed.run();
    CHECK(session->deliver(e) == outcome::closed);
    session.reset();
}

TEST_CASE("a hook that throws ends its connection and no other", "[websocket]") {
    const std::string where = GENERATE("open", "message", "ping", "pong", "close");
    int closed = 0;
    const auto may_throw = [&](std::string_view here) {
        if (where == here) throw std::runtime_error("a hook threw");
    };
    raw_bed bed({.hooks = {.on_open = [&](const auto&) { may_throw("open"); },
                           .on_message =
                               [&](const auto&, const auto&) {
                                   may_throw("message");
                                   return true;
                               },
                           .on_ping = [&](const auto&, auto) { may_throw("ping"); },
                           .on_pong = [&](const auto&, auto) { may_throw("pong"); },
                           .on_close =
                               [&](const auto&, const auto&) {
                                   ++closed;
                                   may_throw("close");
                               }}});
    const auto peer = bed.open();
    peer->send(client_text("x") + client_frame(websocket_opcode::ping) +
               client_frame(websocket_opcode::pong) + client_close(1000));
    bed.run();
    CHECK(close_code_of(frames(*peer)) == (where == "close" ? 1000 : 1011));
    peer->close();
    bed.run();
    CHECK(closed == 1);
    CHECK(bed.has_logged("a hook threw"));
    CHECK(bed.metrics->value("clients transport=websocket") == 0);
}

TEST_CASE("a codec that throws ends nothing", "[websocket]") {
    class throwing : public websocket::codec {
        std::string_view subprotocol() const noexcept override { return {}; }
        bool binary() const noexcept override { return false; }
        std::string encode(const publication& p, error_code&) const override {
            if (p.text() == "bad") throw std::runtime_error("encode");
            return std::string(p.text());
        }
        wire_event decode(std::string_view, bool, error_code&) const override {
            throw std::runtime_error("decode");
        }
    };
    websocket_bed bed({.codec = std::make_shared<throwing>()});
    const auto peer = bed.open("/ws?topic=a");
    bed.publish("a", "bad");
    bed.publish("a", "good");
    CHECK(payloads_of(frames(*peer)) == strings{"good"});
    peer->send(client_text("x"));
    bed.run();
    CHECK(close_code_of(frames(*peer)) == 1011);
}

TEST_CASE("a hook may close its session, or end the server it runs in", "[websocket]") {
    const std::string how =
        GENERATE("close", "close in open", "stop", "destroy", "destroy in open");
    raw_bed* here = nullptr;
    int closed = 0;
    const auto act = [&](const websocket::session_ptr& s, std::string_view where) {
        if (how == "close" && where == "message") s->close(4000, "by hook");
        if (how == "close in open" && where == "open") s->close(4000, "by hook");
        if (how == "stop" && where == "message") here->web->stop();
        if (how == "destroy" && where == "message") here->web.reset();
        if (how == "destroy in open" && where == "open") here->web.reset();
    };
    raw_bed bed({.hooks = {.on_open = [&](const auto& s) { act(s, "open"); },
                           .on_message =
                               [&](const auto& s, const auto&) {
                                   act(s, "message");
                                   return true;
                               },
                           .on_close = [&](const auto&, const auto&) { ++closed; }}});
    here = &bed;
    const auto peer = bed.connect();
    peer->send(upgrade_request("/raw") + client_text("x"));
    bed.run();
    peer->send(client_text("y"));
    bed.run();
    const bool orderly = how.starts_with("close");
    CHECK(close_code_of(frames(*peer)) == (orderly ? 4000 : 0));
    peer->send(client_close(4000));
    bed.run();
    CHECK(peer->ended());
    peer->close();
    bed.run();
    CHECK(closed == 1);
    CHECK(bed.metrics->value("clients transport=websocket") == 0);
}

TEST_CASE("hooks that keep their sessions keep them no longer than they live", "[websocket]") {
    std::weak_ptr<websocket::session> watched;
    {
        auto all = std::make_shared<std::vector<websocket::session_ptr>>();
        raw_bed bed({.hooks = {.on_open = [&watched, all](const auto& s) {
                         watched = s;
                         all->push_back(s);
                     }}});
        all.reset();
        const auto peer = bed.open();
        CHECK_FALSE(watched.expired());
        const bool ended = GENERATE(true, false);
        if (ended) peer->close();
        bed.run();
        bed.web.reset();
        bed.run();
    }
    CHECK(watched.expired());
}

TEST_CASE("after close() of a session no hook is called but that of its end",
          "[websocket][fault-2]") {
    strings calls;
    raw_bed bed(
        {.hooks = {.on_message =
                       [&](const auto& s, const auto& m) {
                           calls.push_back("message " + std::string(m.payload));
                           s->close(4000, "enough");
                           return true;
                       },
                   .on_ping = [&](const auto&, auto) { calls.push_back("ping"); },
                   .on_pong = [&](const auto&, auto) { calls.push_back("pong"); },
                   .on_close = [&](const auto&, const auto&) { calls.push_back("close"); }}});
    const auto peer = bed.open();
    const auto rest = client_frame(websocket_opcode::ping) + client_frame(websocket_opcode::pong) +
                      client_text("two");
    peer->send(client_text("one") + rest);
    bed.run();
    peer->send(rest + client_close(1000));
    bed.run();
    peer->close();
    bed.run();
    CHECK(calls == strings{"message one", "close"});
}

TEST_CASE("an event behind the one that closed its session is not published",
          "[websocket][fault-2]") {
    websocket::session_ptr session;
    websocket_bed bed(
        {.authorizer = allow_all(), .hooks = {.on_open = [&](const auto& s) { session = s; }}});
    int published = 0;
    const auto watch = bed.hub->subscribe("x", immediate, [&](const event_ptr&) {
        ++published;
        session->close(4000, "enough");
    });
    const auto peer = bed.open();
    const std::string e = R"({"specversion":"1.0","source":"/p","type":"t","id":"1","topic":"x"})";
    peer->send(client_text(e) + client_text(e));
    bed.run();
    CHECK(published == 1);
    session.reset();
}

TEST_CASE("what hooks captured is released when the session ends, from inside a call too",
          "[websocket][fault-22]") {
    const std::string how = GENERATE("peer", "abort in message", "stop in close");
    CAPTURE(how);
    auto captured = std::make_shared<int>(0);
    const std::weak_ptr<int> watched = captured;
    websocket::session_ptr session;
    raw_bed* here = nullptr;
    raw_bed bed({.hooks = {.on_open = [&session, captured](const auto& s) { session = s; },
                           .on_message =
                               [&, captured](const auto&, const auto&) {
                                   if (how == "abort in message") here->web.reset();
                                   CHECK(*captured == 0);
                                   return true;
                               },
                           .on_close =
                               [&, captured](const auto&, const auto&) {
                                   if (how == "stop in close") here->web.reset();
                                   CHECK(*captured == 0);
                               }}});
    captured.reset();
    here = &bed;
    const auto peer = bed.open();
    peer->send(client_text("x"));
    bed.run();
    peer->close();
    bed.run();
    bed.web.reset();
    bed.run();
    CHECK(watched.expired());
    CHECK_FALSE(session->is_open());
    session.reset();
}

TEST_CASE("a session that is kept keeps nothing of its service's options",
          "[websocket][fault-22]") {
    auto captured = std::make_shared<int>(0);
    const std::weak_ptr<int> watched = captured;
    websocket::session_ptr session;
    websocket_bed bed({.authorizer = [captured](const principal&, action,
                                                std::string_view) { return *captured == 0; },
                       .hooks = {.on_open = [&](const auto& s) { session = s; }}});
    captured.reset();
    const auto peer = bed.open();
    peer->close();
    bed.run();
    bed.web.reset();
    bed.run();
    CHECK(watched.expired());
    session.reset();
}

TEST_CASE("the close timeout and a drain wait for output that is still leaving",
          "[websocket][fault-5]") {
    const std::string how = GENERATE("close", "drain", "peer", "feed");
    CAPTURE(how);
    websocket::session_ptr session;
    websocket::close_reason reason;
    websocket_bed bed({.limits = {.max_bytes = 64U << 20},
                       .hooks = {.on_open = [&](const auto& s) { session = s; },
                                 .on_close = [&](const auto&, const auto& w) { reason = w; }}});
    const auto peer = bed.open();
    peer->take();
    peer->stop_reading();
    REQUIRE_FALSE(session->send_text(std::string(400'000, 'x')));
    bed.run();
    if (how == "close") session->close(4000, "enough");
    if (how == "drain") bed.web->async_drain([](error_code) {});
    if (how == "peer") peer->send(client_close(4000));
    if (how == "feed") bed.hub.reset();
    // 4 KiB every 250 ms: all of it takes 25 s, longer than close timeouts, less than the drain.
    for (int i = 0; i < 110; ++i) {
        peer->resume_reading();
        peer->stop_reading();
        bed.advance(250ms);
    }
    peer->resume_reading();
    bed.run();
    const auto seen = frames_of(peer->received());
    REQUIRE(payloads_of(seen).size() == 1);
    CHECK(payloads_of(seen)[0].size() == 400'000);
    CHECK(close_code_of(seen) == (how == "drain" || how == "feed" ? 1001 : 4000));
    // The peer has the close frame; from here on the deadline runs.
    bed.advance(5100ms);
    CHECK(bed.clients() == 0);
    CHECK(reason.code == (how == "close" || how == "drain" ? 1006 : how == "feed" ? 1001 : 4000));
    session.reset();
}

TEST_CASE("a drain ends at its own timeout, whatever is still leaving", "[websocket][fault-5]") {
    websocket::session_ptr session;
    websocket_bed bed({.limits = {.max_bytes = 64U << 20},
                       .hooks = {.on_open = [&](const auto& s) { session = s; }}});
    const auto peer = bed.open();
    peer->stop_reading();
    REQUIRE_FALSE(session->send_text(std::string(1'000'000, 'x')));
    bed.run();
    bool drained = false;
    bed.web->async_drain([&](error_code) { drained = true; });
    for (int i = 0; i < 59; ++i) {
        peer->resume_reading();
        peer->stop_reading();
        bed.advance(500ms);
    }
    CHECK_FALSE(drained);
    bed.advance(600ms);
    CHECK(drained);
    CHECK(bed.clients() == 0);
    session.reset();
}

TEST_CASE("a drain closes sessions with 1001 and takes no new ones", "[websocket]") {
    websocket_bed bed;
    const auto peer = bed.open();
    const auto half = bed.connect();
    half->send(upgrade_request("/ws?topic=a").substr(0, 60));
    bed.run();
    std::optional<error_code> drained;
    bed.web->async_drain([&](error_code ec) { drained = ec; });
    bed.run();
    CHECK(close_code_of(frames(*peer)) == 1001);
    CHECK_FALSE(bed.connect());
    half->send(upgrade_request("/ws?topic=a").substr(60));
    bed.run();
    CHECK(half->received().starts_with("HTTP/1.1 503 "));
    CHECK_FALSE(drained);
    peer->send(client_close(1001));
    peer->close();
    half->close();
    bed.run();
    REQUIRE(drained);
    CHECK_FALSE(*drained);
}

TEST_CASE("a drain does not wait for those who never answer", "[websocket]") {
    websocket_bed bed;
    const auto peer = bed.open();
    bool drained = false;
    bed.web->async_drain([&](error_code) { drained = true; });
    bed.advance(4900ms);
    CHECK_FALSE(drained);
    bed.advance(200ms);
    CHECK(drained);
}

TEST_CASE("a bus that goes closes its clients with 1001", "[websocket]") {
    websocket_bed bed;
    const auto peer = bed.open();
    bed.hub.reset();
    bed.run();
    CHECK(close_code_of(frames(*peer)) == 1001);
    CHECK(close_code_of(frames(*bed.open())) == 1001);
}

TEST_CASE("a bus that takes no more subscriptions sends its clients away", "[websocket]") {
    websocket_bed bed({}, {.max_subscriptions = 1});
    const auto one = bed.open();
    CHECK(close_code_of(frames(*bed.open())) == 1013);
    CHECK(close_code_of(frames(*one)) == 0);
}

TEST_CASE("a session outlives the context without a use for it", "[websocket]") {
    websocket::session_ptr session;
    const auto live = publication::live();
    {
        websocket_bed bed({.hooks = {.on_open = [&](const auto& s) { session = s; }}});
        const auto peer = bed.open();
        peer->stop_reading();
        for (int i = 0; i < 5; ++i) bed.publish("a", std::string(60'000, '.'));
        const auto how = GENERATE("open", "closing", "failing");
        if (how == std::string("closing")) session->close();
        if (how == std::string("failing")) peer->send("not a frame");
        bed.run();
        peer->close();
        if (GENERATE(true, false)) {
            bed.web.reset();
            bed.hub.reset();
        }
        bed.destroy_context();
    }
    CHECK_FALSE(session->is_open());
    CHECK(session->send_text("x") == errc::closed);
    session->close();
    CHECK(session->pending_bytes() == 0);
    session.reset();
    CHECK(publication::live() == live);
}

}  // namespace tidings::test
