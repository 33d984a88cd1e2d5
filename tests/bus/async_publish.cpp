// SPDX-License-Identifier: BSL-1.0
#include "support/bus_fixture.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

// The exact outcome of a publication, and waiting for room.

namespace tidings::test {

namespace {

using namespace std::chrono_literals;

/// What became of a publication, once it is known.
struct outcomes {
    std::vector<std::pair<error_code, receipt>> ends;
    auto note() {
        return [this](error_code ec, receipt r) { ends.emplace_back(ec, std::move(r)); };
    }
    const receipt& last() const { return ends.back().second; }
};

/// An outlet with storage: takes responsibility at the test's command.
class storing_subscriber final : public subscriber {
 public:
    outcome deliver(const event_ptr&) noexcept override { return outcome::dropped; }
    void complete(error_code ec, outcome o) {
        auto h = std::move(waiting.front());
        waiting.erase(waiting.begin());
        std::move(h)(ec, o);
    }
    std::vector<deliver_handler> waiting;

 private:
    void start_deliver(event_ptr, deliver_handler h) override { waiting.push_back(std::move(h)); }
};

const subscribe_options one_with_backpressure{.limits = {.max_events = 1},
                                              .overflow = overflow::backpressure,
                                              .backpressure_deadline = 1000ms};

TEST_CASE("a subscriber that takes an event is not let go of before it has answered",
          "[bus][async_publish]") {
    bus_fixture f;
    outcomes o;
    const bool by_reset = GENERATE(true, false);
    auto s = std::make_shared<storing_subscriber>();
    const std::weak_ptr<storing_subscriber> weak = s;
    auto held = f.hub->subscribe("a", std::move(s));
    f.hub->async_publish("a", made("x"), o.note());
    f.run();
    if (by_reset)
        held.reset();
    else
        held = {};
    f.run();
    CHECK(o.ends.empty());
    REQUIRE(weak.lock());
    weak.lock()->complete({}, outcome::queued);
    f.run();
    REQUIRE(o.ends.size() == 1);
    CHECK_FALSE(o.ends[0].first);
    CHECK(weak.expired());
}

TEST_CASE("async_publish posts its completion, with an error when nothing was published",
          "[bus][async_publish]") {
    bus_fixture f;
    outcomes o;
    f.hub->async_publish("a", made("x"), o.note());
    f.hub->async_publish("a.*", made("x"), o.note());
    f.hub->async_publish("tidings.a", made("x"), o.note());
    f.hub->async_publish("a", event{"", "/s"}, o.note());
    CHECK(o.ends.empty());
    f.run();
    REQUIRE(o.ends.size() == 4);
    CHECK_FALSE(o.ends[0].first);
    CHECK(o.ends[0].second.matched == 0);
    CHECK(o.ends[1].first == errc::bad_topic);
    CHECK(o.ends[1].second.error == errc::bad_topic);
    CHECK(o.ends[2].first == errc::reserved_topic);
    CHECK(o.ends[3].first == errc::event_without_type);
}

TEST_CASE("async_publish on a bus that is closed says so", "[bus][async_publish]") {
    bus_fixture f;
    outcomes o;
    auto deferred = f.hub->async_publish("a", made("x"));
    f.hub.reset();
    std::move(deferred)(o.note());
    f.run();
    REQUIRE(o.ends.size() == 1);
    CHECK(o.ends[0].first == errc::closed);
}

TEST_CASE("async_publish tells what became of the event at each subscriber",
          "[bus][async_publish]") {
    bus_fixture f({.max_events = 10});
    outcomes o;
    const auto immediately = f.hub->subscribe("a", immediate, [](const event_ptr&) {});
    const auto posted = f.hub->subscribe("a", [](const event_ptr&) {});
    auto full =
        f.hub->receive("a", {.limits = {.max_events = 1}, .overflow = overflow::drop_newest});
    auto refusing = std::make_shared<recording_subscriber>();
    refusing->answer = outcome::dropped;
    auto leaving = std::make_shared<recording_subscriber>();
    leaving->answer = outcome::closed;
    const auto third = f.hub->subscribe("a", refusing);
    const auto fourth = f.hub->subscribe("a", leaving);
    f.hub->async_publish("a", made("1"), o.note());
    f.run();
    REQUIRE(o.ends.size() == 1);
    CHECK_FALSE(o.ends[0].first);
    CHECK(o.last().position == f.hub->head());
    CHECK(o.last().matched == 4);
    CHECK(o.last().delivered == 1);
    CHECK(o.last().queued == 2);
    CHECK(o.last().dropped == 1);
    CHECK_FALSE(fourth.active());

    f.hub->async_publish("a", made("2"), o.note());
    f.run();
    CHECK(o.last().matched == 4);
    CHECK(o.last().queued == 1);
    CHECK(o.last().dropped == 2);
}

TEST_CASE("async_publish waits until an outlet with storage has accepted", "[bus][async_publish]") {
    bus_fixture f;
    outcomes o;
    auto outlet = std::make_shared<storing_subscriber>();
    const auto s = f.hub->subscribe("a", outlet);
    f.hub->async_publish("a", made("1"), o.note());
    f.run();
    CHECK(o.ends.empty());
    outlet->complete({}, outcome::delivered);
    CHECK(o.ends.empty());
    f.run();
    REQUIRE(o.ends.size() == 1);
    CHECK(o.last().delivered == 1);

    f.hub->async_publish("a", made("2"), o.note());
    f.run();
    outlet->complete(errc::store_failed, outcome::dropped);
    f.run();
    REQUIRE(o.ends.size() == 2);
    CHECK(o.ends[1].first == errc::store_failed);
    CHECK(o.last().dropped == 1);
    CHECK(s.counters().failed == 1);

    f.hub->async_publish("a", made("3"), o.note());
    f.run();
    outlet->complete(errc::closed, outcome::closed);
    f.run();
    CHECK_FALSE(o.ends.back().first);
    CHECK(o.last().matched == 0);
    CHECK_FALSE(s.active());
}

TEST_CASE("a subscription that ends while its outlet is storing holds nobody up",
          "[bus][async_publish]") {
    bus_fixture f;
    outcomes o;
    auto outlet = std::make_shared<storing_subscriber>();
    auto s = f.hub->subscribe("a", outlet);
    f.hub->async_publish("a", made("1"), o.note());
    f.hub->async_publish("a", made("2"), o.note());
    f.run();
    s.reset();
    outlet->complete({}, outcome::delivered);
    outlet->complete({}, outcome::delivered);
    f.run();
    CHECK(o.ends.size() == 2);
    // Not yet handed over when the subscription ended.
    s = f.hub->subscribe("a", outlet);
    f.hub->async_publish("a", made("3"), o.note());
    s.reset();
    f.run();
    REQUIRE(o.ends.size() == 3);
    CHECK(o.last().matched == 0);
}

TEST_CASE("with backpressure async_publish waits for room, in line", "[bus][async_publish]") {
    bus_fixture f;
    outcomes o;
    auto r = f.hub->receive("a", one_with_backpressure);
    for (const auto* text : {"1", "2", "3"}) f.hub->async_publish("a", made(text), o.note());
    f.run();
    CHECK(o.ends.size() == 1);
    CHECK(show(r.try_receive().value()) == "a=1");
    f.run();
    CHECK(o.ends.size() == 2);
    CHECK(show(r.try_receive().value()) == "a=2");
    CHECK(show(r.try_receive().value()) == "a=3");
    CHECK_FALSE(r.try_receive());
    f.run();
    REQUIRE(o.ends.size() == 3);
    for (const auto& [ec, receipt] : o.ends) {
        CHECK_FALSE(ec);
        CHECK(receipt.queued == 1);
    }
    CHECK(f.clock().next_deadline() == std::nullopt);
}

TEST_CASE("with backpressure an event that waits until the deadline is dropped",
          "[bus][async_publish]") {
    bus_fixture f;
    outcomes o;
    auto r = f.hub->receive("a", one_with_backpressure);
    f.publish("a", "1");
    f.hub->async_publish("a", made("2"), o.note());
    f.advance(500ms);
    f.hub->async_publish("a", made("3"), o.note());
    f.advance(499ms);
    CHECK(o.ends.empty());
    f.advance(50ms);
    REQUIRE(o.ends.size() == 1);
    CHECK_FALSE(o.ends[0].first);
    CHECK(o.last().dropped == 1);
    CHECK(o.last().matched == 1);
    CHECK(r.counters().dropped == 1);
    CHECK(show(r.try_receive().value()) == "a=1");
    f.run();
    CHECK(o.ends.size() == 2);
    CHECK(o.last().queued == 1);
    CHECK(show(r.try_receive().value()) == "lagged(1)");
    CHECK(show(r.try_receive().value()) == "a=3");
}

TEST_CASE("what is published past publications that wait for room is dropped",
          "[bus][async_publish]") {
    bus_fixture f;
    outcomes o;
    auto r = f.hub->receive("a", one_with_backpressure);
    f.publish("a", "1");
    f.hub->async_publish("a", made("2"), o.note());
    f.run();
    CHECK(f.publish("a", "3").dropped == 1);
    texts seen;
    while (const auto e = r.try_receive()) seen.push_back(show(*e));
    CHECK(seen == texts{"a=1", "lagged(1)", "a=2"});
    f.run();
    CHECK(o.ends.size() == 1);
}

TEST_CASE("with backpressure a posted callback makes room by running", "[bus][async_publish]") {
    bus_fixture f;
    outcomes o;
    texts seen;
    const auto s = f.hub->subscribe("a", f.into(seen), one_with_backpressure);
    for (const auto* text : {"1", "2", "3"}) f.hub->async_publish("a", made(text), o.note());
    f.run();
    CHECK(seen == texts{"a=1", "a=2", "a=3"});
    CHECK(o.ends.size() == 3);
}

TEST_CASE("a publication that waits for room completes when the subscriber, or the bus, is closed",
          "[bus][async_publish]") {
    bus_fixture f;
    outcomes o;
    auto first = f.hub->receive("a", one_with_backpressure);
    auto second = f.hub->receive("a", one_with_backpressure);
    f.publish("a", "1");
    f.hub->async_publish("a", made("2"), o.note());
    f.run();
    first.reset();
    f.run();
    CHECK(o.ends.empty());
    CHECK(first.counters().discarded == 2);
    f.hub.reset();
    f.run();
    REQUIRE(o.ends.size() == 1);
    CHECK_FALSE(o.ends[0].first);
    CHECK(o.last().matched == 0);
    f.advance(2000ms);
    CHECK(f.clock().next_deadline() == std::nullopt);
}

TEST_CASE("async_publish is awaited by a coroutine", "[bus][async_publish]") {
    bus_fixture f;
    auto r = f.hub->receive("a");
    std::size_t matched = 0;
    net::co_spawn(
        f.io(),
        [&]() -> net::awaitable<void> {
            auto e = made("1");
            const auto got = co_await f.hub->async_publish("a", std::move(e), net::use_awaitable);
            matched = got.matched;
        },
        net::detached);
    f.run();
    CHECK(matched == 1);
}

TEST_CASE("a handler that the caller keeps is copied", "[bus][async_publish]") {
    bus_fixture f;
    const auto count = std::make_shared<int>(0);
    auto published = [count](error_code, const receipt&) { ++*count; };
    auto drained = [count](error_code) { ++*count; };
    f.hub->async_publish("a", made("1"), published);
    f.hub->async_publish("a", made("2"), published);
    f.hub->async_drain(drained);
    f.hub->async_drain(drained);
    f.advance(50ms);
    CHECK(*count == 4);
}

}  // namespace

}  // namespace tidings::test
