// SPDX-License-Identifier: BSL-1.0
// Endpoints that get what they are owed in order, and what an endpoint is known by.
#include "support/webhook_bed.hpp"

#include <tidings/store/memory_outbox.hpp>

#include <boost/asio/detached.hpp>

#include <map>
#include <set>
#include <stdexcept>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using texts = std::vector<std::string>;
using webhook::at_exhaustion;
using webhook::delivery_order;

struct order_bed {
    webhook::sender_options options() {
        auto o = webhook_options(w);
        o.outbox = outbox;
        return o;
    }
    /// Publishes one text after another, each `key-number` in its partition.
    void publish(const texts& all) {
        for (const auto& text : all)
            bed.hub->publish(
                "a", event("test", "/test", text).extension("partitionkey", text.substr(0, 1)));
        w.run_ready();
    }
    /// Refuses what has this text until it is taken out.
    void refuse(std::string text) {
        refused.insert(std::move(text));
        target.answer = [this](http::exchange& x) {
            x.respond({.status = refused.contains(x.request().body) ? 500U : 204U});
        };
    }

    world w;
    const std::shared_ptr<store::outbox> outbox = store::make_memory_outbox();
    send_bed bed{w, options()};
    world_sink target{w};
    std::set<std::string> refused;
};

}  // namespace

TEST_CASE("an ordered endpoint gets one event after another, also while one is tried again",
          "[webhook]") {
    order_bed b;
    b.refuse("2");
    b.bed.add(b.target.url(), {.max_in_flight = 8, .order = delivery_order::endpoint});
    b.publish({"1", "2", "3", "4"});
    CHECK(bodies_of(b.target) == texts{"1", "2"});
    b.w.advance(4s);
    CHECK(bodies_of(b.target) == texts{"1", "2"});
    b.refused.clear();
    b.w.advance(2s);
    CHECK(bodies_of(b.target) == texts{"1", "2", "2", "3", "4"});
    CHECK(listed(b.w, *b.outbox).empty());
}

TEST_CASE("events of one partition key keep their order, others pass them", "[webhook]") {
    order_bed b;
    b.refuse("a1");
    b.bed.add(b.target.url(), {.max_in_flight = 8, .order = delivery_order::partition});
    b.publish({"a1", "a2", "b1", "a3", "b2"});
    b.bed.publish("free");  // has no key
    CHECK(bodies_of(b.target) == texts{"a1", "b1", "b2", "free"});
    b.refused.clear();
    b.w.advance(6s);
    CHECK(bodies_of(b.target) == texts{"a1", "b1", "b2", "free", "a1", "a2", "a3"});
}

TEST_CASE("what failed for good is skipped, or stops what is behind it", "[webhook]") {
    const auto exhausted = GENERATE(at_exhaustion::skip, at_exhaustion::stop);
    order_bed b;
    b.refuse("1");
    const auto e = b.bed.add(b.target.url(), {.order = delivery_order::endpoint,
                                              .exhausted = exhausted,
                                              .retry = webhook::retry_options{.delays = {0s, 5s}}});
    b.publish({"1", "2"});
    for (int i = 0; i < 10; ++i) b.w.advance(5s);
    if (exhausted == at_exhaustion::skip) {
        CHECK(bodies_of(b.target) == texts{"1", "1", "2"});
        CHECK(e.counters().dead == 1);
        return;
    }
    CHECK(bodies_of(b.target) == texts{"1", "1"});
    CHECK(e.counters().dead == 0);
    auto all = listed(b.w, *b.outbox);
    REQUIRE(all.size() == 2);
    CHECK(all[0].state == store::outbox_state::stopped);
    CHECK(all[0].entry.last_error == errc::webhook_exhausted);
    // Until the operator lets it go on.
    b.refused.clear();
    b.outbox->async_redeliver(
        {.of = {.state = store::outbox_state::stopped}, .now = b.w.clock().wall_now()},
        net::detached);
    b.publish({"3"});
    CHECK(bodies_of(b.target) == texts{"1", "1", "1", "2", "3"});
}

TEST_CASE("the schedule of an ordered endpoint ends within an hour", "[webhook]") {
    order_bed b;
    b.refuse("1");
    b.bed.add(b.target.url(), {.order = delivery_order::endpoint});
    b.publish({"1", "2"});
    for (int i = 0; i < 60; ++i) b.w.advance(1min);
    CHECK(bodies_of(b.target).back() == "2");
}

TEST_CASE("each endpoint may have its own schedule", "[webhook]") {
    order_bed b;
    b.target.answer = answering({500});
    b.bed.add(b.target.url(),
              {.retry = webhook::retry_options{.delays = {1s, 1s, 1s}, .jitter = 0}});
    b.bed.publish();
    CHECK(b.target.requests.empty());
    for (int i = 0; i < 10; ++i) b.w.advance(1s);
    CHECK(b.target.requests.size() == 3);
    error_code ec;
    b.bed.sender->endpoint({.url = b.target.url("/hook?other"),
                            .secret = webhook_secret,
                            .retry = webhook::retry_options{.delays = {}}},
                           ec);
    CHECK(ec == errc::invalid_argument);
}

TEST_CASE("a second endpoint of one id, or of one URL without id, is an error", "[webhook]") {
    order_bed b;
    const webhook::endpoint_options first{.url = b.target.url(), .secret = webhook_secret};
    auto other = first;
    if (GENERATE(false, true)) {
        other.id = "one";
        other.url = b.target.url("/hook?other");
    }
    auto e = b.bed.sender->endpoint(other);
    error_code ec;
    auto twice = other;
    twice.secret = webhook_secret;
    b.bed.sender->endpoint(twice, ec);
    CHECK(ec == errc::webhook_duplicate);
    CHECK(e.active());
    CHECK_THROWS_AS(b.bed.sender->endpoint(twice), std::invalid_argument);
    // Unless it says that it takes the other's place, or that one has ended.
    SECTION("replaced") {
        twice.replace = true;
        b.bed.sender->endpoint(twice, ec);
        CHECK_FALSE(ec);
    }
    SECTION("closed") {
        e.close();
        b.bed.sender->endpoint(twice, ec);
        CHECK_FALSE(ec);
    }
    SECTION("released") {
        e = webhook::endpoint(nullptr);
        b.bed.sender->endpoint(twice, ec);
        CHECK_FALSE(ec);
    }
}

TEST_CASE("receivers behind several endpoints may get an event of each", "[webhook]") {
    order_bed b;
    b.bed.add(b.target.url("/hook?1"));
    b.bed.add(b.target.url("/hook?2"));
    b.bed.add(b.target.url("/hook?3"), {.id_scope = "3"});
    b.bed.publish();
    REQUIRE(b.target.requests.size() == 3);
    std::map<std::string, std::string> ids;
    for (const auto& r : b.target.requests)
        ids[std::string(r.query())] = r.fields.get("webhook-id");
    CHECK(ids["1"] == ids["2"]);
    CHECK(ids["1"] != ids["3"]);
}

}  // namespace tidings::test
