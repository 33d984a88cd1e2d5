// SPDX-License-Identifier: BSL-1.0
// The time of an event that came without one.
#include "support/bus_fixture.hpp"
#include "support/two_threads.hpp"

#include <tidings/codec/cloudevents_http.hpp>
#include <tidings/codec/cloudevents_json.hpp>
#include <tidings/text/impl/timestamp.hpp>

#include <boost/asio/bind_executor.hpp>

#include <algorithm>
#include <array>
#include <latch>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;

std::string now_of(const io::clock& clock) {
    return detail::format_timestamp(
        std::chrono::floor<std::chrono::microseconds>(clock.wall_now()));
}

std::string json_of(const event_ptr& e) {
    error_code ec;
    const auto text = cloudevents_json(*e, ec);
    REQUIRE(text != nullptr);
    return *text;
}

std::string time_in(const std::string& json) {
    error_code ec;
    const auto read = parse_cloudevents_json(json, ec);
    return read.event.time() ? detail::format_timestamp(*read.event.time()) : "absent";
}

event_ptr lone(event e) {
    error_code ec;
    return publication::make("a", std::move(e), {}, ec);
}

/// Publishes one event in each of the ways there are.
void publish_by(int way, bus& hub, event e) {
    switch (way) {
        case 0:
            hub.publish("a", std::move(e));
            break;
        case 1:
            hub.topic("a").publish(std::move(e));
            break;
        case 2:
            hub.publish("a", lone(std::move(e)));
            break;
        case 3:
            hub.as_subscriber()->deliver(lone(std::move(e)));
            break;
        default:
            hub.async_publish("a", std::move(e), [](error_code, const receipt&) {});
    }
}

}  // namespace

TEST_CASE("an event without a time gets that of its publication, whenever it is encoded",
          "[bus][fault-3]") {
    const int way = GENERATE(range(0, 5));
    bus_fixture f({.max_events = 10});
    f.clock().advance(5s);
    const auto then = now_of(f.clock());
    std::vector<std::string> at_once;
    std::vector<event_ptr> seen;
    auto inside = f.hub->subscribe("a", immediate, [&](const event_ptr& e) {
        at_once.emplace_back(e->time());
        f.clock().advance(1s);
    });
    auto late = f.hub->subscribe("a", [&](const event_ptr& e) { seen.push_back(e); });
    publish_by(way, *f.hub, made("x"));
    f.advance(3s);
    CHECK(at_once == texts{then});
    REQUIRE(seen.size() == 1);
    const auto first = json_of(seen[0]);
    CHECK(time_in(first) == then);
    f.advance(3s);
    auto replay = f.hub->receive("a", {.after = position()});
    event_ptr replayed;
    replay.async_receive(
        net::bind_executor(f.io(), [&](error_code, event_ptr e) { replayed = std::move(e); }));
    f.run();
    REQUIRE(replayed);
    CHECK(json_of(replayed) == first);
    http::fields fields;
    error_code ec;
    REQUIRE(write_binary_event(*replayed, fields, ec) != nullptr);
    CHECK(fields.get("ce-time") == then);
    // The content published again, here and on another bus, keeps it.
    f.advance(3s);
    f.hub->publish("a", replayed);
    bus other(f.io(), {.clock = &f.clock()});
    auto there = other.subscribe("a", [&](const event_ptr& e) { seen.push_back(e); });
    other.as_subscriber()->deliver(replayed);
    f.run();
    REQUIRE(seen.size() == 3);
    for (const auto& e : seen) CHECK(time_in(json_of(e)) == then);
    seen.clear();
    replayed = nullptr;
}

TEST_CASE("an event that had a time keeps it", "[bus][fault-3]") {
    const int way = GENERATE(range(0, 5));
    bus_fixture f({.max_events = 10});
    std::vector<std::string> seen;
    auto s = f.hub->subscribe("a", [&](const event_ptr& e) { seen.push_back(json_of(e)); });
    publish_by(way, *f.hub, made("x").time(event_time(std::chrono::microseconds(1'500'000))));
    f.advance(3s);
    REQUIRE(seen.size() == 1);
    CHECK(time_in(seen[0]) == "1970-01-01T00:00:01.5Z");
}

TEST_CASE("an event that was never published has no time, in no encoding", "[bus][fault-3]") {
    const auto e = lone(made("x"));
    CHECK(e->time().empty());
    CHECK(time_in(json_of(e)) == "absent");
    http::fields fields;
    error_code ec;
    const auto* body = write_binary_event(*e, fields, ec);
    REQUIRE(body != nullptr);
    CHECK(fields.get("ce-time").empty());
}

TEST_CASE("an event that two threads publish at once has one time", "[bus][threads][fault-3]") {
    two_threads threads;
    for (int round = 0; round < 200; ++round) {
        // Clocks that stand apart.
        std::array<manual_clock, 2> clocks;
        clocks[1].advance(std::chrono::hours(1));
        const auto e = lone(made("x"));
        std::array<std::string, 2> seen;
        std::latch begin(2);
        std::latch end(2);
        for (std::size_t i = 0; i < 2; ++i)
            net::post(threads.io, [&, i] {
                bus hub(threads.io, {.clock = &clocks[i]});
                auto s = hub.subscribe("a", immediate,
                                       [&, i](const event_ptr& got) { seen[i] = got->time(); });
                begin.arrive_and_wait();
                hub.publish("a", e);
                end.count_down();
            });
        end.wait();
        CHECK_FALSE(seen[0].empty());
        CHECK(seen[0] == seen[1]);
        CHECK(seen[0] == e->time());
    }
    threads.join();
}

}  // namespace tidings::test
