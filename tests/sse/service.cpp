// SPDX-License-Identifier: BSL-1.0
// The Server-Sent Events service: the answer, events, resuming, heartbeats, the end.
#include "support/sse_bed.hpp"

#include <tidings/http/impl/message/percent.hpp>

namespace tidings::test {

TEST_CASE("The answer tells proxies to keep their hands off, and begins at once", "[sse]") {
    sse_bed bed;
    const auto peer = bed.get();
    const auto& bytes = peer->received();
    CHECK(bytes.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(field_of(bytes, "Content-Type") == "text/event-stream");
    CHECK(field_of(bytes, "Cache-Control") == "no-cache, no-transform");
    CHECK(field_of(bytes, "X-Accel-Buffering") == "no");
    CHECK(field_of(bytes, "Transfer-Encoding") == "chunked");
    CHECK(field_of(bytes, "Connection") == "close");
    CHECK(field_of(bytes, "Content-Length").empty());
    CHECK(show_stream(body_of(*peer), true) ==
          strings{"retry", " :open", '#' + bed.hub->head().text()});
    CHECK(bed.clients() == 1);
}

TEST_CASE("Clients are told to wait once to twice the time given, each its own", "[sse]") {
    sse_bed bed({.retry = 3000ms});
    strings waits;
    for (int i = 0; i < 5; ++i) {
        const auto body = body_of(*bed.get());
        REQUIRE(body.starts_with("retry: "));
        waits.push_back(body.substr(7, body.find('\n') - 7));
        CHECK(std::stoi(waits.back()) >= 3000);
        CHECK(std::stoi(waits.back()) <= 6000);
    }
    std::sort(waits.begin(), waits.end());
    CHECK(std::unique(waits.begin(), waits.end()) == waits.end());
}

TEST_CASE("A time to wait that is none is refused at once", "[sse]") {
    CHECK_THROWS_AS(sse::service({.retry = -1ms}), std::invalid_argument);
    CHECK_NOTHROW(sse::service({.retry = 0ms}));
}

TEST_CASE("Events come as CloudEvents whose id is their position", "[sse]") {
    sse_bed bed;
    const auto peer = bed.get();
    const auto one = bed.publish("orders.1", "ten\nlines");
    const auto two = bed.publish("orders.2", "\r\n");
    const auto seen = show_stream(body_of(*peer), true);
    REQUIRE(seen.size() == 5);
    CHECK(seen[3] == "orders.1=ten\nlines #" + one.position->text());
    CHECK(seen[4] == "orders.2=\r\n #" + two.position->text());
}

TEST_CASE("Plain data comes with its type as the event's name", "[sse]") {
    sse_bed bed({.payload = sse::payload::data});
    const auto peer = bed.get();
    bed.hub->publish("a", event("order.created", "/s", "ten\nlines"));
    bed.hub->publish("a", event("order.created", "/s", "\xff"));
    bed.hub->publish("a", event("order.created", "/s", "x"));
    bed.run();
    CHECK(events_of(*peer) == strings{"order.created:ten\nlines", "order.created:x"});
    CHECK(std::count(bed.logged.begin(), bed.logged.end(), "a") == 1);
}

TEST_CASE("Two streams get what each asked for, and one leaving does not disturb the other",
          "[sse]") {
    sse_bed bed;
    const auto one = bed.get("/events?topic=a.*&topic=a.b");
    const auto two = bed.get();
    bed.publish("a.b", "1");
    bed.publish("c", "2");
    two->close();
    bed.publish("a.c", "3");
    CHECK(events_of(*one) == strings{"a.b=1", "a.c=3"});
    CHECK(bed.clients() == 1);
    CHECK(bed.hub->subscriptions() == 1);
}

TEST_CASE("A peer that goes is noticed without a write", "[sse]") {
    std::optional<error_code> reason;
    sse_bed bed({.hooks = {.on_close = [&](const auto&, error_code ec) { reason = ec; }}});
    const auto peer = bed.get();
    if (GENERATE(true, false))
        peer->close();
    else
        bed.sim().reset_all();
    bed.run();
    CHECK(bed.hub->subscriptions() == 0);
    CHECK(bed.clients() == 0);
    REQUIRE(reason);
    CHECK(*reason);
}

TEST_CASE("every spelling of the last event id is read, the field first and after last",
          "[sse][fault-21]") {
    const std::string name = GENERATE("lastEventId", "last_event_id", "Last-Event-ID");
    CAPTURE(name);
    sse_bed bed;
    const auto one = bed.publish("a.1", "one");
    const auto two = bed.publish("a.2", "two");
    const auto three = bed.publish("a.3", "three");
    const auto at = [](const receipt& r) { return r.position->text(); };
    const auto query = "/events?topic=%3E&" + name + '=' + at(two);
    CHECK(events_of(*bed.get(query)) == strings{"a.3=three"});
    CHECK(events_of(*bed.get(query + "&after=" + at(one))) == strings{"a.3=three"});
    CHECK(events_of(*bed.get("/events?after=" + at(one) + "&topic=%3E&" + name + '=' + at(two))) ==
          strings{"a.3=three"});
    CHECK(events_of(*bed.get(query, "Last-Event-ID: " + at(three) + "\r\n")).empty());
}

TEST_CASE("a polyfill's empty or foreign id is that of a browser", "[sse][fault-21]") {
    sse_bed bed;
    bed.publish("a.1", "one");
    CHECK(events_of(*bed.get("/events?topic=%3E&lastEventId=")).empty());
    const auto gap = events_of(*bed.get("/events?topic=%3E&lastEventId=not%20ours"));
    REQUIRE(gap.size() == 1);
    CHECK(gap[0].starts_with("tidings.gap="));
}

TEST_CASE("a parameter of ours that is spelled wrongly is refused with its name",
          "[sse][fault-21]") {
    const std::string name =
        GENERATE("topics", "Topic", "After", "last-event-id", "lasteventid", "LastEventID", "Max");
    sse_bed bed;
    const auto peer = bed.get("/events?topic=%3E&" + name + "=1");
    INFO(peer->received());
    CHECK(peer->received().starts_with("HTTP/1.1 400 "));
    CHECK(peer->received().find("\"detail\":\"" + name + ';') != std::string::npos);
    // What is not ours may be an authenticator's.
    CHECK(bed.get("/events?topic=%3E&token=1&_=2")->received().starts_with("HTTP/1.1 200 "));
}

TEST_CASE("A request that cannot be served is refused, and says why", "[sse]") {
    const auto [request, status, says] =
        GENERATE(std::tuple("GET /events", "400", "name at least one topic"),
                 std::tuple("GET /events?topic=a..b", "400", "Bad topic pattern"),
                 std::tuple("GET /events?topic=a&topic=%3E.a", "400", "Bad topic pattern"),
                 std::tuple("GET /events?topic=%zz", "400", "Bad query"),
                 std::tuple("GET /events?topic=a&last_event_id=%0a", "400", "Bad position"),
                 std::tuple("POST /events?topic=a", "405", "\r\nAllow: GET, HEAD, OPTIONS\r\n"),
                 std::tuple("DELETE /events?topic=a", "405", "\r\nAllow: GET, HEAD, OPTIONS\r\n"),
                 std::tuple("GET /events/?topic=", "400", "Bad topic pattern"));
    sse_bed bed;
    const auto peer = bed.request(std::string(request) +
                                  " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    INFO(peer->received());
    CHECK(peer->received().starts_with("HTTP/1.1 " + std::string(status)));
    CHECK(peer->received().find(says) != std::string::npos);
    CHECK(bed.clients() == 0);
}

TEST_CASE("Strangers need credentials, pages the right origin", "[sse]") {
    sse_bed bed;
    bed.mount("/token", {.authenticator = bearer_token("secret")});
    CHECK(bed.get("/events?topic=a", "Origin: https://x.example\r\n")
              ->received()
              .starts_with("HTTP/1.1 403"));
    CHECK(bed.get("/events?topic=a", "Origin: http://127.0.0.1\r\n")
              ->received()
              .starts_with("HTTP/1.1 200"));
    bed.sim().set_link({.client_address = "192.0.2.7"});
    CHECK(bed.get()->received().starts_with("HTTP/1.1 401"));
    CHECK(bed.get("/token?topic=a")->received().starts_with("HTTP/1.1 401"));
    CHECK(bed.get("/token?topic=a", "Authorization: Bearer secret\r\n")
              ->received()
              .starts_with("HTTP/1.1 200"));
}

TEST_CASE("Listed origins may read across sites, and no other", "[sse]") {
    sse_bed bed({.allowed_origins = {"https://app.example"}});
    const auto anybody = [](const owned_credentials&, decision_handler<principal> done) {
        done({}, {.name = "ann"});
    };
    bed.mount("/later", {.authenticator = anybody, .allowed_origins = {"https://app.example"}});
    const std::string ours = "Origin: https://app.example\r\n";
    const auto check = [](const http_peer& p, const std::string& status) {
        CHECK(p.received().starts_with("HTTP/1.1 " + status));
        CHECK(field_of(p.received(), "Access-Control-Allow-Origin") == "https://app.example");
        CHECK(field_of(p.received(), "Access-Control-Allow-Credentials") == "true");
        CHECK(field_of(p.received(), "Vary") == "Origin");
    };
    check(*bed.get("/events?topic=a", ours), "200");
    check(*bed.get("/events", ours), "400");
    const auto posted = bed.request(
        "POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n" + ours + "\r\n");
    check(*posted, "405");  // before its body comes
    check(*bed.request("POST /later HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n" + ours +
                       "\r\n"),
          "405");
    const auto preflight =
        bed.request("OPTIONS /events?topic=a HTTP/1.1\r\nHost: localhost\r\n" + ours +
                    "Access-Control-Request-Method: GET\r\n"
                    "Access-Control-Request-Headers: last-event-id\r\n\r\n");
    check(*preflight, "204");
    CHECK(field_of(preflight->received(), "Access-Control-Allow-Headers") == "last-event-id");
    const auto other = bed.get("/events?topic=a", "Origin: https://other.example\r\n");
    CHECK(other->received().starts_with("HTTP/1.1 403"));
    CHECK(field_of(other->received(), "Access-Control-Allow-Origin").empty());
    CHECK(field_of(other->received(), "Vary") == "Origin");
}

TEST_CASE("HEAD is answered like GET, without a stream", "[sse]") {
    sse_bed bed;
    const auto peer = bed.request("HEAD /events?topic=a HTTP/1.1\r\nHost: localhost\r\n\r\n");
    CHECK(peer->received().starts_with("HTTP/1.1 200"));
    CHECK(field_of(peer->received(), "Content-Type") == "text/event-stream");
    CHECK(field_of(peer->received(), "Cache-Control") == "no-cache, no-transform");
    CHECK(after_header(peer->received()).empty());
    CHECK(bed.clients() == 0);
    peer->take();
    peer->send("GET /events?topic=a HTTP/1.1\r\nHost: localhost\r\n\r\n");
    bed.run();
    CHECK(peer->received().starts_with("HTTP/1.1 200"));
    CHECK(bed.clients() == 1);
}

TEST_CASE("For HTTP/1.0 the end of the connection ends the body", "[sse]") {
    sse::session_ptr session;
    sse_bed bed({.authenticator = allow_anonymous(),
                 .hooks = {.on_open = [&](const auto& s) { session = s; }}});
    const auto peer = bed.request("GET /events?topic=%3E HTTP/1.0\r\n\r\n");
    const auto chunked = bed.get();
    bed.publish("a", "x");
    session.reset();
    CHECK(field_of(peer->received(), "Transfer-Encoding").empty());
    CHECK(field_of(peer->received(), "Connection") == "close");
    CHECK(show_stream(after_header(peer->received())) == strings{"a=x"});
    CHECK(events_of(*chunked) == strings{"a=x"});
    bed.web->async_drain([](error_code) {});
    bed.run();
    CHECK(peer->ended() == net::error::eof);
    CHECK(after_header(peer->received()).find("0\r\n") == std::string::npos);
}

TEST_CASE("A stream resumes after an id", "[sse]") {
    sse_bed bed;
    bed.publish("a.1", "one");
    const auto two = bed.publish("b.2", "two");
    const auto three = bed.publish("a.3", "three");
    const auto& id = two.position->text();

    SECTION("of the field") {
        const auto peer = bed.get("/events?topic=%3E", "Last-Event-ID: " + id + "\r\n");
        bed.publish("a.4", "four");
        CHECK(events_of(*peer) == strings{"a.3=three", "a.4=four"});
    }
    SECTION("of the query, where the field wins") {
        const auto query = "/events?topic=%3E&last_event_id=" + id;
        CHECK(events_of(*bed.get(query)) == strings{"a.3=three"});
        CHECK(events_of(*bed.get(query, "Last-Event-ID: " + three.position->text() + "\r\n"))
                  .empty());
        CHECK(events_of(*bed.get(query, "Last-Event-ID: \r\n")) == strings{"a.3=three"});
    }
    SECTION("which another server gave: told so, with the id to go on from") {
        const std::string foreign = GENERATE("elsewhere:3", "with space", "\xc3\xa9");
        const auto long_id = std::string(300, 'x');
        for (const auto& asked : {foreign, long_id}) {
            const auto peer = bed.get("/events?topic=%3E", "Last-Event-ID: " + asked + "\r\n");
            const auto seen = show_stream(body_of(*peer), true);
            REQUIRE(seen.size() == 3);
            CHECK(seen[2].starts_with("tidings.gap="));
            CHECK(seen[2].ends_with(" #" + three.position->text()));
            CHECK(body_of(*peer).find("\nevent: tidings.gap\n") != std::string::npos);
        }
    }
}

TEST_CASE("A silent stream brings its position, so that it stays fresh", "[sse]") {
    sse_bed bed({.heartbeat = 15s});
    const auto peer = bed.get("/events?topic=a");
    peer->take();
    const auto quiet = [&](std::chrono::milliseconds time) {
        for (auto t = 0ms; t < time; t += 50ms) bed.advance(50ms);
        return show_stream(dechunked(peer->take()), true);
    };
    CHECK(quiet(11s).empty());
    CHECK(quiet(4500ms) == strings{" :"});  // nothing was ever published
    CHECK(quiet(11s).empty());
    const auto elsewhere = bed.publish("b", "x");
    CHECK(quiet(4500ms) == strings{'#' + elsewhere.position->text()});
    CHECK(quiet(15s) == strings{" :"});  // known already
    const auto here = bed.publish("a", "y");
    CHECK(quiet(11s) == strings{"a=y #" + here.position->text()});
    CHECK(quiet(4500ms).size() == 1);
    bed.advance(1min);
}

TEST_CASE("A stream that begins live learns its position at once", "[sse]") {
    sse_bed bed;
    if (GENERATE(true, false)) bed.publish("a", "1");
    const auto here = bed.hub->head().text();
    CHECK(show_stream(body_of(*bed.get("/events?topic=a")), true) ==
          strings{"retry", " :open", '#' + here});
    // And so misses nothing when it is cut.
    bed.publish("a", "2");
    CHECK(events_of(*bed.get("/events?topic=a", "Last-Event-ID: " + here + "\r\n")) ==
          strings{"a=2"});
}

TEST_CASE("A stream lives no longer than it may", "[sse]") {
    sse_bed bed({.max_lifetime = 100s});
    const auto peer = bed.get();
    bed.advance(79s);
    CHECK_FALSE(peer->ended());
    bed.advance(22s);
    CHECK(body_of(*peer).ends_with(" end"));
    CHECK(peer->ended() == net::error::eof);
}

TEST_CASE("a handle that is kept knows the streams of the mounted service", "[sse]") {
    sse_bed bed;
    std::optional<sse::service> feed(std::in_place, *bed.hub);
    bed.web->mount("/feed", *feed);
    const auto one = bed.get("/feed?topic=a");
    const auto two = bed.get("/feed?topic=a");
    const auto elsewhere = bed.get();
    CHECK(feed->sessions() == 2);
    two->close();
    bed.run();
    CHECK(feed->sessions() == 1);
    feed.reset();  // the mounted one goes on
    bed.publish("a", "x");
    CHECK(events_of(*one) == strings{"a=x"});
    CHECK_FALSE(bed.get("/feed?topic=a")->ended());
}

TEST_CASE("close of a handle or the end of its server closes a service for all", "[sse]") {
    sse_bed bed;
    std::optional<sse::service> feed;
    int closed = 0;
    const std::string how = GENERATE("close", "close in hook", "stop", "destroy", "drain");
    CAPTURE(how);
    feed.emplace(
        *bed.hub,
        sse::service_options{.hooks = {.on_open =
                                           [&](const auto&) {
                                               if (how == "close in hook" && feed->sessions() == 2)
                                                   feed->close();
                                           },
                                       .on_close = [&](const auto&, error_code) { ++closed; }}});
    bed.web->mount("/feed", *feed);
    const auto one = bed.get("/feed?topic=a");
    const auto two = bed.get("/feed?topic=a");
    if (how == "close") feed->close();
    if (how == "stop") bed.web->stop();
    if (how == "destroy") bed.web.reset();
    if (how == "drain") bed.web->async_drain([](error_code) {});
    bed.run();
    if (how == "drain") bed.advance(5100ms);
    CHECK(one->ended());
    CHECK(two->ended());
    CHECK(closed == 2);
    CHECK(feed->sessions() == 0);
    CHECK(bed.hub->subscriptions() == 0);
    if (!how.starts_with("close")) {
        bed.web.emplace(bed.server());
        bed.web->mount("/feed", *feed);
    }
    CHECK(bed.get("/feed?topic=a")->received().starts_with("HTTP/1.1 503 "));
}

TEST_CASE("the last handle of a service that is mounted nowhere closes its streams", "[sse]") {
    sse_bed bed;
    std::optional<sse::service> feed(std::in_place, *bed.hub);
    std::optional<sse::service> copy(feed);
    bed.web->mount("/own", [&](http::exchange& x) { feed->handle(x); });
    const auto peer = bed.get("/own?topic=a");
    copy.reset();
    bed.run();
    CHECK_FALSE(peer->ended());
    CHECK(feed->sessions() == 1);
    feed.reset();
    bed.run();
    CHECK(peer->ended());
    CHECK(bed.hub->subscriptions() == 0);
}

TEST_CASE("a stream gets what its filter wants, live and after a resume, and its beats move on",
          "[sse]") {
    sse_bed bed({.heartbeat = 1s});
    const auto filter = "&filter=" + http::percent_encode(R"({"exact":{"type":"wanted"}})");
    const auto publish = [&](std::string_view type, std::string_view text) {
        bed.hub->publish("a", event(type, "/test", text));
        bed.run();
    };
    const auto begin = bed.hub->head().text();
    publish("wanted", "1");
    publish("other", "2");
    const auto live = bed.get("/events?topic=a" + filter);
    const auto resumed = bed.get("/events?topic=a&after=" + begin + filter);
    publish("other", "3");
    publish("wanted", "4");
    publish("other", "5");
    CHECK(events_of(*live) == strings{"a=4"});
    CHECK(events_of(*resumed) == strings{"a=1", "a=4"});
    for (int quarter = 0; quarter < 8; ++quarter) bed.advance(250ms);
    CHECK(show_stream(body_of(*resumed), true).back() == '#' + bed.hub->head().text());
}

TEST_CASE("a stream begins with what is retained, without an id, and then has one", "[sse]") {
    sse_bed bed({}, {.history = {.max_events = 100}, .retained = {{.max_topics = 10}}});
    bed.publish("a", "1");
    bed.publish("b", "1");
    bed.publish("a", "2");
    const auto joined = bed.hub->head().text();
    const auto peer = bed.get("/events?topic=%3E&retained=true");
    const auto next = bed.publish("c", "1");
    auto seen = show_stream(body_of(*peer), true);
    REQUIRE(seen.size() == 6);
    CHECK(strings(seen.begin() + 2, seen.end()) ==
          strings{"b=1 #", "a=2 #", '#' + joined, "c=1 #" + next.position->text()});
    const auto back =
        bed.get("/events?topic=%3E&retained=true", "Last-Event-ID: " + joined + "\r\n");
    CHECK(events_of(*back) == strings{"c=1"});
}

TEST_CASE("a filter that is malformed, and an odd spelling, are refused", "[sse]") {
    sse_bed bed;
    const auto answer = [&](std::string_view query) {
        return bed.get("/events?topic=a&" + std::string(query))->received();
    };
    const auto one = "filter=" + http::percent_encode(R"({"exact":{"type":"x"}})");
    CHECK(answer(one).starts_with("HTTP/1.1 200 "));
    CHECK(answer(one + '&' + one).starts_with("HTTP/1.1 400 "));
    for (const auto* bad : {"filter=", "filter=x", "filter={}", "Filter=%5B%5D", "filters=%5B%5D",
                            "retained=1", "Retained=true", "filter=%7B%22sql%22:%22TRUE%22%7D"}) {
        CAPTURE(bad);
        CHECK(answer(bad).starts_with("HTTP/1.1 400 "));
    }
}

}  // namespace tidings::test
