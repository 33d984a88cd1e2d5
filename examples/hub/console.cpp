// SPDX-License-Identifier: BSL-1.0
#include "console.hpp"

#include <cerrno>

#include <poll.h>
#include <unistd.h>

namespace hub {

void line_writer::write(std::string line) noexcept {
    if (line.size() >= max_line) line.resize(max_line - 1);
    line += '\n';
    const std::lock_guard lock(mutex_);
    if (unsaid_ > 0) {
        const auto note = "warning hub: " + std::to_string(unsaid_) +
                          " lines were dropped, as nobody read this fast enough\n";
        if (put(note)) unsaid_ = 0;
    }
    if (unsaid_ == 0 && put(line)) return;
    ++unsaid_;
    ++dropped_;
}

// The descriptor is shared with other processes, which would notice O_NONBLOCK: so it stays as it
// is, and only what fits at once is written.
bool line_writer::put(std::string_view text) const noexcept {
    pollfd ready{fd_, POLLOUT, 0};
    if (::poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0) return false;
    ssize_t n = 0;
    do n = ::write(fd_, text.data(), text.size());
    while (n < 0 && errno == EINTR);
    return n == static_cast<ssize_t>(text.size());
}

// Both are never destroyed: the library may log to the end.
line_writer& output() {
    static auto& lines = *new line_writer(STDOUT_FILENO);
    return lines;
}

tidings::log_sink log_sink(std::optional<tidings::log_level> least,
                           const std::shared_ptr<counters>& counts) {
    if (!least) return {};
    static auto& lines = *new line_writer(STDERR_FILENO);
    return [least = *least,
            dropped = std::shared_ptr<std::atomic<std::uint64_t>>(
                counts, counts->counter("log_lines_dropped", {}))](const tidings::log_record& r) {
        static constexpr const char* names[] = {"debug", "info", "warning", "error"};
        if (r.level < least) return;
        auto line = std::string(names[static_cast<int>(r.level)]) + ' ' + std::string(r.module) +
                    ": " + std::string(r.message);
        if (r.error) line += ": " + r.error.message();
        lines.write(std::move(line));
        *dropped = lines.dropped();
    };
}

}  // namespace hub
