// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "walks.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

// What is measured of deliveries that do not happen inside `publish`: by time in delivery.cpp, by
// instructions in count.cpp. One call publishes a burst and runs what it posted.

namespace bus_bench {

/// A bus, and a context that does not stop.
class delivery_bed {
 public:
    explicit delivery_bed(std::size_t burst) : burst_(burst) {}

 protected:
    void publish_burst() {
        for (auto n = burst_; n != 0; --n) handle_.publish(event_);
        published_ += burst_;
        io_.poll();
    }
    void check(std::uint64_t seen, std::uint64_t expected) const {
        if (seen == expected) return;
        std::fprintf(stderr, "%llu events instead of %llu\n", static_cast<unsigned long long>(seen),
                     static_cast<unsigned long long>(expected));
        std::abort();
    }

    net::io_context io_{1};
    net::executor_work_guard<net::io_context::executor_type> work_ = net::make_work_guard(io_);
    tidings::bus hub_{io_};
    tidings::topic_handle handle_ = hub_.topic("orders.paid");
    tidings::event_ptr event_ = handle_.prepare(make_event());
    std::uint64_t published_ = 0;

 private:
    std::size_t burst_;
};

/// Callbacks of one executor.
class posted_bed : public delivery_bed {
 public:
    posted_bed(std::size_t callbacks, std::size_t burst)
        : delivery_bed(burst),
          targets_(callbacks) {
        for (auto& t : targets_)
            subscriptions_.push_back(
                hub_.subscribe("orders.*", [&t](const tidings::event_ptr& e) { t(e); }));
    }
    ~posted_bed() {
        for (const auto& t : targets_) check(t.seen, published_);
    }
    void once() { publish_burst(); }

 private:
    std::vector<target> targets_;
    std::vector<tidings::subscription> subscriptions_;
};

/// A receiver that is read in one of several ways, by one who always waits.
class receive_bed : public delivery_bed {
 public:
    enum class way { handler, deferred, coroutine, batch };

    receive_bed(way w, std::size_t burst) : delivery_bed(burst) {
        switch (w) {
            case way::handler:
                arm();
                break;
            case way::deferred:
                arm_deferred();
                break;
            case way::coroutine:
                net::co_spawn(io_, read(), net::detached);
                break;
            case way::batch:
                arm_batch();
                break;
        }
        io_.poll();
    }
    ~receive_bed() { check(seen_, published_); }
    void once() { publish_burst(); }

 private:
    void arm() {
        receiver_.async_receive([this](tidings::error_code ec, const tidings::event_ptr&) {
            if (!ec) ++seen_, arm();
        });
    }
    void arm_deferred() {
        receiver_.async_receive()([this](tidings::error_code ec, const tidings::event_ptr&) {
            if (!ec) ++seen_, arm_deferred();
        });
    }
    void arm_batch() {
        receiver_.async_receive_batch(
            64, [this](tidings::error_code ec, const std::vector<tidings::event_ptr>& events) {
                seen_ += events.size();
                if (!ec) arm_batch();
            });
    }
    net::awaitable<void> read() {
        for (;;) {
            co_await receiver_.async_receive(net::use_awaitable);
            ++seen_;
        }
    }

    tidings::receiver receiver_ = hub_.receive("orders.*");
    std::uint64_t seen_ = 0;
};

}  // namespace bus_bench
