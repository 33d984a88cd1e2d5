// SPDX-License-Identifier: BSL-1.0
//
// What a publication in the process costs: the bus of tidings beside Boost.Signals2, libsigc++ and
// a bare loop that guards against nothing. Rounds in which all take turns; ns of CPU, and ratios to
// the loop within each round, of which the medians count.
//
//     bus_bench [ROUNDS] [CASE...]     nine rounds of all cases if none is given
//     bus_bench count CASE WHO TIMES   for callgrind: what `measured` takes

#include "walks.hpp"

#include <boost/signals2/signal.hpp>
#ifdef BUS_BENCH_SIGC
#include <sigc++/sigc++.h>
#endif

#include <algorithm>
#include <ctime>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>

namespace {

using bus_bench::held;
using bus_bench::make_event;
using bus_bench::target;
using tidings::event_ptr;

double cpu_now_ns() {
    timespec t{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

/// One contender in one case: what it does once.
struct contender {
    const char* name;
    std::function<void()> once;
};

event_ptr prepared_event() {
    tidings::error_code ec;
    return tidings::publication::make("orders.paid", make_event(), {}, ec);
}

/// Function pointers and objects, or functions, in a row.
struct bare_loop {
    struct slot {
        void (*call)(void*, const event_ptr&);
        void* object;
    };
    explicit bare_loop(std::size_t n) : targets(n) {
        for (auto& t : targets) join(t);
    }
    void join(target& t) {
        slots.push_back({[](void* p, const event_ptr& e) { (*static_cast<target*>(p))(e); }, &t});
        functions.emplace_back([&t](const event_ptr& e) { t(e); });
    }
    void publish() {
        for (const auto& s : slots) s.call(s.object, event);
    }
    void publish_by_function() {
        for (const auto& f : functions) f(event);
    }
    void publish_new() {
        const auto fresh = std::make_shared<const tidings::event>(make_event());
        kept = fresh.get();
        for (const auto& s : slots) s.call(s.object, event);
    }
    void publish_and_keep() {
        const std::lock_guard lock(mutex);
        ring.push_back(std::make_shared<const tidings::event>(make_event()));
        if (ring.size() > held) ring.pop_front();
        for (const auto& s : slots) s.call(s.object, event);
    }
    void come_and_go() {
        in_order.push_back(functions.front());
        in_order.pop_back();
    }

    std::vector<target> targets;
    std::vector<slot> slots;
    std::vector<std::function<void(const event_ptr&)>> functions;
    std::list<std::function<void(const event_ptr&)>> in_order;
    std::deque<std::shared_ptr<const tidings::event>> ring;
    std::mutex mutex;
    const tidings::event* volatile kept = nullptr;
    event_ptr event = prepared_event();
};

struct signals2_signal {
    explicit signals2_signal(std::size_t n) : targets(n) {
        for (auto& t : targets) signal.connect([&t](const event_ptr& e) { t(e); });
    }
    void publish() { signal(event); }
    void come_and_go() {
        signal.connect([this](const event_ptr& e) { extra(e); }).disconnect();
    }

    std::vector<target> targets;
    target extra;
    boost::signals2::signal<void(const event_ptr&)> signal;
    event_ptr event = prepared_event();
};

#ifdef BUS_BENCH_SIGC
struct sigc_signal {
    explicit sigc_signal(std::size_t n) : targets(n) {
        for (auto& t : targets) signal.connect([&t](const event_ptr& e) { t(e); });
    }
    void publish() { signal.emit(event); }
    void come_and_go() {
        signal.connect([this](const event_ptr& e) { extra(e); }).disconnect();
    }

    std::vector<target> targets;
    target extra;
    sigc::signal<void(const event_ptr&)> signal;
    event_ptr event = prepared_event();
};
#endif

/// A contender that owns what it works on.
template <class T, class... Args>
contender make(const char* name, void (T::*once)(), Args... args) {
    auto object = std::make_shared<T>(args...);
    return {name, [object, once] { (object.get()->*once)(); }};
}

struct test_case {
    const char* name;
    std::vector<contender> contenders;  // the loop first
};

std::vector<contender> publishing(std::size_t n) {
    using bus_bench::bed;
    return {make("loop", &bare_loop::publish, n),
            make("std::function", &bare_loop::publish_by_function, n),
            make("tidings", &bed::publish_prepared, n),
            make("Signals2", &signals2_signal::publish, n),
#ifdef BUS_BENCH_SIGC
            make("libsigc++", &sigc_signal::publish, n)
#endif
    };
}

std::vector<test_case> all_cases() {
    using bus_bench::bed;
    return {{"prepared-1", publishing(1)},
            {"prepared-10", publishing(10)},
            {"prepared-100", publishing(100)},
            {"prepared-1000", publishing(1000)},
            {"new-1",
             {make("loop", &bare_loop::publish_new, std::size_t(1)),
              make("tidings", &bed::publish_new, std::size_t(1))}},
            {"history-1",
             {make("loop", &bare_loop::publish_and_keep, std::size_t(1)),
              make("tidings", &bed::publish_new, std::size_t(1), held)}},
            {"subscribe-1000",
             {make("loop", &bare_loop::come_and_go, std::size_t(1000)),
              make("tidings", &bed::come_and_go, std::size_t(1000)),
              make("Signals2", &signals2_signal::come_and_go, std::size_t(1000)),
#ifdef BUS_BENCH_SIGC
              make("libsigc++", &sigc_signal::come_and_go, std::size_t(1000))
#endif
             }}};
}

/// ns of CPU for one.
double measure(const contender& c, unsigned long times) {
    const auto start = cpu_now_ns();
    for (auto n = times; n != 0; --n) c.once();
    return (cpu_now_ns() - start) / static_cast<double>(times);
}

double median(std::vector<double> of) {
    std::sort(of.begin(), of.end());
    return of[of.size() / 2];
}

void run(const test_case& c, unsigned long rounds) {
    constexpr double slice_ns = 20e6;
    const auto count = c.contenders.size();
    std::vector<unsigned long> times;
    for (const auto& each : c.contenders)
        times.push_back(static_cast<unsigned long>(slice_ns / (measure(each, 100) + 1)) + 1);
    std::vector<std::vector<double>> ns(count), ratios(count);
    for (unsigned long round = 0; round < rounds; ++round) {
        // Another one begins each round.
        for (std::size_t i = 0; i < count; ++i) {
            const auto who = (i + round) % count;
            ns[who].push_back(measure(c.contenders[who], times[who]));
        }
        for (std::size_t i = 0; i < count; ++i)
            ratios[i].push_back(ns[i].back() / ns.front().back());
    }
    std::printf("**%s**\n\n| who | ns | × the loop | in each round |\n|---|---|---|---|\n", c.name);
    for (std::size_t i = 0; i < count; ++i) {
        std::printf("| %s | %.1f | %.2f |", c.contenders[i].name, median(ns[i]), median(ratios[i]));
        for (const auto r : ratios[i]) std::printf(" %.2f", r);
        std::printf(" |\n");
    }
    std::printf("\n");
}

}  // namespace

[[gnu::noinline]] void measured(const contender& c, unsigned long times) {
    for (; times != 0; --times) c.once();
}

namespace {

int count(const std::string_view name, const std::string_view who, unsigned long times) {
    for (const auto& c : all_cases())
        for (const auto& each : c.contenders) {
            if (c.name != name || each.name != who) continue;
            for (int i = 0; i < 100; ++i) each.once();
            measured(each, times);
            return EXIT_SUCCESS;
        }
    std::fputs("no such case, or nobody of that name in it\n", stderr);
    return EXIT_FAILURE;
}

}  // namespace

int main(int argc, char** argv) {
    const bus_bench::idle_thread beside;
    if (argc == 5 && argv[1] == std::string_view("count"))
        return count(argv[2], argv[3], std::strtoul(argv[4], nullptr, 10));
    const auto rounds = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 9UL;
    if (rounds == 0) {
        std::fputs("bus_bench [ROUNDS] [CASE...]; bus_bench count CASE WHO TIMES\n", stderr);
        return EXIT_FAILURE;
    }
    const std::vector<std::string_view> wanted(argv + std::min(argc, 2), argv + argc);
    for (const auto& c : all_cases())
        if (wanted.empty() || std::find(wanted.begin(), wanted.end(), c.name) != wanted.end())
            run(c, rounds);
}
