// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

// Rounds in which all contenders of a case take turns: ns of CPU, and ratios to the first within
// each round, of which the medians count.

namespace bus_bench {

/// One contender in one case: what it does once, and how many operations that is.
struct contender {
    const char* name;
    std::function<void()> once;
    double operations = 1;
};

/// A contender that owns what it works on.
template <class T, class... Args>
contender make(const char* name, void (T::*once)(), Args... args) {
    auto object = std::make_shared<T>(args...);
    return {name, [object, once] { (object.get()->*once)(); }};
}

struct test_case {
    const char* name;
    std::vector<contender> contenders;  // the measure first
};

/// What callgrind counts.
[[gnu::noinline]] inline void measured(const contender& c, unsigned long times) {
    for (; times != 0; --times) c.once();
}

class rounds {
 public:
    /// @param measure what the ratios are to
    rounds(std::vector<test_case> cases, const char* measure)
        : cases_(std::move(cases)),
          measure_(measure) {}

    /// PROGRAM [ROUNDS] [CASE...], or PROGRAM count CASE WHO TIMES.
    int main(int argc, char** argv) const {
        if (argc == 5 && argv[1] == std::string_view("count"))
            return count(argv[2], argv[3], std::strtoul(argv[4], nullptr, 10));
        const auto number = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 9UL;
        if (number == 0) {
            std::fprintf(stderr, "%s [ROUNDS] [CASE...]; %s count CASE WHO TIMES\n", argv[0],
                         argv[0]);
            return EXIT_FAILURE;
        }
        const std::vector<std::string_view> wanted(argv + std::min(argc, 2), argv + argc);
        for (const auto& c : cases_)
            if (wanted.empty() || std::find(wanted.begin(), wanted.end(), c.name) != wanted.end())
                run(c, number);
        return EXIT_SUCCESS;
    }

 private:
    static double cpu_now_ns() {
        timespec t{};
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
        return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
    }
    /// ns of CPU for one operation.
    static double measure(const contender& c, unsigned long times) {
        const auto start = cpu_now_ns();
        for (auto n = times; n != 0; --n) c.once();
        return (cpu_now_ns() - start) / static_cast<double>(times) / c.operations;
    }
    static double median(std::vector<double> of) {
        std::sort(of.begin(), of.end());
        return of[of.size() / 2];
    }

    void run(const test_case& c, unsigned long number) const {
        constexpr double slice_ns = 20e6;
        const auto count = c.contenders.size();
        std::vector<unsigned long> times;
        for (const auto& each : c.contenders) {
            const auto once = measure(each, 100) * each.operations;
            times.push_back(static_cast<unsigned long>(slice_ns / (once + 1)) + 1);
        }
        std::vector<std::vector<double>> ns(count), ratios(count);
        for (unsigned long round = 0; round < number; ++round) {
            // Another one begins each round.
            for (std::size_t i = 0; i < count; ++i) {
                const auto who = (i + round) % count;
                ns[who].push_back(measure(c.contenders[who], times[who]));
            }
            for (std::size_t i = 0; i < count; ++i)
                ratios[i].push_back(ns[i].back() / ns.front().back());
        }
        std::printf("**%s**\n\n| who | ns | × %s | in each round |\n|---|---|---|---|\n", c.name,
                    measure_);
        for (std::size_t i = 0; i < count; ++i) {
            std::printf("| %s | %.1f | %.2f |", c.contenders[i].name, median(ns[i]),
                        median(ratios[i]));
            for (const auto r : ratios[i]) std::printf(" %.2f", r);
            std::printf(" |\n");
        }
        std::printf("\n");
    }
    int count(std::string_view name, std::string_view who, unsigned long times) const {
        for (const auto& c : cases_)
            for (const auto& each : c.contenders) {
                if (c.name != name || each.name != who) continue;
                for (int i = 0; i < 100; ++i) each.once();
                measured(each, times);
                return EXIT_SUCCESS;
            }
        std::fputs("no such case, or nobody of that name in it\n", stderr);
        return EXIT_FAILURE;
    }

    std::vector<test_case> cases_;
    const char* measure_;
};

}  // namespace bus_bench
