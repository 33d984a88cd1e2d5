// SPDX-License-Identifier: BSL-1.0
//
// What a publication costs where two threads publish at the same time, against one thread that
// publishes alone while the other waits: on one bus, and on one bus each. CPU of the threads that
// publish, in paired rounds; the medians of the ratios count.
//
//     bus_threads [ROUNDS] [CASE...]     nine rounds of all cases if none is given

#include "walks.hpp"

#include <boost/signals2/signal.hpp>

#ifdef __linux__
#include <pthread.h>
#include <sched.h>
#endif

#include <algorithm>
#include <array>
#include <atomic>
#include <ctime>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

namespace {

using bus_bench::held;
using bus_bench::make_event;

/// Callbacks write nothing that threads share.
thread_local std::uint64_t seen_here = 0;

/// A bus with one callback and so many events of history.
class counted_bus {
 public:
    explicit counted_bus(std::size_t history) : hub_(io_, {.history = {.max_events = history}}) {
        subscription_ = hub_.subscribe("orders.*", tidings::immediate,
                                       [](const tidings::event_ptr&) { ++seen_here; });
        for (std::size_t i = 0; i < history; ++i) hub_.publish("orders.paid", make_event());
    }
    tidings::topic_handle handle() { return hub_.topic("orders.paid"); }

 private:
    boost::asio::io_context io_;
    tidings::bus hub_;
    tidings::subscription subscription_;
};

using once = std::function<void()>;
/// What each of the two threads does.
using pair_of_threads = std::array<once, 2>;

enum class how { prepared, fresh };

pair_of_threads on_buses(how h, std::size_t buses, std::size_t history) {
    pair_of_threads both;
    std::shared_ptr<counted_bus> b;
    for (std::size_t i = 0; i < both.size(); ++i) {
        if (i < buses) b = std::make_shared<counted_bus>(history);
        const auto to = b->handle();
        if (h == how::prepared)
            both[i] = [b, to, e = to.prepare(make_event())] { to.publish(e); };
        else
            both[i] = [b, to] { to.publish(make_event()); };
    }
    return both;
}

/// One bus, and a topic for each thread, with a queue that is full and drops its oldest.
pair_of_threads on_queues() {
    struct bed {
        boost::asio::io_context io;
        tidings::bus hub{io};
        std::vector<tidings::receiver> reads{};
    };
    const auto b = std::make_shared<bed>();
    pair_of_threads both;
    for (const auto* topic : {"orders.paid", "orders.sent"}) {
        const auto to = b->hub.topic(topic);
        both[b->reads.size()] = [b, to, e = to.prepare(make_event())] {
            to.publish(e);
            ++seen_here;
        };
        b->reads.push_back(b->hub.receive(
            topic, {.limits = {.max_events = 16}, .overflow = tidings::overflow::drop_oldest}));
    }
    return both;
}

pair_of_threads on_signals(std::size_t signals) {
    using signal = boost::signals2::signal<void(const tidings::event_ptr&)>;
    pair_of_threads both;
    std::shared_ptr<signal> s;
    for (std::size_t i = 0; i < both.size(); ++i) {
        if (i < signals) {
            s = std::make_shared<signal>();
            s->connect([](const tidings::event_ptr&) { ++seen_here; });
        }
        both[i] = [s, e = tidings::event_ptr()] { (*s)(e); };
    }
    return both;
}

struct test_case {
    const char* name;
    const char* who;
    std::function<pair_of_threads()> make;
};

const std::vector<test_case> cases = {
    {"one bus, prepared", "tidings", [] { return on_buses(how::prepared, 1, 0); }},
    {"one bus, prepared", "Signals2", [] { return on_signals(1); }},
    {"one bus, a queue each", "tidings", on_queues},
    {"two buses, prepared", "tidings", [] { return on_buses(how::prepared, 2, 0); }},
    {"two buses, prepared", "Signals2", [] { return on_signals(2); }},
    {"one bus, new events", "tidings", [] { return on_buses(how::fresh, 1, 0); }},
    {"two buses, new events", "tidings", [] { return on_buses(how::fresh, 2, 0); }},
    {"one bus with history", "tidings", [] { return on_buses(how::fresh, 1, held); }},
    {"two buses with history", "tidings", [] { return on_buses(how::fresh, 2, held); }},
};

double cpu_of_thread_ns() {
    timespec t{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

/// Each thread has a processor of its own, or they would take turns on one.
void stay_on_processor([[maybe_unused]] std::size_t i) {
#ifdef __linux__
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(i, &one);
    pthread_setaffinity_np(pthread_self(), sizeof one, &one);
#endif
}

/// ns of CPU for one, where so many of the threads do it, each so often. The other one is there.
double measure(const pair_of_threads& both, std::size_t active, unsigned long times) {
    std::atomic<std::size_t> ready{0}, done{0};
    std::array<double, 2> spent{};
    const auto work = [&](std::size_t i) {
        stay_on_processor(i);
        for (int n = 0; n < 100; ++n) both[i]();
        const auto before = seen_here;
        ++ready;
        while (ready.load() != active) std::this_thread::yield();
        const auto start = cpu_of_thread_ns();
        for (auto n = times; n != 0; --n) both[i]();
        spent[i] = cpu_of_thread_ns() - start;
        if (seen_here - before != times) std::abort();
        ++done;
        done.notify_all();
    };
    const auto wait = [&] {
        while (done.load() != active) done.wait(done.load());
    };
    std::thread second([&] { active == 2 ? work(1) : wait(); });
    work(0);
    second.join();
    return (spent[0] + spent[1]) / static_cast<double>(active * times);
}

double median(std::vector<double> of) {
    std::sort(of.begin(), of.end());
    return of[of.size() / 2];
}

void run(const test_case& c, unsigned long rounds) {
    constexpr double slice_ns = 50e6;
    const auto both = c.make();
    const auto times = static_cast<unsigned long>(slice_ns / (measure(both, 1, 1000) + 1)) + 1;
    std::vector<double> alone, together, ratios;
    for (unsigned long round = 0; round < rounds; ++round) {
        alone.push_back(measure(both, 1, times));
        together.push_back(measure(both, 2, times));
        ratios.push_back(together.back() / alone.back());
    }
    std::printf("| %s | %s | %.1f | %.1f | %.2f |", c.name, c.who, median(alone), median(together),
                median(ratios));
    for (const auto r : ratios) std::printf(" %.2f", r);
    std::printf(" |\n");
    std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
    const auto rounds = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 9UL;
    if (rounds == 0) {
        std::fputs("bus_threads [ROUNDS] [CASE...]\n", stderr);
        return EXIT_FAILURE;
    }
    const std::vector<std::string_view> wanted(argv + std::min(argc, 2), argv + argc);
    std::printf(
        "| case | who | alone, ns | two threads, ns | ratio | in each round |\n"
        "|---|---|---|---|---|---|\n");
    for (const auto& c : cases)
        if (wanted.empty() || std::find(wanted.begin(), wanted.end(), c.name) != wanted.end())
            run(c, rounds);
}
