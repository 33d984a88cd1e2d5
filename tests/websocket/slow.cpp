// SPDX-License-Identifier: BSL-1.0
// WebSocket clients that do not keep up, or send without reading.
#include "support/websocket_bed.hpp"

namespace tidings::test {

namespace {

/// A client that has stopped to read.
std::unique_ptr<http_peer> stalled(websocket_bed& bed, std::string_view target = "/ws?topic=%3E") {
    auto peer = bed.open(target);
    peer->take();
    peer->stop_reading();
    return peer;
}

strings read_on(websocket_bed& bed, http_peer& peer) {
    peer.resume_reading();
    bed.run();
    return show_events(frames_of(peer.received()));
}

strings numbers(int from, int to, const std::string& padding) {
    strings list;
    for (int i = from; i < to; ++i) list.push_back("a=" + std::to_string(i) + padding);
    return list;
}

}  // namespace

TEST_CASE("a slow client with history loses nothing and holds up nobody", "[websocket]") {
    const auto [count, size] = GENERATE(std::pair(900, 1000), std::pair(40, 200'000));
    websocket::session_ptr session;
    websocket_bed bed({.hooks = {.on_open = [&](const auto& s) { session = s; }}});
    const auto slow = stalled(bed);
    auto slow_session = session;
    const auto fast = bed.open();
    const std::string padding(static_cast<std::size_t>(size), '.');
    for (int i = 0; i < count; ++i) {
        bed.publish("a", std::to_string(i) + padding);
        CHECK(slow_session->pending_bytes() < 600'000);
    }
    const auto all = numbers(0, count, padding);
    CHECK(show_events(frames(*fast)) == all);
    CHECK(read_on(bed, *slow) == all);
    bed.publish("a", "and live again");
    CHECK(show_events(frames_of(slow->received())).back() == "a=and live again");
    session.reset();
    slow_session.reset();
}

TEST_CASE("a resume of large events brings each once", "[websocket]") {
    websocket_bed bed;
    const std::string padding(70'000, '.');
    for (int i = 0; i < 30; ++i) bed.publish("a", std::to_string(i) + padding);
    const auto peer = bed.open("/ws?topic=a&after=");
    CHECK(show_events(frames(*peer)) == numbers(0, 30, padding));
}

TEST_CASE("a client that fell out of the history is told of the gap", "[websocket]") {
    websocket_bed bed({}, {.history = {.max_events = 10}});
    const auto slow = stalled(bed);
    const std::string padding(50'000, '.');
    for (int i = 0; i < 30; ++i) bed.publish("a", std::to_string(i) + padding);
    const auto seen = read_on(bed, *slow);
    REQUIRE(seen.size() > 1);
    const auto gap = std::find_if(seen.begin(), seen.end(),
                                  [](const auto& s) { return s.starts_with("tidings.gap="); });
    REQUIRE(gap != seen.end());
    const auto before = static_cast<int>(gap - seen.begin());
    CHECK(strings(seen.begin(), gap) == numbers(0, before, padding));
    bed.publish("a", "live");
    CHECK(show_events(frames_of(slow->received())).back() == "a=live");
}

TEST_CASE("a client further behind than max_lag is closed with 4008", "[websocket]") {
    websocket_bed bed({.max_lag = 5});
    const auto slow = stalled(bed);
    for (int i = 0; i < 30; ++i) bed.publish("a", std::string(50'000, '.'));
    read_on(bed, *slow);
    CHECK(close_code_of(frames_of(slow->received())) == websocket::close_lagging);
    CHECK(bed.hub->subscriptions() == 0);
}

TEST_CASE("a slow client without history is closed with 4008", "[websocket]") {
    websocket::close_reason reason;
    websocket_bed bed({.limits = {.max_events = 20},
                       .hooks = {.on_close = [&](const auto&, const auto& why) { reason = why; }}},
                      {});
    const auto slow = stalled(bed);
    for (int i = 0; i < 60; ++i) bed.publish("a", std::to_string(i) + std::string(10'000, '.'));
    SECTION("and reads why when it reads") {
        const auto seen = read_on(bed, *slow);
        CHECK(seen == numbers(0, static_cast<int>(seen.size()), std::string(10'000, '.')));
        CHECK(close_code_of(frames_of(slow->received())) == websocket::close_lagging);
        slow->send(client_close(4008));
        slow->close();
        bed.run();
    }
    SECTION("and cut when it never does") {
        bed.advance(29s);
        CHECK(bed.clients() == 1);
        bed.advance(1100ms);
    }
    CHECK(reason.code == websocket::close_lagging);
    CHECK(reason.error == errc::lagging);
    CHECK(bed.clients() == 0);
}

TEST_CASE("drops by policy are counted and announced where they happened", "[websocket]") {
    const auto policy = GENERATE(overflow::drop_oldest, overflow::drop_newest);
    websocket_bed bed({.limits = {.max_events = 4}, .overflow = policy}, {});
    const auto slow = stalled(bed);
    const std::string padding(30'000, '.');
    for (int i = 0; i < 30; ++i) bed.publish("a", std::to_string(i) + padding);
    auto seen = read_on(bed, *slow);
    bed.publish("a", "live");
    seen = show_events(frames_of(slow->received()));
    const auto note = std::find_if(seen.begin(), seen.end(),
                                   [](const auto& s) { return s.starts_with("tidings.lagged="); });
    REQUIRE(note != seen.end());
    const auto sent = static_cast<int>(seen.size()) - 2;  // without the note and "live"
    CHECK(*note == R"(tidings.lagged={"count":)" + std::to_string(30 - sent) + '}');
    CHECK(bed.metrics->value("events_dropped transport=websocket") == 30 - sent);
    const auto before = static_cast<int>(note - seen.begin());
    const strings rest(note + 1, seen.end() - 1);
    if (policy == overflow::drop_newest) {
        CHECK(strings(seen.begin(), note) == numbers(0, sent, padding));
        CHECK(rest.empty());
    } else {
        CHECK(strings(seen.begin(), note) == numbers(0, before, padding));
        CHECK(rest == numbers(30 - (sent - before), 30, padding));
    }
}

TEST_CASE("with conflate a slow client gets the latest of each topic", "[websocket]") {
    websocket_bed bed({.limits = {.max_events = 4}, .overflow = overflow::conflate}, {});
    const auto slow = stalled(bed);
    const std::string padding(30'000, '.');
    for (int i = 0; i < 30; ++i) {
        bed.publish("a", std::to_string(i) + padding);
        bed.publish("b", std::to_string(i) + padding);
    }
    const auto seen = read_on(bed, *slow);
    CHECK(seen.size() < 20);
    CHECK(strings(seen.end() - 2, seen.end()) == strings{"a=29" + padding, "b=29" + padding});
}

TEST_CASE("events delivered to a session that does not read are dropped and announced",
          "[websocket]") {
    websocket::session_ptr session;
    websocket_bed bed({.limits = {.max_bytes = 200'000},
                       .hooks = {.on_open = [&](const auto& s) { session = s; }}},
                      {});
    const auto slow = stalled(bed, "/ws?topic=nothing");
    auto direct = bed.hub->subscribe("a", session);
    for (int i = 0; i < 30; ++i) bed.publish("a", std::to_string(i) + std::string(20'000, '.'));
    const auto dropped = direct.counters().dropped;
    CHECK(dropped > 0);
    CHECK(direct.counters().delivered == 30 - dropped);
    auto seen = read_on(bed, *slow);
    CHECK(seen.size() == 30 - dropped);
    bed.publish("a", "live");
    seen = show_events(frames_of(slow->received()));
    REQUIRE(seen.size() == 32 - dropped);
    CHECK(seen[30 - dropped] == R"(tidings.lagged={"count":)" + std::to_string(dropped) + '}');
    CHECK(seen.back() == "a=live");
    direct.reset();
    session.reset();
}

TEST_CASE("a session that is over its bound takes messages again once it was read", "[websocket]") {
    websocket::session_ptr session;
    websocket_bed bed({.limits = {.max_bytes = 100'000},
                       .hooks = {.on_open = [&](const auto& s) { session = s; }}});
    const auto slow = stalled(bed, "/ws?topic=nothing");
    CHECK_FALSE(session->send_text(std::string(300'000, 'x')));
    bed.run();
    CHECK(session->send_text("no more") == errc::overflow);
    CHECK_FALSE(session->ping("always"));
    read_on(bed, *slow);
    CHECK(session->pending_bytes() == 0);
    CHECK_FALSE(session->send_text("again"));
    bed.run();
    CHECK(payloads_of(frames_of(slow->received())).back() == "again");
    session.reset();
}

TEST_CASE("who has ended its side still gets what is on its way, and our close frame",
          "[websocket]") {
    websocket_bed bed;
    const auto slow = stalled(bed);
    for (int i = 0; i < 4; ++i) bed.publish("a", std::to_string(i) + std::string(50'000, '.'));
    slow->send(client_close(1000));
    bed.run();
    slow->shutdown();
    bed.run();
    CHECK(bed.hub->subscriptions() == 0);
    const auto seen = read_on(bed, *slow);
    CHECK(seen == numbers(0, static_cast<int>(seen.size()), std::string(50'000, '.')));
    CHECK(seen.size() >= 2);
    CHECK(close_code_of(frames_of(slow->received())) == 1000);
    CHECK(slow->ended() == net::error::eof);
    CHECK(bed.clients() == 0);
}

TEST_CASE("a client that never reads again is cut by the write timeout", "[websocket]") {
    websocket::close_reason reason;
    websocket_bed bed({.ping_interval = 0ms,
                       .write_timeout = 10s,
                       .hooks = {.on_close = [&](const auto&, const auto& why) { reason = why; }}});
    const auto slow = stalled(bed);
    for (int i = 0; i < 10; ++i) bed.publish("a", std::string(50'000, '.'));
    bed.advance(9900ms);
    CHECK(bed.clients() == 1);
    bed.advance(200ms);
    CHECK(bed.clients() == 0);
    CHECK(reason.error == errc::timed_out);
}

TEST_CASE("a slow client that reads is not cut for want of a pong", "[websocket]") {
    websocket::close_reason reason;
    websocket_bed bed({.hooks = {.on_close = [&](const auto&, const auto& why) { reason = why; }}});
    const auto slow = stalled(bed);
    for (int i = 0; i < 10; ++i) bed.publish("a", std::to_string(i) + std::string(50'000, '.'));
    // 4 KiB every 2 s: whatever is sent now, the client reads minutes later.
    for (int i = 0; i < 100; ++i) {
        slow->resume_reading();
        slow->stop_reading();
        bed.advance(2s);
        CAPTURE(i);
        REQUIRE(bed.clients() == 1);
    }
    SECTION("until it stops to read") {
        bed.advance(27'900ms);
        CHECK(bed.clients() == 1);
        bed.advance(30s);
        CHECK(bed.clients() == 0);
        CHECK(reason.error == errc::timed_out);
    }
    SECTION("until it has read all and does not answer") {
        read_on(bed, *slow);
        const auto seen = frames_of(slow->received());
        CHECK(payloads_of(seen, websocket_opcode::ping).size() == 1);
        for (int i = 0; i < 2; ++i) bed.advance(8100ms);
        CHECK(bed.clients() == 0);
        CHECK(reason.error == errc::timed_out);
    }
}

TEST_CASE("pings without reading pile up no pongs", "[websocket]") {
    websocket::session_ptr session;
    websocket_bed bed({.hooks = {.on_open = [&](const auto& s) { session = s; }}});
    const auto peer = stalled(bed);
    bed.publish("a", std::string(300'000, '.'));
    const auto before = session->pending_bytes();
    for (int i = 0; i < 2000; ++i)
        peer->send(client_frame(websocket_opcode::ping, std::to_string(i)));
    bed.run();
    CHECK(session->pending_bytes() == before);
    read_on(bed, *peer);
    CHECK(payloads_of(frames_of(peer->received()), websocket_opcode::pong) == strings{"1999"});
    session.reset();
}

TEST_CASE("a million empty pings without reading leave few pongs", "[websocket][fault-4]") {
    websocket::session_ptr session;
    websocket_bed bed({.hooks = {.on_open = [&](const auto& s) { session = s; }}});
    const auto peer = stalled(bed);
    bed.publish("a", std::string(300'000, '.'));  // fills the socket
    bed.run();
    read_on(bed, *peer);
    peer->take();
    peer->stop_reading();
    // What waits is less than a block: pongs go behind it.
    bed.publish("a", std::string(100'000, '.'));
    std::string pings;
    for (int i = 0; i < 1000; ++i) pings += client_frame(websocket_opcode::ping);
    for (int i = 0; i < 1000; ++i) {
        peer->send(pings);
        bed.run();
    }
    CHECK(session->is_open());
    read_on(bed, *peer);
    const auto pongs = payloads_of(frames_of(peer->received()), websocket_opcode::pong).size();
    CAPTURE(session->pending_bytes());
    CHECK(pongs > 0);
    CHECK(pongs < 1'000);
    session.reset();
}

TEST_CASE("who sends bad messages and does not read the answers is closed", "[websocket]") {
    websocket::session_ptr session;
    websocket_bed bed({.max_publishes_per_second = 0,
                       .limits = {.max_bytes = 100'000},
                       .hooks = {.on_open = [&](const auto& s) { session = s; }}});
    const auto peer = stalled(bed);
    for (int i = 0; i < 5000; ++i) peer->send(client_text("{"));
    bed.run();
    CHECK_FALSE(session->is_open());
    CHECK(session->pending_bytes() < 110'000);
    read_on(bed, *peer);
    CHECK(close_code_of(frames_of(peer->received())) == websocket::close_lagging);
    session.reset();
}

}  // namespace tidings::test
