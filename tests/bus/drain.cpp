// SPDX-License-Identifier: BSL-1.0
#include "support/bus_fixture.hpp"
#include "support/catch2.hpp"
#include "support/ordering_history.hpp"

#include <tidings/drain.hpp>

#include <atomic>
#include <thread>

namespace tidings::test {

namespace {

struct draining_bus : bus_fixture {
    using bus_fixture::bus_fixture;
    std::optional<error_code> drained;
    void drain() {
        hub->async_drain([this](error_code ec) { drained = ec; });
    }
    /// The drain looks at the bus every 20 ms.
    void look() { advance(std::chrono::milliseconds(50)); }
};

/// Takes an event when it is released.
class slow_outlet final : public subscriber {
 public:
    outcome deliver(const event_ptr&) noexcept override { return outcome::dropped; }
    void release() {
        if (auto h = std::exchange(handler_, deliver_handler()))
            std::move(h)(error_code(), outcome::queued);
    }

 private:
    void start_deliver(event_ptr, deliver_handler handler) override {
        handler_ = std::move(handler);
    }
    deliver_handler handler_;
};

}  // namespace

TEST_CASE("a draining bus lets callbacks go on, and takes what they publish", "[bus][drain]") {
    draining_bus f;
    texts seen;
    auto a = f.hub->subscribe("a", [&](const event_ptr&) { f.publish("b", "from a"); });
    auto b = f.hub->subscribe("b", [&](const event_ptr&) { f.publish("c", "from b"); });
    auto c = f.hub->subscribe("c", f.into(seen));
    f.publish("a");
    f.drain();
    CHECK_FALSE(f.drained);  // never inline
    f.look();
    CHECK(seen == texts{"c=from b"});
    REQUIRE(f.drained);
    CHECK_FALSE(*f.drained);
    CHECK(c.error() == errc::closed);
    CHECK(f.publish("c").error == errc::shutting_down);
    CHECK(seen.size() == 1);
}

TEST_CASE("a draining bus refuses what inlets bring, not what its own program publishes",
          "[bus][drain]") {
    draining_bus f;
    bus other(f.io());
    auto bridge = other.subscribe(">", *f.hub);
    auto busy = f.hub->receive("a");
    f.publish("a");  // keeps the drain waiting
    f.hub->drain_state()->start_refusing();
    error_code ec;
    const auto from_a_wire = publication::make("a", made("x"), {}, ec);
    CHECK(f.hub->as_subscriber()->deliver(from_a_wire) == outcome::dropped);
    CHECK_FALSE(f.publish("a").error);
    CHECK_FALSE(other.publish("a", made("y")).error);
    f.run();
    CHECK(busy.counters().matched == 3);  // by another bus of this program, too
}

TEST_CASE("a drain waits for a receiver that works, until it asks again", "[bus][drain]") {
    draining_bus f;
    auto work = f.hub->receive("work");
    texts got;
    std::optional<error_code> ended;
    work.async_receive([&](error_code, event_ptr e) { got.push_back(show(e)); });
    f.publish("work", "1");
    f.run();
    REQUIRE(got.size() == 1);
    f.drain();
    f.look();
    CHECK_FALSE(f.drained);  // the reader has not come back
    f.publish("work", "2");  // its own publication
    work.async_receive([&](error_code, event_ptr e) { got.push_back(show(e)); });
    f.look();
    CHECK(got == texts{"work=1", "work=2"});
    CHECK_FALSE(f.drained);
    work.async_receive([&](error_code ec, event_ptr) { ended = ec; });
    f.look();
    REQUIRE(f.drained);
    CHECK(ended == make_error_code(errc::closed));
}

TEST_CASE("a drain ends at its deadline, says so and ends what still waits", "[bus][drain]") {
    draining_bus f;
    auto work = f.hub->receive("work");
    f.publish("work");
    f.drain();
    f.look();
    CHECK_FALSE(f.drained);
    f.advance(std::chrono::seconds(31));
    REQUIRE(f.drained);
    CHECK(*f.drained == errc::timed_out);
    CHECK(work.error() == errc::closed);
    REQUIRE(f.logged.size() == 1);
    CHECK(f.logged[0] == "1 subscriptions were still busy");
}

TEST_CASE("a drain ends behind a delivery that waits in the lane", "[bus][drain]") {
    draining_bus f;
    const auto outlet = std::make_shared<recording_subscriber>();
    auto s = f.hub->subscribe("b", outlet);
    auto a = f.hub->subscribe("a", [&](const event_ptr&) { f.publish("b", "the last"); });
    f.drain();
    f.run();
    // The callback's run, the drain's timer and the lane's turn come in any order.
    for (int steps = 0; steps < 12 && !f.drained; ++steps) {
        if (steps == 0) f.publish("a");
        f.clock().advance(std::chrono::milliseconds(25));
        f.io().restart();
        f.io().poll_one();
    }
    f.look();
    f.look();
    CHECK(f.drained);
    CHECK(outlet->seen == texts{"b=the last"});
}

TEST_CASE("a drain waits for what its history has not committed", "[bus][drain][fault-9]") {
    auto owned = std::make_shared<ordering_history>(10);
    auto* const far = owned.get();
    draining_bus f({.implementation = std::move(owned)});
    texts seen;
    auto a = f.hub->subscribe("a", f.into(seen));
    const bool async = GENERATE(false, true);
    if (async)
        f.hub->async_publish("a", made("late"), [](error_code, const receipt&) {});
    else
        f.publish("a", "late");
    f.drain();
    f.look();
    CHECK_FALSE(f.drained);
    const int end = GENERATE(0, 1, 2);
    if (end == 0) far->commit_all();
    if (end == 1) far->fail_next(errc::history_failed);
    if (end == 2) f.advance(std::chrono::seconds(31));
    f.look();
    REQUIRE(f.drained);
    CHECK(*f.drained == (end == 2 ? make_error_code(errc::timed_out) : error_code()));
    CHECK(seen == (end == 0 ? texts{"a=late"} : texts{}));
    if (end == 2)
        CHECK(f.logged.back() ==
              "0 subscriptions were still busy, and the history had not committed all");
}

TEST_CASE("a drain waits for subscriptions that still read the history", "[bus][drain][fault-9]") {
    auto owned = std::make_shared<ordering_history>(1000);
    auto* const far = owned.get();
    draining_bus f({.implementation = std::move(owned)});
    far->commit_on(f.io().get_executor());
    const auto start = far->head();
    for (int i = 0; i < 100; ++i) f.publish("a", std::to_string(i));
    f.run();
    far->hold_reads(true);
    const bool target = GENERATE(false, true);
    CAPTURE(target);
    texts seen;
    const auto outlet = std::make_shared<recording_subscriber>();
    subscription s;
    if (target)
        s = f.hub->subscribe("a", outlet, {.after = start});
    else
        s = f.hub->subscribe("a", f.into(seen), {.after = start});
    f.run();
    f.drain();
    for (int i = 0; i < 10; ++i) f.look();
    CHECK_FALSE(f.drained);
    far->hold_reads(false);
    far->answer_reads();
    f.run();
    f.look();
    f.look();
    REQUIRE(f.drained);
    CHECK_FALSE(*f.drained);
    CHECK((target ? outlet->seen : seen).size() == 100);
}

TEST_CASE("a drain waits for an outlet that is taking an event", "[bus][drain]") {
    draining_bus f;
    const auto outlet = std::make_shared<slow_outlet>();
    auto s = f.hub->subscribe("a", outlet);
    f.hub->async_publish("a", made("x"), [](error_code, receipt) {});
    f.run();
    f.drain();
    f.look();
    CHECK_FALSE(f.drained);
    outlet->release();
    f.look();
    CHECK(f.drained);
}

TEST_CASE("a drain waits for an immediate callback on another thread, and takes what it publishes",
          "[bus][drain][threads]") {
    draining_bus f;
    bus_options o;  // without metrics: a publication by handle takes no lock
    o.clock = &f.clock();
    f.hub.emplace(f.io(), std::move(o));
    std::atomic<bool> inside{false};
    std::atomic<bool> go_on{false};
    receipt inner;
    const auto outer = f.hub->subscribe("a", immediate, [&](const event_ptr& e) {
        if (e->text() == "first") return;
        inside = true;
        inside.notify_one();
        go_on.wait(false);
        inner = f.publish("b", "inner");
    });
    texts seen;
    const auto s = f.hub->subscribe("b", f.into(seen));
    const auto topic = f.hub->topic("a");
    std::thread publisher([&] { topic.publish(made("x")); });
    inside.wait(false);
    f.drain();
    f.look();
    f.look();
    CHECK_FALSE(f.drained);
    go_on = true;
    go_on.notify_one();
    publisher.join();
    CHECK_FALSE(inner.error);
    f.look();
    f.look();
    CHECK(seen == texts{"b=inner"});
    REQUIRE(f.drained);
    CHECK_FALSE(*f.drained);
}

TEST_CASE("a bus destroyed while it drains completes the drain", "[bus][drain]") {
    draining_bus f;
    auto work = f.hub->receive("work");
    f.publish("work");
    f.drain();
    f.look();
    f.hub.reset();
    f.look();
    CHECK(f.drained);
}

TEST_CASE("a context destroyed while a bus drains leaves nothing behind", "[bus][drain]") {
    draining_bus f;
    auto work = f.hub->receive("work");
    f.publish("work");
    f.drain();
    f.look();
    f.destroy_context();
    CHECK_FALSE(f.drained);
}

TEST_CASE("two drains of one bus complete together", "[bus][drain]") {
    draining_bus f;
    int done = 0;
    f.hub->async_drain([&](error_code) { ++done; });
    f.hub->async_drain([&](error_code) { ++done; });
    f.look();
    CHECK(done == 2);
}

}  // namespace tidings::test
