// SPDX-License-Identifier: BSL-1.0
#include "support/catch2.hpp"

#include <tidings/lane/impl/timer_wheel.hpp>
#include <tidings/test/fixed_random.hpp>
#include <tidings/test/manual_clock.hpp>

#include <boost/asio/io_context.hpp>

#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <vector>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using detail::timer_wheel;
using detail::wheel_timer;

/// A manual clock that counts how often a timer was started.
class counting_clock final : public io::clock {
 public:
    manual_clock manual;
    int starts = 0;

    io::steady_time now() const noexcept override { return manual.now(); }
    io::system_time wall_now() const noexcept override { return manual.wall_now(); }
    std::unique_ptr<io::timer> make_timer(net::any_io_executor executor) override {
        return std::make_unique<counted>(manual.make_timer(std::move(executor)), starts);
    }

 private:
    class counted final : public io::timer {
     public:
        counted(std::unique_ptr<io::timer> t, int& n) : timer_(std::move(t)), starts_(n) {}
        void start_wait(io::steady_time until, tidings::unique_function<void()> done) override {
            ++starts_;
            timer_->start_wait(until, std::move(done));
        }
        void cancel() noexcept override { timer_->cancel(); }

     private:
        std::unique_ptr<io::timer> timer_;
        int& starts_;
    };
};

struct wheel_fixture {
    net::io_context io;
    counting_clock clock;
    std::optional<timer_wheel> wheel{std::in_place, io.get_executor(), clock};

    void settle() {
        io.restart();
        io.poll();
    }
    void advance(std::chrono::milliseconds by) {
        clock.manual.advance(by);
        settle();
    }
    /// Step by step, so that what fires sees its own time.
    void pass(std::chrono::milliseconds by) {
        for (; by > 0ms; by -= 1ms) advance(1ms);
    }
};

}  // namespace

TEST_CASE("a deadline fires no earlier than asked and at most a tick later", "[timer_wheel]") {
    wheel_fixture f;
    f.pass(std::chrono::milliseconds(GENERATE(0, 7, 19)));
    const auto after = std::chrono::milliseconds(
        GENERATE(0, 1, 19, 20, 21, 39, 40, 1000, 10'239, 10'240, 10'241, 25'000));
    CAPTURE(after.count());
    std::optional<io::steady_time> fired;
    wheel_timer t([&] {
        CHECK_FALSE(fired);
        fired = f.clock.now();
    });
    const auto armed_at = f.clock.now();
    t.arm(*f.wheel, after);
    CHECK(t.armed());
    CHECK(f.wheel->armed() == 1);
    f.pass(after + timer_wheel::tick);
    REQUIRE(fired);
    CHECK(*fired - armed_at >= after);
    CHECK(*fired - armed_at <= after + timer_wheel::tick);
    CHECK_FALSE(t.armed());
    CHECK(f.wheel->armed() == 0);
    f.pass(100ms);
    CHECK_FALSE(f.clock.manual.next_deadline());
}

TEST_CASE("a deadline in the past or beyond all reason is taken for what it can mean",
          "[timer_wheel]") {
    wheel_fixture f;
    int fired = 0;
    wheel_timer past([&] { ++fired; });
    past.arm(*f.wheel, -5s);
    wheel_timer never([&] { FAIL("not in our time"); });
    never.arm(*f.wheel, std::chrono::milliseconds::max());
    f.pass(timer_wheel::tick);
    CHECK(fired == 1);
    f.advance(24h * 365);
    CHECK(never.armed());
}

TEST_CASE("a deadline that is far away is waited for once", "[timer_wheel]") {
    wheel_fixture f;
    int fired = 0;
    wheel_timer far_away([&] { ++fired; });
    far_away.arm(*f.wheel, 1h);
    {
        wheel_timer near([&] { ++fired; });
        near.arm(*f.wheel, 1s);
        f.pass(1100ms);
    }
    CHECK(fired == 1);
    const int before = f.clock.starts;
    for (int i = 0; i < 3600; ++i) f.advance(1s);
    CHECK(fired == 2);
    CHECK(f.clock.starts == before);
}

TEST_CASE("many deadlines that are far away are not all looked at for one that is near",
          "[timer_wheel]") {
    wheel_fixture f;
    std::vector<std::unique_ptr<wheel_timer>> all;
    int fired = 0;
    for (int i = 0; i < 10'000; ++i) {
        all.push_back(std::make_unique<wheel_timer>([&] { ++fired; }));
        all.back()->arm(*f.wheel, 1h);
    }
    wheel_timer near([&] { ++fired; });
    near.arm(*f.wheel, 1s);
    f.pass(1100ms);
    CHECK(fired == 1);
    for (int i = 0; i < 3600; ++i) f.advance(1s);
    CHECK(fired == 10'001);
}

TEST_CASE("what is cancelled or destroyed does not fire", "[timer_wheel]") {
    wheel_fixture f;
    wheel_timer cancelled([] { FAIL("cancelled"); });
    auto destroyed = std::make_unique<wheel_timer>([] { FAIL("destroyed"); });
    bool fired = false;
    wheel_timer kept([&] { fired = true; });
    cancelled.cancel();  // never armed
    cancelled.arm(*f.wheel, 100ms);
    kept.arm(*f.wheel, 100ms);
    destroyed->arm(*f.wheel, 100ms);
    CHECK(f.wheel->armed() == 3);
    cancelled.cancel();
    cancelled.cancel();
    destroyed.reset();
    CHECK(f.wheel->armed() == 1);
    f.pass(200ms);
    CHECK(fired);
}

TEST_CASE("arming again replaces the deadline", "[timer_wheel]") {
    wheel_fixture f;
    std::vector<int> fired;
    wheel_timer later([&] { fired.push_back(1); });
    wheel_timer sooner([&] { fired.push_back(2); });
    later.arm(*f.wheel, 100ms);
    sooner.arm(*f.wheel, 1000ms);
    later.arm(*f.wheel, 500ms);
    sooner.arm(*f.wheel, 60ms);
    CHECK(f.wheel->armed() == 2);
    f.pass(80ms);
    CHECK(fired == std::vector{2});
    f.pass(400ms);
    CHECK(fired == std::vector{2});
    f.pass(60ms);
    CHECK(fired == std::vector{2, 1});
    later.arm(*f.wheel, 20ms);  // and once more after it fired
    f.pass(40ms);
    CHECK(fired == std::vector{2, 1, 1});
}

TEST_CASE("the clock's timer runs only while a deadline is pending", "[timer_wheel]") {
    wheel_fixture f;
    CHECK_FALSE(f.clock.manual.next_deadline());
    wheel_timer a([] {}), b([] {});
    a.arm(*f.wheel, 1s);
    b.arm(*f.wheel, 2s);
    CHECK(f.clock.manual.next_deadline());
    a.cancel();
    CHECK(f.clock.manual.next_deadline());
    b.cancel();
    CHECK_FALSE(f.clock.manual.next_deadline());
    f.advance(1h);
    a.arm(*f.wheel, 1s);
    f.pass(1020ms);
    CHECK_FALSE(a.armed());
    CHECK_FALSE(f.clock.manual.next_deadline());
}

TEST_CASE("putting a deadline off again and again leaves the clock's timer alone",
          "[timer_wheel]") {
    wheel_fixture f;
    wheel_timer t([] { FAIL("put off"); });
    t.arm(*f.wheel, 5s);
    const int before = f.clock.starts;
    for (int i = 0; i < 200; ++i) {
        t.arm(*f.wheel, 5s);
        f.pass(20ms);
    }
    CHECK(f.clock.starts == before);
    f.pass(2s);
    CHECK(f.clock.starts <= before + 2);  // it looked once, and waits for the true deadline
    t.cancel();
}

TEST_CASE("a clock that jumps fires everything that is due, in order", "[timer_wheel]") {
    wheel_fixture f;
    const auto jump = std::chrono::milliseconds(GENERATE(300, 5'000, 60'000));
    CAPTURE(jump.count());
    std::vector<int> fired;
    std::vector<std::unique_ptr<wheel_timer>> timers;
    const auto add = [&](int id, std::chrono::milliseconds after) {
        timers.push_back(std::make_unique<wheel_timer>([&fired, id] { fired.push_back(id); }));
        timers.back()->arm(*f.wheel, after);
    };
    add(4, 200ms);
    add(1, 20ms);
    add(5, 200ms);
    add(2, 20ms);
    add(3, 100ms);
    add(6, 2h);
    f.advance(jump);
    CHECK(fired == std::vector{1, 2, 3, 4, 5});
    CHECK(f.wheel->armed() == 1);
    f.advance(2h);
    CHECK(fired.back() == 6);
}

TEST_CASE("an idle wheel loses no time", "[timer_wheel]") {
    wheel_fixture f;
    f.advance(100h);
    int fired = 0;
    wheel_timer t([&] { ++fired; });
    t.arm(*f.wheel, 40ms);
    const int before = f.clock.starts;
    f.pass(60ms);
    CHECK(fired == 1);
    CHECK(f.clock.starts == before);
}

TEST_CASE("a callback may arm, cancel and destroy any timer of the wheel", "[timer_wheel]") {
    wheel_fixture f;
    int again = 0, last = 0;
    wheel_timer* self = nullptr;
    wheel_timer repeating([&] {
        if (++again < 5) self->arm(*f.wheel, 20ms);
    });
    self = &repeating;
    wheel_timer cancelled([] { FAIL("cancelled by one that was due with it"); });
    auto destroyed = std::make_unique<wheel_timer>([] { FAIL("destroyed likewise"); });
    std::unique_ptr<wheel_timer> own;
    own = std::make_unique<wheel_timer>([&] { own.reset(); });
    wheel_timer first([&] {
        cancelled.cancel();
        destroyed.reset();
    });
    wheel_timer end([&] { ++last; });
    first.arm(*f.wheel, 20ms);
    cancelled.arm(*f.wheel, 20ms);
    own->arm(*f.wheel, 20ms);
    destroyed->arm(*f.wheel, 20ms);
    repeating.arm(*f.wheel, 20ms);
    end.arm(*f.wheel, 20ms);
    f.pass(200ms);
    CHECK(again == 5);
    CHECK(last == 1);
    CHECK_FALSE(own);
    CHECK(f.wheel->armed() == 0);
    CHECK_FALSE(f.clock.manual.next_deadline());
}

TEST_CASE("a wheel may go before its timers, even while they fire", "[timer_wheel]") {
    wheel_fixture f;
    int fired = 0;
    wheel_timer first([&] {
        ++fired;
        f.wheel.reset();
    });
    wheel_timer due_too([&] { ++fired; });
    wheel_timer later([&] { ++fired; });
    first.arm(*f.wheel, 20ms);
    due_too.arm(*f.wheel, 20ms);
    later.arm(*f.wheel, 10s);
    SECTION("while they fire") {
        f.pass(40ms);
        CHECK(fired == 1);
    }
    SECTION("before") {
        f.wheel.reset();
        CHECK(fired == 0);
    }
    CHECK_FALSE(first.armed());
    CHECK_FALSE(due_too.armed());
    CHECK_FALSE(later.armed());
    f.pass(100ms);
    CHECK(fired <= 1);
    // They are free for another wheel.
    f.wheel.emplace(f.io.get_executor(), f.clock);
    later.arm(*f.wheel, 0ms);
    f.pass(20ms);
    CHECK_FALSE(later.armed());
}

TEST_CASE("thousands of timers each fire in their tick", "[timer_wheel]") {
    wheel_fixture f;
    fixed_random random(GENERATE(as<std::uint64_t>(), 1, 2, 3));
    struct timed {
        std::unique_ptr<wheel_timer> timer;
        io::steady_time due{};
        bool expected = false;
    };
    static constexpr auto longest_step = 10ms;
    std::vector<timed> all(2'000);
    std::size_t fired = 0, wrong = 0;
    const auto arm = [&](timed& t) {
        const std::chrono::milliseconds after(random.next() % 30'000);
        t.due = f.clock.now() + after;
        t.expected = true;
        t.timer->arm(*f.wheel, after);
    };
    for (auto& t : all) {
        t.timer = std::make_unique<wheel_timer>([&f, &fired, &wrong, &t] {
            ++fired;
            const auto late = f.clock.now() - t.due;
            if (!t.expected || late < 0ms || late > timer_wheel::tick + longest_step) ++wrong;
            t.expected = false;
        });
        arm(t);
    }
    for (int step = 0; step < 6'000; ++step) {
        auto& t = all[random.next() % all.size()];
        switch (random.next() % 4) {
            case 0:
                arm(t);
                break;
            case 1:
                t.timer->cancel();
                t.expected = false;
                break;
            default:
                break;
        }
        f.advance(std::chrono::milliseconds(1 + random.next() % 10));
    }
    f.pass(31s);
    CHECK(fired > 1'000);
    CHECK(wrong == 0);
    CHECK(std::none_of(all.begin(), all.end(), [](const timed& t) { return t.expected; }));
    CHECK(f.wheel->armed() == 0);
}

TEST_CASE("a timer whose callback finds no memory keeps no other from firing",
          "[timer_wheel][fault-1]") {
    wheel_fixture f;
    int fired = 0, starved = 0;
    const auto starve = [&] {
        ++starved;
        throw std::bad_alloc();
    };
    wheel_timer first(starve), second([&] { ++fired; }), third(starve), fourth([&] { ++fired; });
    for (int round = 1; round <= 2; ++round) {
        for (auto* t : {&first, &second, &third, &fourth}) t->arm(*f.wheel, 30ms);
        CHECK_NOTHROW(f.advance(100ms));
        CHECK(starved == 2 * round);
        CHECK(fired == 2 * round);
        CHECK(f.wheel->armed() == 0);
    }
}

}  // namespace tidings::test
