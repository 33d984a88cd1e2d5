// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <ctime>
#include <string>

// What both programs of this bench store.
namespace sqlite_bench {

/// Events that the history keeps. It is filled before anything is measured.
constexpr std::size_t kept = 10'000;
constexpr std::size_t body_bytes = 1024;
constexpr const char* topic = "bench.order";

constexpr const char* endpoint = "bench";

/// The id of an event, as long as one that the library makes.
inline std::string event_id(std::size_t number) {
    auto text = std::to_string(number);
    return std::string(36 - text.size(), '0') + text;
}

/// JSON of 1 KB, another for each number.
inline std::string body(std::size_t number) {
    auto text = std::to_string(number);
    text = R"({"order":)" + std::string(10 - text.size(), ' ') + text + R"(,"note":")";
    return text.append(body_bytes - text.size() - 2, 'x') + "\"}";
}

inline double seconds_of(clockid_t clock) {
    timespec t{};
    clock_gettime(clock, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

/// CPU of all threads of this process, and time, since it was made.
class stopwatch {
 public:
    double cpu() const { return seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu_; }
    double wall() const { return seconds_of(CLOCK_MONOTONIC) - wall_; }

 private:
    double cpu_ = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    double wall_ = seconds_of(CLOCK_MONOTONIC);
};

}  // namespace sqlite_bench
