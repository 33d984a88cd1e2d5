// SPDX-License-Identifier: BSL-1.0
//
// fanout_load: starts a server, connects subscribers and one publisher, publishes, checks that
// every subscriber got every message once and in order, and prints what a delivery cost the server.
// Contract, options and output: ../README.md.

#include <sys/epoll.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "connection.hpp"
#include "failure.hpp"
#include "frames.hpp"
#include "messages.hpp"
#include "server_process.hpp"

namespace fanout {
namespace {

using steady = std::chrono::steady_clock;

struct options {
    protocol kind = protocol::websocket;
    std::size_t burst = 1;
    std::size_t subscribers = 1000;
    std::size_t stalled = 0;
    std::size_t fill = 0;
    std::size_t bytes = 128;
    std::size_t messages = 400;
    std::size_t warmup = 128;
    std::size_t seconds = 60;
    bool pinned = false;
    std::string topic = "bench.>";
    char** server = nullptr;
};

constexpr const char* usage =
    "usage: fanout_load [--kind=ws|sse] [--mode=one|burst=N] [--subscribers=N] [--stalled=N]\n"
    "                   [--fill=N] [--bytes=N] [--messages=N] [--warmup=N] [--seconds=N]\n"
    "                   [--topic=PATTERN] [--pin=off|on] -- server 0\n";

std::size_t number(std::string_view text, std::size_t least, std::size_t most) {
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < least || value > most) {
        throw failure{exit_code::usage, '"' + std::string{text} + "\" is not within " +
                                            std::to_string(least) + ".." + std::to_string(most)};
    }
    return value;
}

void read_option(options& result, std::string_view argument) {
    const std::size_t split = argument.find('=');
    const std::string_view name = argument.substr(0, split);
    const std::string_view value =
        split == std::string_view::npos ? std::string_view{} : argument.substr(split + 1);
    if (name == "--kind" && (value == "ws" || value == "sse")) {
        result.kind = value == "ws" ? protocol::websocket : protocol::event_stream;
    } else if (name == "--mode" && (value == "one" || value.starts_with("burst="))) {
        result.burst = value == "one" ? 1 : number(value.substr(6), 2, 1000);
    } else if (name == "--subscribers") {
        result.subscribers = number(value, 1, 60'000);
    } else if (name == "--stalled") {
        result.stalled = number(value, 0, 10'000);
    } else if (name == "--fill") {
        result.fill = number(value, 0, 1'000'000);
    } else if (name == "--bytes") {
        result.bytes = number(value, messages::min_bytes, 32'768);
    } else if (name == "--messages") {
        result.messages = number(value, 1, 10'000'000);
    } else if (name == "--warmup") {
        result.warmup = number(value, 0, 1'000'000);
    } else if (name == "--seconds") {
        result.seconds = number(value, 1, 600);
    } else if (name == "--topic" && !value.empty()) {
        result.topic = value;
    } else if (name == "--pin" && (value == "on" || value == "off")) {
        result.pinned = value == "on";
    } else {
        throw failure{exit_code::usage, std::string{argument} + " is no option\n" + usage};
    }
}

options read_options(int count, char** arguments) {
    options result;
    int at = 1;
    for (; at < count && std::string_view{arguments[at]} != "--"; ++at) {
        read_option(result, arguments[at]);
    }
    if (at + 1 >= count) throw failure{exit_code::usage, usage};
    result.server = arguments + at + 1;
    // A burst that came in two segments could be two turns of the server's loop.
    constexpr std::size_t segment_bytes = 60'000;
    if (result.burst * (result.bytes + 8) > segment_bytes) {
        throw failure{exit_code::usage, "a burst must fit into one segment of 60000 bytes"};
    }
    return result;
}

void allow_descriptors(std::size_t wanted) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    // The server inherits the limit and needs as many.
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max < wanted) {
        throw failure{exit_code::usage, "this process may not open " + std::to_string(wanted) +
                                            " descriptors (see ulimit -Hn)"};
    }
}

/// What is read off before and after the measured messages.
struct reading {
    steady::time_point time{};
    server_process::cpu_time cpu{};
    std::uint64_t segments{};
    std::uint64_t bytes{};
    std::uint64_t others{};
    std::uint64_t resident_kib{};
};

class load {
 public:
    explicit load(const options& wanted)
        : options_{wanted},
          messages_{wanted.bytes},
          deadline_{steady::now() + std::chrono::seconds{wanted.seconds}},
          server_{wanted.server, wanted.pinned},
          epoll_{::epoll_create1(EPOLL_CLOEXEC)},
          buffer_(256 * 1024, '\0') {
        if (epoll_ < 0) fail_errno(exit_code::setup, "epoll_create1");
        const std::string target = (options_.kind == protocol::websocket ? "/ws" : "/events") +
                                   ("?topic=" + options_.topic);
        connections_.reserve(options_.subscribers + 1);
        expected_.assign(options_.subscribers, 0);
        for (std::size_t i = 0; i < options_.subscribers; ++i) {
            add(connection{server_.port(), i, options_.kind, target});
        }
        // They take what fits into the smallest buffer that the kernel gives, and no more.
        stalled_.reserve(options_.stalled);
        for (std::size_t i = 0; i < options_.stalled; ++i) {
            stalled_.emplace_back(server_.port(), i, options_.kind, target, 1);
        }
        // Last, so that the server has every subscriber when the first message comes.
        add(connection{server_.port(), 0, protocol::websocket, "/pub?topic=bench.load"});
    }
    load(const load&) = delete;
    load& operator=(const load&) = delete;
    ~load() { ::close(epoll_); }

    void run() {
        publish(options_.fill, 16);
        publish(options_.warmup, options_.burst);
        const reading before = read_off();
        publish(options_.messages, options_.burst);
        const reading after = read_off();
        // One more: whatever came twice shows as soon as something comes behind it.
        publish(1, 1);
        print(before, after);
    }

 private:
    void add(connection&& made) {
        const std::size_t index = connections_.size();
        connections_.push_back(std::move(made));
        // Some bytes may have come with the answer to the handshake.
        receive(index, {});
        epoll_event event{.events = EPOLLIN, .data = {.u64 = index}};
        if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, connections_.back().fd(), &event) != 0) {
            fail_errno(exit_code::setup, "epoll_ctl");
        }
    }

    void publish(std::size_t count, std::size_t burst) {
        for (std::size_t sent = 0; sent < count;) {
            const std::size_t now = std::min(burst, count - sent);
            std::string frames;
            for (std::size_t i = 0; i < now; ++i) {
                mask_ = mask_ * 1'664'525U + 1'013'904'223U;
                append_frame(frames, opcode::text, messages_.text(published_ + i), mask_);
            }
            published_ += now;
            missing_ = now * options_.subscribers;
            connections_.back().send(frames);
            while (missing_ != 0) wait();
            sent += now;
        }
    }

    void wait() {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(deadline_ - steady::now()).count();
        std::array<epoll_event, 256> events;
        const int count = left <= 0
                              ? 0
                              : ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()),
                                             static_cast<int>(left));
        if (count < 0 && errno != EINTR) fail_errno(exit_code::setup, "epoll_wait");
        if (count == 0) {
            throw failure{exit_code::timeout, std::to_string(missing_) + " deliveries missing of " +
                                                  std::to_string(published_) + " messages"};
        }
        for (int i = 0; i < count; ++i) {
            const auto index =
                static_cast<std::size_t>(events[static_cast<std::size_t>(i)].data.u64);
            const ssize_t size =
                ::recv(connections_[index].fd(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
            if (size < 0 && (errno == EAGAIN || errno == EINTR)) continue;
            if (size < 0) fail_errno(exit_code::wrong, "recv");
            if (size == 0) throw failure{exit_code::wrong, "the server ended a connection"};
            receive(index, std::string_view{buffer_}.substr(0, static_cast<std::size_t>(size)));
        }
    }

    void receive(std::size_t index, std::string_view bytes) {
        const bool publisher = index == options_.subscribers;
        if (!publisher) bytes_ += bytes.size();
        connections_[index].read(bytes, [&](std::string_view text) {
            const auto sequence = messages_.sequence(text);
            if (!sequence || publisher) {
                ++others_;
                return;
            }
            std::uint64_t& expected = expected_[index];
            if (*sequence != expected || expected >= published_) {
                throw failure{exit_code::wrong,
                              "subscriber " + std::to_string(index) + " got message " +
                                  std::to_string(*sequence) + " where " + std::to_string(expected) +
                                  " was due (" + std::to_string(published_) + " published)"};
            }
            ++expected;
            --missing_;
        });
    }

    [[nodiscard]] reading read_off() const {
        reading result{.time = steady::now(),
                       .cpu = server_.cpu(),
                       .bytes = bytes_,
                       .others = others_,
                       .resident_kib = server_.resident_kib()};
        for (std::size_t i = 0; i < options_.subscribers; ++i) {
            result.segments += connections_[i].segments();
        }
        return result;
    }

    void print(const reading& before, const reading& after) const {
        const std::size_t deliveries = options_.messages * options_.subscribers;
        const auto each = [&](std::uint64_t from, std::uint64_t to) {
            return static_cast<double>(to - from) / static_cast<double>(deliveries);
        };
        const auto user = after.cpu.user_ticks - before.cpu.user_ticks;
        const auto system = after.cpu.system_ticks - before.cpu.system_ticks;
        const std::chrono::duration<double> wall = after.time - before.time;
        const std::string mode =
            options_.burst == 1 ? "one" : "burst" + std::to_string(options_.burst);
        std::printf(
            "kind=%s mode=%s subscribers=%zu bytes=%zu messages=%zu deliveries=%zu cpu_us=%.4f "
            "system_share=%.2f segments=%.4f wire_bytes=%.2f others=%llu wall_s=%.3f stalled=%zu "
            "resident_kib=%llu\n",
            options_.kind == protocol::websocket ? "ws" : "sse", mode.c_str(), options_.subscribers,
            options_.bytes, options_.messages, deliveries,
            each(before.cpu.total_ns, after.cpu.total_ns) / 1000,
            user + system == 0 ? 0.0
                               : static_cast<double>(system) / static_cast<double>(user + system),
            each(before.segments, after.segments), each(before.bytes, after.bytes),
            static_cast<unsigned long long>(after.others - before.others), wall.count(),
            options_.stalled, static_cast<unsigned long long>(after.resident_kib));
    }

    options options_;
    messages messages_;
    steady::time_point deadline_;
    server_process server_;
    int epoll_;
    std::string buffer_;
    std::vector<connection> connections_{};  // the publisher is the last
    std::vector<connection> stalled_{};
    std::vector<std::uint64_t> expected_{};  // by subscriber, the next sequence number
    std::uint64_t published_ = 0;
    std::size_t missing_ = 0;
    std::uint64_t bytes_ = 0;
    std::uint64_t others_ = 0;
    std::uint32_t mask_ = 1;
};

}  // namespace
}  // namespace fanout

int main(int count, char** arguments) {
    try {
        const fanout::options wanted = fanout::read_options(count, arguments);
        fanout::allow_descriptors(wanted.subscribers + wanted.stalled + 64);
        fanout::load{wanted}.run();
        return static_cast<int>(fanout::exit_code::ok);
    } catch (const fanout::failure& failed) {
        std::fprintf(stderr, "fanout_load: %s\n", failed.what());
        return static_cast<int>(failed.code);
    }
}
