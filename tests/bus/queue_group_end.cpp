// SPDX-License-Identifier: BSL-1.0
// Queue groups: what a member holds when it ends, and what callbacks may do.
#include "support/group_fixture.hpp"
#include "support/two_threads.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_future.hpp>

#include <atomic>
#include <functional>
#include <stdexcept>
#include <thread>

namespace tidings::test {

using numbers = std::vector<std::uint64_t>;

TEST_CASE("what a member holds goes to another when it ends, behind what that has",
          "[bus][group]") {
    group_fixture f;
    auto ends = f.member(), stays = f.member();
    f.publish_through(6);
    ends.reset();
    CHECK_FALSE(ends.try_receive());
    f.run();
    CHECK(f.all_of(stays) == texts{"a=2", "a=4", "a=6", "a=1", "a=3", "a=5"});
    CHECK(numbers_of(ends.counters()) == numbers{3, 0, 0, 3, 0});
    CHECK(numbers_of(stays.counters()) == numbers{6, 6, 0, 0, 0});
}

TEST_CASE("what a member holds goes to as many as want it", "[bus][group]") {
    group_fixture f;
    auto ends = f.member();
    f.publish_through(3);
    auto o = in_group();
    o.filter = event_filter::exact("type", "other");
    auto picky = f.hub->receive("a", o);
    texts called;
    const auto callback = f.hub->subscribe("a", f.into(called), in_group());
    const auto target = std::make_shared<recording_subscriber>();
    const auto outlet = f.hub->subscribe("a", target, in_group());
    ends.reset();
    f.run();
    CHECK(called.size() + target->seen.size() == 3);
    CHECK_FALSE(called.empty());
    CHECK_FALSE(target->seen.empty());
    CHECK_FALSE(picky.try_receive());
}

TEST_CASE("what the last member of a queue group holds is discarded", "[bus][group]") {
    group_fixture f;
    auto ends = f.member();
    f.publish_through(3);
    f.publish("a", "on its way");
    SECTION("its end") {
        ends.reset();
    }
    SECTION("the end of the bus") {
        f.hub.reset();
    }
    SECTION("the end of the context") {
        f.destroy_context();
    }
    if (!f.hub || f.hub->subscriptions() == 0) CHECK(ends.error() == errc::closed);
    CHECK_FALSE(ends.active());
    CHECK(numbers_of(ends.counters()).at(1) == 0);
}

TEST_CASE("what was read or called goes to nobody else", "[bus][group]") {
    group_fixture f;
    texts seen;
    auto stays = f.member();
    {
        auto ends = f.member();
        f.publish_through(2);
        CHECK(show(*ends.try_receive()) == "a=2");
    }
    std::optional<subscription> callback;
    callback = f.hub->subscribe(
        "a",
        [&](const event_ptr& e) {
            seen.push_back(show(e));
            callback.reset();
        },
        in_group());
    f.publish_through(4, 3);
    CHECK(seen == texts{"a=3"});
    CHECK(f.all_of(stays) == texts{"a=1", "a=4"});
}

TEST_CASE("a callback of a queue group may end any member", "[bus][group]") {
    group_fixture f;
    texts seen;
    std::vector<subscription> held(3);
    for (auto& each : held)
        each = f.hub->subscribe(
            "a",
            [&](const event_ptr& e) {
                seen.push_back(show(e));
                if (e->text() == "1") held[1].reset();
                if (e->text() == "2") held[2].reset();
            },
            in_group());
    f.publish_through(9);
    std::sort(seen.begin(), seen.end());
    CHECK(seen == texts{"a=1", "a=2", "a=3", "a=4", "a=5", "a=6", "a=7", "a=8", "a=9"});
    const auto c = held[0].counters();
    CHECK(c.delivered + held[1].counters().delivered + held[2].counters().delivered == 9);
    CHECK(f.hub->subscriptions() == 1);
}

TEST_CASE("a callback of a queue group may publish to it, join it and throw", "[bus][group]") {
    group_fixture f;
    texts seen;
    std::vector<subscription> held;
    std::function<void(const event_ptr&)> work = [&](const event_ptr& e) {
        seen.push_back(show(e));
        if (e->text() == "1") f.publish("a", "2");
        if (e->text() == "2") held.push_back(f.hub->subscribe("a", work, in_group()));
        if (e->text() == "3") throw std::runtime_error("a worker fails");
    };
    held.push_back(f.hub->subscribe("a", work, in_group()));
    f.publish_through(1);
    f.publish_through(6, 3);
    std::sort(seen.begin(), seen.end());
    CHECK(seen == texts{"a=1", "a=2", "a=3", "a=4", "a=5", "a=6"});
    CHECK(held.size() == 2);
    CHECK(held[1].counters().delivered != 0);
    CHECK(held[0].counters().failed + held[1].counters().failed == 1);
}

TEST_CASE("a callback of a queue group may destroy the bus", "[bus][group]") {
    group_fixture f;
    std::size_t called = 0;
    const auto destroy = [&](const event_ptr&) {
        ++called;
        f.hub.reset();
    };
    const auto one = f.hub->subscribe("a", destroy, in_group());
    const auto other = f.hub->subscribe("a", destroy, in_group());
    f.publish_through(4);
    CHECK(called == 1);
    CHECK(one.error() == errc::closed);
    CHECK(one.counters().discarded + other.counters().discarded == 3);
}

TEST_CASE("subscribers share a queue group, and none gets what came from it", "[bus][group]") {
    group_fixture f;
    bus next(f.io(), {.clock = &f.clock()});
    const auto target = std::make_shared<recording_subscriber>();
    const auto to_next = f.hub->subscribe("a", next.as_subscriber(), in_group());
    const auto to_target = f.hub->subscribe("a", target, in_group());
    auto there = next.receive("a");
    f.publish_through(4);
    CHECK(f.all_of(there) == texts{"a=1", "a=3"});
    CHECK(target->seen == texts{"a=2", "a=4"});
    const auto back = next.subscribe("b", f.hub->as_subscriber());
    const auto b = f.hub->subscribe("b", next.as_subscriber(), {.group = "h"});
    const auto b_too = f.hub->subscribe("b", target, {.group = "h"});
    for (int i = 0; i < 3; ++i) next.publish("b", made("x"));
    f.run();
    CHECK(target->seen == texts{"a=2", "a=4", "b=x", "b=x", "b=x"});
}

TEST_CASE("what a subscriber that is closed was offered goes to another member", "[bus][group]") {
    group_fixture f;
    const auto gone = std::make_shared<recording_subscriber>();
    gone->answer = outcome::closed;
    auto held = f.hub->subscribe("a", gone, in_group());
    auto stays = f.member();
    SECTION("publish") {
        f.publish_through(1);
    }
    SECTION("async_publish") {
        f.publish_and_wait("1");
        REQUIRE(f.ends.size() == 1);
        CHECK(f.ends[0].second.matched == 1);
        CHECK(f.ends[0].second.queued == 1);
    }
    CHECK(gone->seen == texts{"a=1"});
    CHECK_FALSE(held.active());
    CHECK(gone->ended == std::vector<error_code>{errc::closed});
    CHECK(f.all_of(stays) == texts{"a=1"});
}

TEST_CASE("a subscriber of a queue group that publishes, leaves and destroys inside its delivery",
          "[bus][group]") {
    struct active final : subscriber {
        outcome deliver(const event_ptr& e) noexcept override {
            seen.push_back(show(e));
            if (e->text() == "1") hub->publish("a", made("2"));
            if (e->text() == "3") mine.reset();
            if (e->text() == "5") hub.reset();
            return outcome::delivered;
        }
        explicit active(std::optional<bus>& b) : hub(b) {}
        std::optional<bus>& hub;
        subscription mine;
        texts seen;
    };
    group_fixture f;
    const auto one = std::make_shared<active>(f.hub), other = std::make_shared<active>(f.hub);
    one->mine = f.hub->subscribe("a", one, in_group());
    other->mine = f.hub->subscribe("a", other, in_group());
    f.publish_through(1);
    f.publish_through(5, 3);
    auto seen = one->seen;
    seen.insert(seen.end(), other->seen.begin(), other->seen.end());
    std::sort(seen.begin(), seen.end());
    CHECK(seen == texts{"a=1", "a=2", "a=3", "a=4", "a=5"});
    CHECK_FALSE(f.hub);
}

TEST_CASE("what a member holds goes to another when its context is gone", "[bus][group]") {
    group_fixture f;
    auto other = std::make_optional<net::io_context>();
    std::size_t called = 0;
    const auto ends = f.hub->subscribe(
        "a", net::bind_executor(*other, [&](const event_ptr&) { ++called; }), in_group());
    auto stays = f.member();
    f.publish_through(4);
    other.reset();
    f.run();
    CHECK(called == 0);
    CHECK(ends.error() == errc::closed);
    CHECK(f.all_of(stays) == texts{"a=2", "a=4", "a=1", "a=3"});
    CHECK(ends.counters().discarded == 2);
}

TEST_CASE("a bus drains with what its queue groups hold", "[bus][group][drain]") {
    group_fixture f;
    texts called;
    const auto callback = f.hub->subscribe("a", f.into(called), in_group());
    std::optional<receiver> ends = f.member();
    for (int i = 1; i <= 4; ++i) f.publish("a", std::to_string(i));
    std::optional<error_code> drained;
    f.hub->async_drain([&](error_code ec) { drained = ec; });
    f.run();
    CHECK_FALSE(drained);
    ends.reset();
    for (int i = 0; i < 4; ++i) f.advance(std::chrono::milliseconds(25));
    CHECK(drained == error_code());
    CHECK(called.size() == 4);
}

TEST_CASE("what was about to be called goes to another when another thread ends the member",
          "[bus][group][threads]") {
    group_fixture f;
    texts seen;
    std::vector<subscription> held(2);
    held[0] = f.hub->subscribe(
        "a",
        [&](const event_ptr& e) {
            seen.push_back(show(e));
            std::thread([&] { held[1].reset(); }).join();
        },
        in_group());
    held[1] = f.hub->subscribe("a", f.into(seen), in_group());
    f.publish_through(4);
    std::sort(seen.begin(), seen.end());
    CHECK(seen == texts{"a=1", "a=2", "a=3", "a=4"});
    CHECK(numbers_of(held[0].counters()) == numbers{4, 4, 0, 0, 0});
    CHECK(numbers_of(held[1].counters()) == numbers{2, 0, 0, 2, 0});
}

TEST_CASE("members of a queue group end while several threads publish to it",
          "[bus][group][threads]") {
    constexpr int publishers = 2, events = 400;
    two_threads threads;
    std::vector<std::atomic<int>> seen(publishers * events);
    std::atomic<std::uint64_t> handed{0};
    {
        bus hub(threads.io);
        const auto count = [&](const event_ptr& e) {
            ++seen[static_cast<std::size_t>(std::stoi(std::string(e->text())))];
            ++handed;
            handed.notify_all();
        };
        const auto own_strand = [&] { return net::make_strand(threads.io); };
        std::vector<subscription> stay;
        for (int i = 0; i < 2; ++i)
            stay.push_back(
                hub.subscribe("a", net::bind_executor(own_strand(), count), in_group(4096)));
        std::vector<std::thread> others;
        for (int p = 0; p < publishers; ++p)
            others.emplace_back([&, p] {
                for (int i = 0; i < events; ++i)
                    hub.publish("a", made(std::to_string(p * events + i)));
            });
        others.emplace_back([&] {
            for (int i = 0; i < 100; ++i) {
                auto comes =
                    hub.subscribe("a", net::bind_executor(own_strand(), count), in_group(4096));
                if (i % 2 == 0) comes.async_reset(net::use_future).wait();
            }
        });
        for (auto& t : others) t.join();
        for (auto n = handed.load(); n < seen.size(); n = handed.load()) handed.wait(n);
        threads.io.stop();
    }
    threads.join();
    for (const auto& n : seen)
        if (n != 1) FAIL(n << " times");
}

}  // namespace tidings::test
