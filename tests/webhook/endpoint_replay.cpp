// SPDX-License-Identifier: BSL-1.0
// What a history holds, sent to an endpoint once more.
#include "support/webhook_bed.hpp"

#include <tidings/store/memory_history.hpp>
#include <tidings/store/memory_outbox.hpp>

#include <boost/asio/bind_executor.hpp>

namespace tidings::test {

namespace {

using texts = std::vector<std::string>;

/// A bus with a history in memory, and an endpoint that has had everything.
struct replay_bed {
    explicit replay_bed(std::size_t max_events = 1000, store::outbox_options bounds = {})
        : events(make_memory_history({{.pattern = ">", .max_events = max_events}})),
          hub(w.io(), {.history = {.implementation = events}, .clock = &w.clock()}),
          sender(w.io(), options(bounds)),
          endpoint(sender.endpoint({.url = target.url(),
                                    .secret = webhook_secret,
                                    .id = "e",
                                    .order = webhook::delivery_order::endpoint})),
          hook(hub.subscribe(">", endpoint)) {}
    webhook::sender_options options(store::outbox_options bounds) {
        auto o = webhook_options(w);
        o.outbox = store::make_memory_outbox(bounds);
        return o;
    }
    position publish(const std::string& text, std::string_view topic = "a") {
        const auto r = hub.publish(topic, event("test", "/test", text).id(text));
        w.run_ready();
        return r.position.value();
    }
    std::pair<error_code, webhook::replayed> replay(webhook::replay_range range) {
        std::optional<std::pair<error_code, webhook::replayed>> result;
        target.requests.clear();
        endpoint.async_replay(std::move(range),
                              net::bind_executor(w.io(), [&](error_code ec, webhook::replayed r) {
                                  result.emplace(ec, std::move(r));
                              }));
        w.run_ready();
        REQUIRE(result);
        return *std::move(result);
    }
    std::string id_of(std::size_t request) const {
        return std::string(target.requests.at(request).fields.get("webhook-id"));
    }

    world w;
    world_sink target{w};
    std::shared_ptr<history> events;
    bus hub;
    webhook::sender sender;
    webhook::endpoint endpoint;
    subscription hook;
};

}  // namespace

TEST_CASE("a range of a history is sent again, under the same ids or as new", "[webhook]") {
    replay_bed b;
    std::vector<position> at;
    for (const char* text : {"1", "2", "3", "4", "5"}) at.push_back(b.publish(text));
    REQUIRE(bodies_of(b.target) == texts{"1", "2", "3", "4", "5"});
    const auto id_of_2 = b.id_of(1);
    const auto [ec, r] = b.replay({.from = b.events, .after = at[0], .until = at[3]});
    CHECK_FALSE(ec);
    CHECK(r.count == 3);
    CHECK(r.last == at[3]);
    CHECK(r.gone.empty());
    CHECK(bodies_of(b.target) == texts{"2", "3", "4"});
    CHECK(b.id_of(0) == id_of_2);
    CHECK(
        b.replay({.from = b.events, .after = at[0], .until = at[1], .as_new = true}).second.count ==
        1);
    CHECK(b.id_of(0) != id_of_2);
    CHECK(b.id_of(0).starts_with(id_of_2));
    CHECK(b.endpoint.counters().accepted == 9);
}

TEST_CASE("without bounds all that a history holds is sent again, slice by slice", "[webhook]") {
    replay_bed b;
    texts all;
    for (int i = 0; i < 150; ++i) {
        all.push_back(std::to_string(i));
        b.publish(all.back());
    }
    b.publish("other", "b");
    const auto [ec, r] = b.replay({.from = b.events, .patterns = {"a"}});
    CHECK_FALSE(ec);
    CHECK(r.count == all.size());
    CHECK(r.last == b.events->head());
    CHECK(bodies_of(b.target) == all);
}

TEST_CASE("a range of which something is gone is an error that says so, and nothing is sent",
          "[webhook]") {
    replay_bed b(3);
    std::vector<position> at;
    for (const char* text : {"1", "2", "3", "4", "5"}) at.push_back(b.publish(text));
    const auto [ec, r] = b.replay({.from = b.events, .after = at[0]});
    CHECK(ec == errc::missed);
    CHECK(r.count == 0);
    CHECK(r.gone == at[1]);
    CHECK(b.target.requests.empty());
    CHECK(b.replay({.from = b.events, .after = r.gone}).second.count == 3);
}

TEST_CASE("a replay that is refused says how far it came, and goes on from there", "[webhook]") {
    store::outbox_options bounds;
    bounds.each.max_entries = 2;
    bounds.each.policy = store::at_bound::refuse;
    replay_bed b(1000, bounds);
    std::vector<position> at;
    for (const char* text : {"1", "2", "3"}) at.push_back(b.publish(text));
    const auto [ec, r] = b.replay({.from = b.events});
    CHECK(ec == errc::outbox_full);
    CHECK(r.count == 2);
    CHECK(r.last == at[1]);
    CHECK(bodies_of(b.target) == texts{"1", "2"});
    CHECK_FALSE(b.replay({.from = b.events, .after = r.last}).first);
    CHECK(bodies_of(b.target) == texts{"3"});
}

TEST_CASE("an endpoint that takes nothing replays nothing", "[webhook]") {
    replay_bed b;
    b.publish("1");
    CHECK(b.replay({}).first == errc::invalid_argument);
    auto moved = std::move(b.endpoint);
    CHECK(b.replay({.from = b.events}).first == errc::closed);
    moved.close();
    b.endpoint = std::move(moved);
    CHECK(b.replay({.from = b.events}).first == errc::closed);
    CHECK(b.target.requests.empty());
}

}  // namespace tidings::test
