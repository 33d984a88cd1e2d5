// SPDX-License-Identifier: BSL-1.0
// Rows of the table of docs/bus.md, "Threads", that no other test shows.
#include "support/catch2.hpp"
#include "support/two_threads.hpp"

#include <tidings/bus.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/use_future.hpp>

#include <atomic>
#include <future>
#include <memory>
#include <thread>
#include <vector>

namespace tidings::test {

namespace {

event some_event() {
    return {"test", "/test", "x"};
}

/// A flag that threads wait for.
class gate {
 public:
    void open() {
        open_ = true;
        open_.notify_all();
    }
    void pass() const { open_.wait(false); }

 private:
    std::atomic<bool> open_{false};
};

/// Calls it 50 times on each of three threads, with a topic of that thread's own.
template <class F>
void on_three_threads(F f) {
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t)
        threads.emplace_back([&f, topic = "own." + std::to_string(t)] {
            for (int i = 0; i < 50; ++i) f(topic, i);
        });
    for (auto& t : threads) t.join();
}

}  // namespace

TEST_CASE("a subscription has what is published after it, whatever thread made it",
          "[bus][threads]") {
    two_threads threads;
    bus hub(threads.io);
    std::atomic<std::uint64_t> wrong{0};
    on_three_threads([&](const std::string& topic, int) {
        auto reads = hub.receive(topic);
        int called = 0;
        std::atomic<int> tapped{0};
        auto callback = hub.subscribe(topic, immediate, [&](const event_ptr&) { ++called; });
        auto watch = hub.tap([&](const tapped_publication& p) {
            if (p.topic == topic) ++tapped;
        });
        if (hub.publish(topic, some_event()).matched != 2) ++wrong;
        if (!reads.try_receive() || called != 1 || tapped != 1) ++wrong;
    });
    CHECK(wrong == 0);
}

TEST_CASE("a request from any thread has the answer of a responder that was there before",
          "[bus][threads]") {
    two_threads threads;
    bus hub(threads.io);
    std::atomic<std::uint64_t> wrong{0};
    on_three_threads([&](const std::string& topic, int number) {
        auto answers = hub.respond(topic, [](const event_ptr& e) {
            return event("answer", "/test", std::string(e->text()));
        });
        const auto asked = std::to_string(number);
        const auto got = hub.async_request(topic, event("test", "/test", asked),
                                           std::chrono::hours(1), net::use_future)
                             .get();
        if (got->text() != asked) ++wrong;
    });
    CHECK(wrong == 0);
}

TEST_CASE("reads are served in the order of their start, whatever thread publishes",
          "[bus][threads]") {
    constexpr std::size_t count = 2000;
    two_threads threads;
    bus hub(threads.io);
    auto reads = hub.receive("a", {.limits = {.max_events = count}});
    std::vector<std::string> got(count);
    std::atomic<std::size_t> ended{0};
    std::thread publisher([&] {
        for (std::size_t i = 0; i < count; ++i)
            hub.publish("a", event("test", "/test", std::to_string(i)));
    });
    for (std::size_t i = 0; i < count; ++i)
        reads.async_receive([&, i](error_code, const event_ptr& e) {
            if (e) got[i] = std::string(e->text());
            ++ended;
            ended.notify_all();
        });
    publisher.join();
    for (auto n = ended.load(); n < count; n = ended.load()) ended.wait(n);
    for (std::size_t i = 0; i < count; ++i) REQUIRE(got[i] == std::to_string(i));
}

TEST_CASE("a tap may be called by several threads at once", "[bus][threads]") {
    two_threads threads;
    bus hub(threads.io);
    gate both;
    std::atomic<int> inside{0};
    auto watch = hub.tap([&](const tapped_publication&) {
        if (++inside == 2) both.open();
        both.pass();
    });
    std::thread other([&] { hub.publish("a", some_event()); });
    hub.publish("b", some_event());
    other.join();
    CHECK(inside == 2);
}

TEST_CASE("after reset on another thread a posted callback is called no more", "[bus][threads]") {
    two_threads threads;
    bus hub(threads.io);
    gate called, reset;
    std::atomic<int> calls{0};
    auto held = hub.subscribe("a", [&](const event_ptr&) {
        ++calls;
        called.open();
        reset.pass();
    });
    for (int i = 0; i < 3; ++i) hub.publish("a", some_event());
    called.pass();
    held.reset();  // while it is called
    reset.open();
    held.async_reset(net::use_future).wait();
    CHECK(calls == 1);
    CHECK(held.counters().discarded == 2);
    CHECK(hub.publish("a", some_event()).matched == 0);
}

TEST_CASE("async_reset on another thread completes after the call that is under way",
          "[bus][threads]") {
    const bool at_once = GENERATE(false, true);
    two_threads threads;
    bus hub(threads.io);
    gate called, go_on;
    std::atomic<bool> returned{false};
    auto owned = std::make_shared<int>(1);
    const std::weak_ptr<int> weak = owned;
    auto f = [&, mine = std::move(owned)](const event_ptr&) {
        called.open();
        go_on.pass();
        returned = true;
    };
    auto held =
        at_once ? hub.subscribe("a", immediate, std::move(f)) : hub.subscribe("a", std::move(f));
    std::thread publisher([&] { hub.publish("a", some_event()); });
    called.pass();
    auto done = held.async_reset(net::use_future);
    CHECK(done.wait_for(std::chrono::seconds(0)) == std::future_status::timeout);
    go_on.open();
    done.get();
    CHECK(returned);
    CHECK(weak.expired());
    publisher.join();
}

TEST_CASE("counters and ends are read while the subscription is used", "[bus][threads]") {
    two_threads threads;
    bus hub(threads.io);
    std::atomic<bool> stop{false};
    auto held = hub.subscribe("a", [](const event_ptr&) {}, {.limits = {.max_events = 4}});
    std::atomic<std::uint64_t> wrong{0}, looks{0};
    std::thread watcher([&] {
        for (; !stop || looks == 0; ++looks) {
            const bool active = held.active();
            if (!active && !held.error()) ++wrong;
            const auto c = held.counters();
            if (c.delivered + c.dropped + c.discarded > 300) ++wrong;
            if (hub.subscriptions() > 1 || hub.explain("a").subscriptions.size() > 1) ++wrong;
        }
    });
    for (int i = 0; i < 300; ++i) hub.publish("a", some_event());
    held.async_reset(net::use_future).wait();
    stop = true;
    watcher.join();
    CHECK(wrong == 0);
    const auto c = held.counters();
    CHECK(c.matched == 300);
    CHECK(c.delivered + c.dropped + c.discarded == 300);
}

TEST_CASE("no callback of an executor runs beside another", "[bus][threads]") {
    two_threads threads;
    std::atomic<int> inside{0}, at_once{0};
    std::atomic<std::size_t> calls{0};
    {
        bus hub(threads.io);
        const auto f = [&](const event_ptr&) {
            if (++inside != 1) ++at_once;
            --inside;
            ++calls;
            calls.notify_all();
        };
        std::vector<subscription> held;
        for (int i = 0; i < 4; ++i) held.push_back(hub.subscribe("a", f));
        for (int i = 0; i < 100; ++i) hub.publish("a", some_event());
        for (auto n = calls.load(); n < 400; n = calls.load()) calls.wait(n);
    }
    CHECK(at_once == 0);
}

}  // namespace tidings::test
