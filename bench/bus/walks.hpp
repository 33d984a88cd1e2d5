// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

// What is measured of the library's bus: by time in main.cpp, by instructions in count.cpp.

namespace bus_bench {

namespace net = boost::asio;

/// A second thread that waits: without one the C library leaves atomics out.
class idle_thread {
 public:
    idle_thread() : thread_([this] { io_.run(); }) {}
    ~idle_thread() {
        work_.reset();
        thread_.join();
    }

 private:
    net::io_context io_;
    net::executor_work_guard<net::io_context::executor_type> work_ = net::make_work_guard(io_);
    std::thread thread_;
};

/// What every callback does.
struct target {
    std::uint64_t seen = 0;
    void operator()(const tidings::event_ptr&) { ++seen; }
};

constexpr std::size_t held = 1000;  // by the history that is full

inline tidings::event make_event() {
    return {"order.paid", "/bench", "text of an order that was paid"};
}

/// A bus with callbacks on one pattern, and a handle on a topic that it matches.
class bed {
 public:
    /// @param history how many events it keeps; it is full
    explicit bed(std::size_t callbacks, std::size_t history = 0)
        : hub_(io_, {.history = {.max_events = history}}),
          targets_(callbacks),
          handle_(hub_.topic("orders.paid")),
          event_(handle_.prepare(make_event())) {
        for (auto& t : targets_) subscriptions_.push_back(join(t));
        for (std::size_t i = 0; i < history; ++i) publish_new();
    }
    ~bed() {
        std::uint64_t seen = 0;
        for (const auto& t : targets_) seen += t.seen;
        if (delivered_ == published_ * targets_.size() && seen >= delivered_) return;
        std::fputs("an event was not delivered\n", stderr);
        std::abort();
    }

    void publish_prepared() {
        ++published_;
        delivered_ += handle_.publish(event_).delivered;
    }
    void publish_new() {
        ++published_;
        delivered_ += handle_.publish(make_event()).delivered;
    }
    /// One more callback comes and goes.
    void come_and_go() { auto s = join(extra_); }

 private:
    tidings::subscription join(target& t) {
        return hub_.subscribe("orders.*", tidings::immediate,
                              [&t](const tidings::event_ptr& e) { t(e); });
    }
    net::io_context io_;
    tidings::bus hub_;
    std::vector<target> targets_;
    target extra_;
    std::vector<tidings::subscription> subscriptions_;
    tidings::topic_handle handle_;
    tidings::event_ptr event_;
    std::uint64_t published_ = 0;
    std::uint64_t delivered_ = 0;
};

/// As many topics, each with a pattern of its own and one callback; published to in turn.
class topics_bed {
 public:
    explicit topics_bed(std::size_t topics) : targets_(topics) {
        for (std::size_t i = 0; i < topics; ++i) {
            names_.push_back("orders." + std::to_string(i));
            subscriptions_.push_back(
                hub_.subscribe(names_[i], tidings::immediate,
                               [&t = targets_[i]](const tidings::event_ptr& e) { t(e); }));
            handles_.push_back(hub_.topic(names_[i]));
            events_.push_back(handles_[i].prepare(make_event()));
        }
    }
    ~topics_bed() {
        std::uint64_t seen = 0;
        for (const auto& t : targets_) seen += t.seen;
        if (seen == published_) return;
        std::fputs("a topic's callback has not seen what was published to it alone\n", stderr);
        std::abort();
    }

    void publish_prepared() {
        const auto i = published_++ % targets_.size();
        handles_[i].publish(events_[i]);
    }
    void publish_by_name() {
        const auto i = published_++ % targets_.size();
        hub_.publish(names_[i], make_event());
    }

 private:
    net::io_context io_;
    tidings::bus hub_{io_};
    std::vector<target> targets_;
    std::vector<std::string> names_;
    std::vector<tidings::subscription> subscriptions_;
    std::vector<tidings::topic_handle> handles_;
    std::vector<tidings::event_ptr> events_;
    std::uint64_t published_ = 0;
};

}  // namespace bus_bench
