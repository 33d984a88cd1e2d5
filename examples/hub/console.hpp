// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "counters.hpp"

#include <tidings/log.hpp>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace hub {

/// Writes lines to a descriptor and never waits for its reader: what finds no room is dropped and
/// counted, and the next line that finds room says how many were. Safe from any thread. SIGPIPE
/// must be ignored.
class line_writer {
 public:
    explicit line_writer(int fd) noexcept : fd_(fd) {}

    /// Writes `line` with a line feed; a line over `max_line` bytes is cut.
    void write(std::string line) noexcept;
    std::uint64_t dropped() const noexcept { return dropped_; }

    /// What a pipe that is ready takes without waiting (PIPE_BUF of Linux).
    static constexpr std::size_t max_line = 4096;

 private:
    bool put(std::string_view text) const noexcept;

    const int fd_;
    std::mutex mutex_;
    std::uint64_t unsaid_ = 0;
    std::atomic<std::uint64_t> dropped_{0};
};

/// Standard output.
line_writer& output();

/// A log on standard error: records of level `least` and above; nothing: no log. The lines dropped
/// are counted in `log_lines_dropped`.
tidings::log_sink log_sink(std::optional<tidings::log_level> least,
                           const std::shared_ptr<counters>& counts);

}  // namespace hub
