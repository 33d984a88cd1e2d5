// SPDX-License-Identifier: BSL-1.0
// A lane and the threads that enqueue there.
#include "support/bus_fixture.hpp"
#include "support/two_threads.hpp"

#include <tidings/lane/impl/lane.hpp>

#include <array>
#include <functional>
#include <future>
#include <memory>
#include <thread>

namespace tidings::test {

namespace {

using detail::flushable;
using detail::lane;
using detail::lane_target;
using detail::lane_targets;

class counting_target final : public lane_target {
 public:
    void on_event(const event_ptr&) noexcept override {
        ++events;
        if (during) during();
    }
    void on_missed(std::uint64_t count) noexcept override { missed += count; }
    int events = 0;
    std::uint64_t missed = 0;
    std::function<void()> during;
};

class counting_flush final : public flushable {
 public:
    void flush() noexcept override { ++flushes; }
    int flushes = 0;
};

/// Holds the thread that finishes it, which has the lane's mutex, until a test lets it go.
class holding_join final : public detail::delivery_join {
 public:
    void finished(error_code, outcome) noexcept override {
        reached.set_value();
        let_go.get_future().wait();
    }
    void skipped() noexcept override {}
    std::promise<void> reached, let_go;
};

/// One target, and the list that it is in.
struct target_list {
    std::shared_ptr<counting_target> target = std::make_shared<counting_target>();
    std::shared_ptr<const lane_targets> list = std::make_shared<const lane_targets>(1, target);

    std::size_t enqueue(lane& to, std::uint64_t ticket, std::size_t max_events,
                        const std::shared_ptr<detail::delivery_join>& join = nullptr) const {
        error_code ec;
        const auto e = publication::make("a", made("x"), {}, ec);
        const detail::lane_stop stop{&to, &list, this};
        return to.enqueue(e, {&stop, 1}, ticket,
                          {.max_bytes = 1'000'000'000, .max_events = max_events}, join);
    }
};

}  // namespace

TEST_CASE("a turn waits for no thread that is about to enqueue", "[lane][threads]") {
    context_fixture f;
    const auto l = lane::make(f.io().get_executor(), f.clock());
    const target_list to;
    const auto flush = std::make_shared<counting_flush>();
    const auto held = std::make_shared<holding_join>();
    std::thread other;
    std::size_t lost = 0;
    to.target->during = [&] {
        other = std::thread([&] { lost = to.enqueue(*l, 2, 0, held); });
        held->reached.get_future().wait();
        CHECK(l->running_here());
        CHECK(l->certainly_here());
        CHECK(l->executor() == l->executor());
        l->schedule_flush(flush);
        to.target->during = nullptr;
    };
    to.enqueue(*l, 1, 10);
    f.run();
    CHECK(to.target->events == 1);
    CHECK(flush->flushes == 1);
    CHECK(to.target->missed == 0);
    held->let_go.set_value();
    other.join();
    CHECK(lost == 1);
    f.run();
    CHECK(to.target->missed == 1);
    CHECK(to.target->events == 1);
}

TEST_CASE("what threads enqueue comes once, each thread's in order", "[lane][threads]") {
    constexpr int each = 5'000;
    constexpr std::size_t producers = 3;
    io::clock& clock = io::system_clock();
    two_threads contexts;
    const auto l = lane::make(contexts.io.get_executor(), clock);
    std::array<target_list, producers> to;
    std::array<int, producers> calls{};
    bool in_order = true;
    std::promise<void> all;
    std::size_t ended = 0;
    const auto produce = [&](std::size_t me) {
        for (int n = 1; n <= each; ++n) {
            to[me].enqueue(*l, static_cast<std::uint64_t>(n), producers * each);
            l->post([&, me, n] {
                in_order = in_order && ++calls[me] == n && to[me].target->events == n;
                if (n == each && ++ended == producers) all.set_value();
            });
        }
    };
    std::array<std::thread, producers> threads;
    for (std::size_t i = 0; i < producers; ++i) threads[i] = std::thread(produce, i);
    for (auto& t : threads) t.join();
    all.get_future().wait();
    contexts.join();
    CHECK(in_order);
    for (const auto& each_list : to) {
        CHECK(each_list.target->events == each);
        CHECK(each_list.target->missed == 0);
    }
}

}  // namespace tidings::test
