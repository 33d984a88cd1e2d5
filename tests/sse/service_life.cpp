// SPDX-License-Identifier: BSL-1.0
// Event streams that are slow, that hooks write to, and how they end.
#include "support/sse_bed.hpp"

namespace tidings::test {

namespace {

std::unique_ptr<http_peer> stalled(sse_bed& bed, std::string_view target = "/events?topic=%3E") {
    auto peer = bed.get(target);
    peer->stop_reading();
    return peer;
}
strings read_on(sse_bed& bed, http_peer& peer) {
    peer.resume_reading();
    bed.run();
    return events_of(peer);
}
strings numbers(int from, int to, const std::string& padding) {
    strings list;
    for (int i = from; i < to; ++i) list.push_back("a=" + std::to_string(i) + padding);
    return list;
}

}  // namespace

TEST_CASE("A slow stream with history loses nothing", "[sse]") {
    const auto [count, size] = GENERATE(std::pair(900, 1000), std::pair(40, 200'000));
    sse_bed bed;
    const auto slow = stalled(bed);
    const std::string padding(static_cast<std::size_t>(size), '.');
    for (int i = 0; i < count; ++i) bed.publish("a", std::to_string(i) + padding);
    CHECK(read_on(bed, *slow) == numbers(0, count, padding));
    bed.publish("a", "live");
    CHECK(events_of(*slow).back() == "a=live");
}

TEST_CASE("A slow stream without history ends in an orderly way", "[sse]") {
    std::optional<error_code> reason;
    sse_bed bed({.limits = {.max_events = 20},
                 .hooks = {.on_close = [&](const auto&, error_code ec) { reason = ec; }}},
                {});
    const auto slow = stalled(bed);
    const std::string padding(10'000, '.');
    for (int i = 0; i < 60; ++i) bed.publish("a", std::to_string(i) + padding);
    CHECK(bed.hub->subscriptions() == 0);
    const auto seen = read_on(bed, *slow);
    CHECK(seen == numbers(0, static_cast<int>(seen.size()), padding));
    CHECK(body_of(*slow).ends_with(" end"));
    CHECK(slow->ended() == net::error::eof);
    slow->close();
    bed.run();
    REQUIRE(reason);
    CHECK(*reason == errc::lagging);
}

TEST_CASE("A stream that drops announces it where it happened", "[sse]") {
    sse_bed bed({.limits = {.max_events = 4}, .overflow = overflow::drop_oldest}, {});
    const auto slow = stalled(bed);
    const std::string padding(30'000, '.');
    for (int i = 0; i < 30; ++i) bed.publish("a", std::to_string(i) + padding);
    const auto seen = read_on(bed, *slow);
    const auto note = std::find_if(seen.begin(), seen.end(),
                                   [](const auto& s) { return s.starts_with("tidings.lagged="); });
    REQUIRE(note != seen.end());
    CHECK(*note == R"(tidings.lagged={"count":)" + std::to_string(31 - seen.size()) + '}');
    CHECK(strings(note + 1, seen.end()) == numbers(26, 30, padding));
    CHECK(bed.metrics->value("events_dropped transport=sse") ==
          31 - static_cast<std::int64_t>(seen.size()));
}

TEST_CASE("A stream that is never read again is cut by the write timeout", "[sse]") {
    std::optional<error_code> reason;
    sse_bed bed({.write_timeout = 10s,
                 .hooks = {.on_close = [&](const auto&, error_code ec) { reason = ec; }}});
    const auto slow = stalled(bed);
    for (int i = 0; i < 10; ++i) bed.publish("a", std::string(50'000, '.'));
    bed.advance(9900ms);
    CHECK(bed.clients() == 1);
    bed.advance(200ms);
    CHECK(bed.clients() == 0);
    CHECK(reason == error_code(errc::timed_out));
}

TEST_CASE("Hooks may write what they like, but not break out of a field", "[sse]") {
    sse::session_ptr session;
    http_bed bed;
    auto web = bed.server();
    web.mount("/raw", sse::service({.authenticator = bearer_token("t", "someone"),
                                    .hooks = {.on_open = [&](const auto& s) { session = s; }}}));
    web.start();
    const auto peer = bed.connect();
    peer->send(
        "GET /raw?room=7 HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer t\r\n"
        "Last-Event-ID: any thing\r\n\r\n");
    bed.run();
    REQUIRE(session);
    CHECK(session->principal().name == "someone");
    CHECK(session->last_event_id() == "any thing");
    CHECK(session->request().target == "/raw?room=7");
    CHECK(session->request().fields.get("authorization") == "Bearer t");
    CHECK(session->remote_address().starts_with("127.0.0.1:"));
    CHECK_FALSE(session->send("one\r\ntwo\rthree", "kind", "7"));
    CHECK_FALSE(session->send("", {}, ""));
    CHECK_FALSE(session->comment("a\nb"));
    CHECK_FALSE(session->retry(5s));
    for (const std::string_view bad :
         {std::string_view("a\nb"), std::string_view("a\rb"), std::string_view("a\0b", 3)}) {
        CHECK(session->send("x", bad) == errc::sse_bad_field);
        CHECK(session->send("x", {}, bad) == errc::sse_bad_field);
    }
    bed.run();
    CHECK(show_stream(body_of(*peer), true) == strings{"retry", " :open", "kind:one\ntwo\nthree #7",
                                                       "message: #", " :a", " :b", "retry"});
    session->close();
    bed.run();
    CHECK(session->send("x") == errc::closed);
    CHECK(body_of(*peer).ends_with(" end"));
    session.reset();
}

TEST_CASE("A stream over its bound takes more once it was read", "[sse]") {
    sse::session_ptr session;
    sse_bed bed({.limits = {.max_bytes = 100'000},
                 .hooks = {.on_open = [&](const auto& s) { session = s; }}});
    const auto slow = stalled(bed, "/events?topic=nothing");
    CHECK_FALSE(session->send(std::string(300'000, 'x')));
    bed.run();
    CHECK(session->send("no more") == errc::overflow);
    auto direct = bed.hub->subscribe("a", session);
    bed.publish("a", "dropped");
    CHECK(direct.counters().dropped == 1);
    read_on(bed, *slow);
    CHECK(session->pending_bytes() == 0);
    bed.publish("a", "again");
    const auto seen = events_of(*slow);
    REQUIRE(seen.size() == 3);
    CHECK(seen[1] == R"(tidings.lagged={"count":1})");
    CHECK(seen[2] == "a=again");
    direct.reset();
    session.reset();
}

TEST_CASE("A drain ends streams in an orderly way, and takes no new ones", "[sse]") {
    std::optional<error_code> reason;
    sse_bed bed({.hooks = {.on_close = [&](const auto&, error_code ec) { reason = ec; }}});
    const auto peer = bed.get();
    const auto half = bed.request("GET /events?topic=a HTTP/1.1\r\n");
    bool drained = false;
    bed.web->async_drain([&](error_code ec) { drained = !ec; });
    bed.run();
    bed.publish("a", "too late");
    CHECK(events_of(*peer).empty());
    CHECK(body_of(*peer).ends_with(" end"));
    CHECK(peer->ended() == net::error::eof);
    half->send("Host: localhost\r\n\r\n");
    bed.run();
    CHECK(half->received().starts_with("HTTP/1.1 200"));
    CHECK(field_of(half->received(), "Content-Type") == "text/event-stream");
    CHECK(show_stream(after_header(half->received()), true) == strings{"retry"});
    CHECK(half->ended() == net::error::eof);
    half->close();
    if (GENERATE(true, false)) peer->close();
    bed.advance(5100ms);
    CHECK(drained);
    CHECK(reason == error_code());
}

TEST_CASE("A page on another site comes back after a drain, too", "[sse]") {
    sse_bed bed({.allowed_origins = {"https://app.example"}});
    const auto half =
        bed.request("GET /events?topic=a HTTP/1.1\r\nOrigin: https://app.example\r\n");
    bed.web->async_drain([](error_code) {});
    bed.run();
    half->send("Host: localhost\r\n\r\n");
    bed.run();
    CHECK(half->received().starts_with("HTTP/1.1 200"));
    CHECK(field_of(half->received(), "Access-Control-Allow-Origin") == "https://app.example");
    CHECK(field_of(half->received(), "Access-Control-Allow-Credentials") == "true");
}

TEST_CASE("A server that is destroyed cuts its streams", "[sse]") {
    int closed = 0;
    sse_bed bed({.hooks = {.on_close = [&](const auto&, error_code) { ++closed; }}});
    const auto peer = bed.get();
    bed.web.reset();
    bed.run();
    CHECK(peer->ended());
    CHECK(closed == 1);
    CHECK(bed.clients() == 0);
    CHECK(bed.hub->subscriptions() == 0);
}

TEST_CASE("A bus that goes, or takes no more, ends its streams", "[sse]") {
    sse_bed bed({}, {.max_subscriptions = 1});
    const auto one = bed.get();
    CHECK(body_of(*bed.get()).ends_with(" end"));
    CHECK_FALSE(one->ended());
    bed.hub.reset();
    bed.run();
    CHECK(body_of(*one).ends_with(" end"));
}

TEST_CASE("A hook that throws or closes ends its own stream", "[sse]") {
    const std::string how = GENERATE("throws", "closes", "destroys", "throws at the end");
    int closed = 0;
    sse_bed* here = nullptr;
    sse_bed bed({.hooks = {.on_open =
                               [&](const sse::session_ptr& s) {
                                   if (how == "throws") throw std::runtime_error("a hook threw");
                                   if (how == "closes") s->close();
                                   if (how == "destroys") here->web.reset();
                               },
                           .on_close =
                               [&](const auto&, error_code) {
                                   ++closed;
                                   if (how == "throws at the end")
                                       throw std::runtime_error("a hook threw");
                               }}});
    here = &bed;
    const auto peer = bed.get();
    CHECK(body_of(*peer).ends_with(" end") == (how == "throws" || how == "closes"));
    peer->close();
    bed.advance(1min);
    CHECK(closed == 1);
    CHECK(bed.clients() == 0);
    CHECK(std::count(bed.logged.begin(), bed.logged.end(), "a hook threw") ==
          (how.starts_with("throws") ? 1 : 0));
}

TEST_CASE("A stream outlives the context without a use for it", "[sse]") {
    sse::session_ptr session;
    const auto live = publication::live();
    {
        sse_bed bed({.hooks = {.on_open = [&](const auto& s) { session = s; }}});
        const auto peer = stalled(bed);
        for (int i = 0; i < 5; ++i) bed.publish("a", std::string(60'000, '.'));
        if (GENERATE(true, false)) session->close();
        bed.run();
        peer->close();
        if (GENERATE(true, false)) {
            bed.web.reset();
            bed.hub.reset();
        }
        bed.destroy_context();
    }
    CHECK_FALSE(session->is_open());
    CHECK(session->send("x") == errc::closed);
    session->close();
    session.reset();
    CHECK(publication::live() == live);
}

}  // namespace tidings::test
