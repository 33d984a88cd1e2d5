// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>

#include "failure.hpp"

namespace fanout {

/// The server under test: a child of this process, ended with it.
class server_process {
 public:
    /// CPU of all its threads, also those that ended. `total_ns` is exact; the two others come in
    /// ticks of the kernel (mostly 10 ms) and only show the share.
    struct cpu_time {
        std::uint64_t total_ns{};
        std::uint64_t user_ticks{};
        std::uint64_t system_ticks{};
    };

    /// `arguments` begins with the program's path and ends with a null pointer. With `pinned`, the
    /// server gets the first processor that this process may use, and this process keeps the
    /// others. Waits up to 10 s for the line `listening <port>`, or for another word before a
    /// number. Throws `failure` (setup).
    server_process(char* const* arguments, bool pinned, std::string_view word = "listening ") {
        int ends[2] = {-1, -1};
        if (::pipe2(ends, O_CLOEXEC) != 0) fail_errno(exit_code::setup, "pipe2");
        cpu_set_t all{};
        ::sched_getaffinity(0, sizeof all, &all);
        pinned = pinned && CPU_COUNT(&all) > 1;
        cpu_set_t first{};
        for (std::size_t i = 0; i < CPU_SETSIZE && CPU_COUNT(&first) == 0; ++i) {
            if (CPU_ISSET(i, &all)) CPU_SET(i, &first);
        }
        pid_ = ::fork();
        if (pid_ == 0) {
            if (pinned) ::sched_setaffinity(0, sizeof first, &first);
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            ::dup2(ends[1], STDOUT_FILENO);
            ::execvp(arguments[0], arguments);
            ::_exit(127);
        }
        CPU_XOR(&all, &all, &first);
        if (pinned) ::sched_setaffinity(0, sizeof all, &all);
        ::close(ends[1]);
        output_ = ends[0];
        try {
            if (pid_ < 0) fail_errno(exit_code::setup, "fork");
            port_ = read_port(word);
            if (::clock_getcpuclockid(pid_, &clock_) != 0) {
                throw failure{exit_code::setup, "the server's CPU clock cannot be read"};
            }
        } catch (...) {
            end();
            throw;
        }
    }
    server_process(const server_process&) = delete;
    server_process& operator=(const server_process&) = delete;
    ~server_process() { end(); }

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

    /// Bytes of memory that it holds.
    [[nodiscard]] std::uint64_t resident() const {
        std::uint64_t total = 0;
        std::uint64_t pages = 0;
        std::ifstream{"/proc/" + std::to_string(pid_) + "/statm"} >> total >> pages;
        return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    }

    [[nodiscard]] cpu_time cpu() const {
        timespec now{};
        if (::clock_gettime(clock_, &now) != 0) fail_errno(exit_code::wrong, "the server is gone");
        cpu_time result{.total_ns = static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U +
                                    static_cast<std::uint64_t>(now.tv_nsec)};
        // The name in field 2 may hold anything, so fields are counted from its closing bracket.
        std::ifstream file{"/proc/" + std::to_string(pid_) + "/stat"};
        std::string skipped;
        std::getline(file, skipped, ')');
        for (int field = 3; field <= 13; ++field) file >> skipped;
        file >> result.user_ticks >> result.system_ticks;
        return result;
    }

    /// What it has resident now, in KiB; 0 where the kernel does not say.
    [[nodiscard]] std::uint64_t resident_kib() const {
        std::ifstream file{"/proc/" + std::to_string(pid_) + "/status"};
        std::string word;
        std::uint64_t size = 0;
        while (file >> word) {
            if (word == "VmRSS:") file >> size;
        }
        return size;
    }

 private:
    std::uint16_t read_port(std::string_view word) const {
        std::string text;
        for (;;) {
            pollfd ready{.fd = output_, .events = POLLIN, .revents = 0};
            if (::poll(&ready, 1, 10'000) <= 0) break;
            char bytes[256];
            const ssize_t count = ::read(output_, bytes, sizeof bytes);
            if (count <= 0) break;
            text.append(bytes, static_cast<std::size_t>(count));
            const std::size_t at = text.find(word);
            const std::size_t end = at == std::string::npos ? at : text.find('\n', at);
            if (end == std::string::npos) continue;
            std::uint16_t port = 0;
            std::from_chars(text.data() + at + word.size(), text.data() + end, port);
            if (port != 0) return port;
            break;
        }
        throw failure{exit_code::setup,
                      "it did not print `" + std::string{word} + "` and a number"};
    }

    void end() noexcept {
        if (pid_ > 0) {
            // SIGTERM first, so that a profiler around the server can write what it has.
            ::kill(pid_, SIGTERM);
            const auto watch = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
            pollfd ended{.fd = watch, .events = POLLIN, .revents = 0};
            if (watch < 0 || ::poll(&ended, 1, 5'000) <= 0) ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
            if (watch >= 0) ::close(watch);
            pid_ = -1;
        }
        if (output_ >= 0) ::close(output_);
        output_ = -1;
    }

    pid_t pid_ = -1;
    int output_ = -1;
    clockid_t clock_{};
    std::uint16_t port_ = 0;
};

}  // namespace fanout
