// SPDX-License-Identifier: BSL-1.0
//
// What a publication in the process costs: the bus of tidings beside Boost.Signals2, libsigc++ and
// a bare loop that guards against nothing. See rounds.hpp.
//
//     bus_bench [ROUNDS] [CASE...]     nine rounds of all cases if none is given
//     bus_bench count CASE WHO TIMES   for callgrind: what `measured` takes

#include "rounds.hpp"
#include "walks.hpp"

#include <boost/signals2/signal.hpp>
#ifdef BUS_BENCH_SIGC
#include <sigc++/sigc++.h>
#endif

#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>

namespace {

using bus_bench::contender;
using bus_bench::held;
using bus_bench::make;
using bus_bench::make_event;
using bus_bench::target;
using bus_bench::test_case;
using tidings::event_ptr;

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

}  // namespace

int main(int argc, char** argv) {
    const bus_bench::idle_thread beside;
    return bus_bench::rounds(all_cases(), "the loop").main(argc, argv);
}
