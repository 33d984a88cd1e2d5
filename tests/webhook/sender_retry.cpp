// SPDX-License-Identifier: BSL-1.0
// What a sender does about deliveries that fail.
#include "support/webhook_bed.hpp"

#include <tidings/event_json.hpp>
#include <tidings/store/memory_outbox.hpp>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using webhook::verdict;
using texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a failed delivery is repeated on schedule, with the same id and a new signature",
          "[webhook]") {
    world w;
    send_bed bed(w);
    world_sink target(w);
    target.answer = answering({500, 302, 404, 200});
    auto e = bed.add(target.url());
    bed.publish();
    CHECK(target.requests.size() == 1);
    w.advance(4s);
    CHECK(target.requests.size() == 1);
    w.advance(1100ms);
    CHECK(target.requests.size() == 2);
    w.advance(59s);
    CHECK(target.requests.size() == 2);
    w.advance(1100ms);
    CHECK(target.requests.size() == 3);
    w.advance(301s);
    CHECK(target.requests.size() == 4);
    w.advance(24h);
    CHECK(target.requests.size() == 4);
    CHECK(e.counters().delivered == 1);
    CHECK(e.counters().failed_attempts == 3);
    CHECK(e.counters().dead == 0);

    const auto& first = target.requests.front().fields;
    const auto& last = target.requests.back().fields;
    CHECK(first.get("webhook-id") == last.get("webhook-id"));
    CHECK(first.get("webhook-timestamp") != last.get("webhook-timestamp"));
    CHECK(first.get("webhook-signature") != last.get("webhook-signature"));

    REQUIRE(bed.attempts.size() == 4);
    CHECK(bed.attempts[0].error == errc::http_status);
    CHECK(bed.attempts[0].status == 500);
    CHECK(bed.logged.find(" answered 500: " + bed.attempts[0].error.message()) !=
          std::string::npos);
    CHECK(bed.attempts[0].next == 5s);
    CHECK(bed.attempts[2].number == 3);
    CHECK(bed.attempts[3].result == verdict::success);
    CHECK_FALSE(bed.attempts[3].next);
}

TEST_CASE("what fails on every attempt is given up, and kept to be looked at", "[webhook]") {
    world w;
    const auto outbox = store::make_memory_outbox({.dead = {.max_age = 1h}});
    auto o = webhook_options(w);
    o.outbox = outbox;
    send_bed bed(w, std::move(o));
    world_sink target(w);
    target.answer = answering({500});
    auto e = bed.add(target.url());
    bed.publish();
    for (int i = 0; i < 6; ++i) w.advance(301s);
    CHECK(target.requests.size() == 4);
    CHECK(e.counters().dead == 1);
    CHECK_FALSE(bed.attempts.back().next);
    const auto kept = listed(w, *outbox);
    REQUIRE(kept.size() == 1);
    CHECK(kept[0].state == store::outbox_state::dead);
    CHECK(kept[0].entry.last_error == errc::webhook_exhausted);
    CHECK(kept[0].entry.attempts == 4);

    // Later deliveries take along what is too old.
    w.advance(2h);
    bed.publish();
    for (int i = 0; i < 6; ++i) w.advance(301s);
    REQUIRE(listed(w, *outbox).size() == 1);
    CHECK(listed(w, *outbox)[0].entry.message_id == "id-2");
}

TEST_CASE("no answer is a failure with its reason", "[webhook]") {
    world w;
    send_bed bed(w);
    bed.add("http://127.0.0.1:9/hook");
    bed.publish();
    REQUIRE(bed.attempts.size() == 1);
    CHECK(bed.attempts[0].status == 0);
    CHECK(bed.attempts[0].error == net::error::connection_refused);
    CHECK(bed.attempts[0].result == verdict::retry);
    CHECK(bed.attempts[0].next == 5s);
    CHECK(bed.logged == "http://127.0.0.1:9: Connection refused\n");
}

TEST_CASE("a log names host and port of an endpoint that has an id, too", "[webhook][fault-19]") {
    world w;
    send_bed bed(w);
    bed.add("http://127.0.0.1:9/hook?key", {.id = "orders"});
    bed.publish();
    CHECK(bed.logged == "orders at http://127.0.0.1:9: Connection refused\n");
}

TEST_CASE("an answer that does not come is a failure", "[webhook]") {
    world w;
    send_bed bed(w);
    world_sink target(w);
    std::vector<http::exchange> held;
    target.answer = [&](http::exchange& x) { held.push_back(std::move(x)); };
    bed.add(target.url());
    bed.publish();
    CHECK(bed.attempts.empty());
    w.advance(21s);
    REQUIRE(bed.attempts.size() == 1);
    CHECK(bed.attempts[0].error == errc::timed_out);
    CHECK(bed.attempts[0].status == 0);
    held.clear();
}

TEST_CASE("a redirect is a failure and is never followed", "[webhook]") {
    world w;
    send_bed bed(w);
    world_sink target(w);
    world_sink elsewhere(w);
    const auto status = GENERATE(301U, 302U, 303U, 307U, 308U);
    const bool inside = GENERATE(false, true);
    const auto to = inside ? "http://169.254.169.254/latest/meta-data/" : elsewhere.url();
    target.answer = answering({status}, {{"Location", to}});
    bed.add(target.url());
    bed.publish();
    w.advance(10s);
    CHECK(target.requests.size() == 2);
    CHECK(elsewhere.requests.empty());
    CHECK(w.sim().connections() == 1);  // to the target, and to no other address
    for (const auto& a : bed.attempts) CHECK(a.status == status);
}

TEST_CASE("a status that was declared hopeless ends the delivery at once", "[webhook]") {
    world w;
    auto o = webhook_options(w);
    o.retry.permanent_statuses = {400, 413};
    send_bed bed(w, std::move(o));
    world_sink target(w);
    target.answer = answering({413});
    auto e = bed.add(target.url());
    bed.publish();
    w.advance(24h);
    CHECK(target.requests.size() == 1);
    CHECK(e.counters().dead == 1);
    CHECK(e.active());
    CHECK(bed.attempts[0].result == verdict::permanent);
}

TEST_CASE("a busy endpoint is spared as a whole, as long as it asks", "[webhook]") {
    world w;
    send_bed bed(w);
    world_sink target(w);
    const auto status = GENERATE(429U, 502U, 503U, 504U);
    const bool asks = GENERATE(true, false);
    CAPTURE(status, asks);
    const auto wait = asks ? 120s : 5s;  // else as the schedule has it
    target.answer = [&, first = true](http::exchange& x) mutable {
        http::response r{.status = std::exchange(first, false) ? status : 204U};
        if (asks) r.fields.set("Retry-After", "120");
        x.respond(std::move(r));
    };
    bed.add(target.url());
    bed.hub->publish("a", event("test", "/test", "1"));
    bed.publish("2");
    CHECK(bodies_of(target) == texts{"1"});
    CHECK(bed.attempts.at(0).next == wait);
    bed.publish("3");
    w.advance(wait - 100ms);
    CHECK(bodies_of(target) == texts{"1"});
    w.advance(200ms);
    CHECK(bodies_of(target) == texts{"1", "1", "2", "3"});
    // Not attempted while it was spared: the count is that of the attempts made.
    CHECK(bed.attempts.back().number == 1);
}

TEST_CASE("a pause of one endpoint holds up no other", "[webhook]") {
    world w;
    send_bed bed(w);
    world_sink busy(w);
    world_sink idle(w);
    busy.answer = answering({429}, {{"Retry-After", "1000"}});
    bed.add(busy.url());
    bed.add(idle.url());
    for (int i = 0; i < 3; ++i) bed.publish();
    CHECK(busy.requests.size() == 1);
    CHECK(idle.requests.size() == 3);
}

TEST_CASE("Retry-After that is no time is passed over", "[webhook]") {
    world w;
    send_bed bed(w);
    world_sink target(w);
    const auto value = GENERATE(as<std::string>(), "", "-5", "soon", "99999999999999999999",
                                "Wed, 01 Jan 2020 00:00:00 GMT");
    CAPTURE(value);
    target.answer = answering({503, 204}, {{"Retry-After", value}});
    bed.add(target.url());
    bed.publish();
    const bool endless = value.starts_with("999");
    CHECK(bed.attempts.at(0).next == (endless ? std::chrono::milliseconds(24h) : 5s));
}

TEST_CASE("410 ends the endpoint and gives up what it is owed", "[webhook]") {
    world w;
    const auto outbox = store::make_memory_outbox();
    auto o = webhook_options(w);
    o.outbox = outbox;
    send_bed bed(w, std::move(o));
    world_sink target(w);
    target.answer = answering({500, 410});
    int gone = 0;
    auto e = bed.add(target.url(), {.on_gone = [&] { ++gone; }});
    bed.publish("1");
    for (int i = 2; i < 6; ++i) bed.hub->publish("a", event("test", "/test", std::to_string(i)));
    w.run_ready();
    CHECK(bodies_of(target) == texts{"1", "2"});
    CHECK(gone == 1);
    CHECK_FALSE(e.active());
    CHECK(e.counters().dead == 5);  // the first, which waits for its retry, too
    w.advance(24h);
    CHECK(target.requests.size() == 2);
    CHECK(gone == 1);
    for (const auto& l : listed(w, *outbox)) CHECK(l.state == store::outbox_state::dead);
    // Its subscription ends with the next event.
    bed.publish();
    CHECK_FALSE(bed.hooks[0].active());
    CHECK(e.counters().accepted == 5);
}

}  // namespace tidings::test
