// SPDX-License-Identifier: BSL-1.0
#include <tidings/test/fixed_random.hpp>
#include <tidings/test/manual_clock.hpp>

#include "support/network_fixture.hpp"

#include <boost/asio/strand.hpp>

#include <array>
#include <set>
#include <thread>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;

/// A clock and how to let a time of it pass.
struct clock_case {
    const char* name;
    io::clock& clock;
    net::io_context& io;
    manual_clock* manual;

    void reach(io::steady_time t) const {
        if (manual != nullptr && manual->now() < t) manual->advance(t - manual->now());
    }
    void run_until(const std::function<bool()>& done) const { test::run_until(io, done); }
    void run_ready() const { test::run_ready(io); }
};

/// The same for both clocks. The real one is only asked for times that have come.
template <class Test>
void with_each_clock(Test test) {
    {
        net::io_context io;
        test(clock_case{"system", io::system_clock(), io, nullptr});
        io.restart();
        io.run();
    }
    net::io_context io;
    manual_clock manual;
    test(clock_case{"manual", manual, io, &manual});
    io.restart();
    io.run();
}

}  // namespace

TEST_CASE("a timer whose time has come fires once, and not inside", "[io]") {
    with_each_clock([](const clock_case& c) {
        CAPTURE(c.name);
        const auto timer = c.clock.make_timer(c.io.get_executor());
        int fired = 0;
        timer->start_wait(c.clock.now() - 1ms, [&] { ++fired; });
        CHECK(fired == 0);
        c.run_until([&] { return fired == 1; });
        c.run_ready();
        CHECK(fired == 1);
    });
}

TEST_CASE("a timer that was replaced, cancelled or destroyed does not fire", "[io]") {
    with_each_clock([](const clock_case& c) {
        CAPTURE(c.name);
        const auto token = std::make_shared<int>();
        const auto forbidden = [token] { FAIL("must not fire"); };
        auto timer = c.clock.make_timer(c.io.get_executor());
        // Due, so that its expiry is queued before it is taken back.
        bool fired = false;
        timer->start_wait(c.clock.now(), forbidden);
        timer->start_wait(c.clock.now(), [&] { fired = true; });
        c.run_until([&] { return fired; });
        timer->start_wait(c.clock.now(), forbidden);
        timer->cancel();
        timer->cancel();
        c.run_ready();
        timer->start_wait(c.clock.now(), forbidden);
        timer.reset();
        timer = c.clock.make_timer(c.io.get_executor());
        timer->start_wait(c.clock.now() + 10h, forbidden);
        timer.reset();
        c.run_ready();
        CHECK(token.use_count() == 2);  // ours and forbidden's
    });
}

TEST_CASE("a timer runs on its executor and may be started again by its callback", "[io]") {
    with_each_clock([](const clock_case& c) {
        CAPTURE(c.name);
        const auto strand = net::make_strand(c.io);
        const auto timer = c.clock.make_timer(strand);
        int fired = 0;
        std::function<void()> again = [&] {
            CHECK(strand.running_in_this_thread());
            if (++fired < 3) timer->start_wait(c.clock.now(), again);
        };
        timer->start_wait(c.clock.now(), again);
        c.run_until([&] { return fired == 3; });
    });
}

TEST_CASE("a timer may be destroyed by its callback", "[io]") {
    with_each_clock([](const clock_case& c) {
        CAPTURE(c.name);
        auto timer = c.clock.make_timer(c.io.get_executor());
        timer->start_wait(c.clock.now(), [&] { timer.reset(); });
        c.run_until([&] { return !timer; });
    });
}

TEST_CASE("a timer that keeps its owner goes with the context or the clock", "[io]") {
    struct owner : std::enable_shared_from_this<owner> {
        std::unique_ptr<io::timer> timer;
    };
    std::weak_ptr<owner> watched;
    const auto leave = [&](io::clock& clock, net::io_context& io) {
        const auto o = std::make_shared<owner>();
        o->timer = clock.make_timer(io.get_executor());
        o->timer->start_wait(clock.now() + 1h, [o] {});
        watched = o;
    };
    {
        net::io_context io;
        leave(io::system_clock(), io);
        CHECK_FALSE(watched.expired());
    }
    CHECK(watched.expired());
    net::io_context io;
    {
        manual_clock clock;
        leave(clock, io);
        CHECK_FALSE(watched.expired());
    }
    CHECK(watched.expired());
}

TEST_CASE("the system's clocks go forward", "[io]") {
    const auto steady = io::system_clock().now();
    CHECK(io::system_clock().now() >= steady);
    const auto wall = io::system_clock().wall_now();
    CHECK(wall > io::system_time(std::chrono::sys_days(std::chrono::year(2024) / 1 / 1)));
}

TEST_CASE("a manual clock stands still until it is advanced", "[test]") {
    manual_clock clock;
    const auto start = clock.now();
    const auto wall = clock.wall_now();
    CHECK(wall == std::chrono::sys_days(std::chrono::year(2026) / 1 / 1));
    clock.advance(1500ms);
    CHECK(clock.now() - start == 1500ms);
    CHECK(clock.wall_now() - wall == 1500ms);
    clock.set_wall(io::system_time(5s));
    CHECK(clock.wall_now() == io::system_time(5s));
    CHECK(clock.now() - start == 1500ms);
    clock.advance(1s);
    CHECK(clock.wall_now() == io::system_time(6s));
}

TEST_CASE("a manual clock posts what is due in the order of the deadlines", "[test]") {
    net::io_context io;
    manual_clock clock;
    std::vector<int> fired;
    std::vector<std::unique_ptr<io::timer>> timers;
    const auto wait = [&](int id, io::steady_time::duration after) {
        timers.push_back(clock.make_timer(io.get_executor()));
        timers.back()->start_wait(clock.now() + after, [&fired, id] { fired.push_back(id); });
    };
    wait(3, 30ms);
    wait(1, 10ms);
    wait(2, 20ms);
    wait(4, 30ms);
    wait(9, 31ms);
    clock.advance(9ms);
    run_ready(io);
    CHECK(fired.empty());
    clock.advance(21ms);
    CHECK(fired.empty());  // posted, not called
    run_ready(io);
    CHECK(fired == std::vector{1, 2, 3, 4});
    CHECK(clock.next_deadline() == clock.now() + 1ms);
    CHECK(clock.advance_to_next());
    run_ready(io);
    CHECK(fired.back() == 9);
    CHECK_FALSE(clock.advance_to_next());
    CHECK_FALSE(clock.next_deadline());
}

TEST_CASE("a manual clock's posted expiry can still be cancelled", "[test]") {
    net::io_context io;
    manual_clock clock;
    const auto timer = clock.make_timer(io.get_executor());
    timer->start_wait(clock.now() + 1s, [] { FAIL("cancelled"); });
    clock.advance(1s);
    timer->cancel();
    run_ready(io);
}

TEST_CASE("a manual clock may be advanced from another thread", "[test][threads]") {
    net::io_context io;
    manual_clock clock;
    const auto timer = clock.make_timer(io.get_executor());
    bool fired = false;
    timer->start_wait(clock.now() + 1s, [&] { fired = true; });
    std::jthread other([&] { clock.advance(1s); });
    while (!fired) {
        io.restart();
        io.poll();
        std::this_thread::yield();
    }
    CHECK(fired);
}

TEST_CASE("fixed randomness repeats by seed, and only by seed", "[test]") {
    fixed_random a(7), b(7), c(8);
    std::set<std::uint64_t> seen;
    for (int i = 0; i < 1000; ++i) {
        const auto value = a.next();
        CHECK(value == b.next());
        CHECK(value != c.next());
        seen.insert(value);
    }
    CHECK(seen.size() == 1000);
    std::array<std::byte, 37> x{}, y{};
    a.fill(x);
    b.fill(y);
    CHECK(x == y);
    CHECK(std::set<std::byte>(x.begin(), x.end()).size() > 20);
}

}  // namespace tidings::test
