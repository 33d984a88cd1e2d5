// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/clock.hpp>

#include <boost/asio/post.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace tidings::test {

/// A clock that stands still until `advance` is called, so that a test of a timeout takes no
/// time. Safe from any thread; must outlive its timers. A pending wait does not keep the context's
/// `run()` from returning: run the context until it is idle, advance, run it again.
class manual_clock final : public io::clock {
    using key = std::pair<io::steady_time, std::uint64_t>;  // deadline, then order of start_wait
    struct wait {
        net::any_io_executor executor;
        tidings::unique_function<void()> done;
        bool posted = false;
    };

    // Shared with the timers, and with what they posted.
    class state : public std::enable_shared_from_this<state> {
     public:
        explicit state(io::system_time wall) : wall_(wall) {}
        io::steady_time now() {
            const std::lock_guard lock(mutex_);
            return now_;
        }
        io::system_time wall_now() {
            const std::lock_guard lock(mutex_);
            return wall_;
        }
        void set_wall(io::system_time wall) {
            const std::lock_guard lock(mutex_);
            wall_ = wall;
        }
        void advance(io::steady_time::duration by) {
            const std::lock_guard lock(mutex_);
            now_ += by;
            wall_ += std::chrono::duration_cast<io::system_time::duration>(by);
            post_due();
        }
        key start(const net::any_io_executor& executor, io::steady_time until,
                  tidings::unique_function<void()> done) {
            const std::lock_guard lock(mutex_);
            const key k{until, ++last_};
            waits_.emplace(k, wait{executor, std::move(done)});
            post_due();
            return k;
        }
        std::optional<wait> take(const key& k) {
            const std::lock_guard lock(mutex_);
            const auto node = waits_.extract(k);
            if (node.empty()) return std::nullopt;
            return std::move(node.mapped());
        }
        void clear() {
            std::map<key, wait> dropped;  // callbacks end outside the lock
            const std::lock_guard lock(mutex_);
            dropped.swap(waits_);
        }
        std::optional<io::steady_time> next_deadline() {
            const std::lock_guard lock(mutex_);
            for (const auto& [k, w] : waits_)
                if (!w.posted) return k.first;
            return std::nullopt;
        }

     private:
        void post_due() {
            for (auto& [k, w] : waits_) {
                if (k.first > now_) return;
                if (std::exchange(w.posted, true)) continue;
                // The callback stays here until it runs: it can still be cancelled.
                net::post(w.executor, [self = shared_from_this(), k = k] {
                    if (auto due = self->take(k)) due->done();
                });
            }
        }

        std::mutex mutex_;
        io::steady_time now_{std::chrono::hours(1000)};
        io::system_time wall_;
        std::uint64_t last_ = 0;
        std::map<key, wait> waits_;
    };

    class timer final : public io::timer {
     public:
        timer(std::shared_ptr<state> s, net::any_io_executor executor)
            : state_(std::move(s)),
              executor_(std::move(executor)) {}
        ~timer() override { cancel(); }
        void start_wait(io::steady_time until, tidings::unique_function<void()> done) override {
            cancel();
            waiting_ = state_->start(executor_, until, std::move(done));
        }
        void cancel() noexcept override {
            if (const auto k = std::exchange(waiting_, std::nullopt)) state_->take(*k);
        }

     private:
        std::shared_ptr<state> state_;
        net::any_io_executor executor_;
        std::optional<key> waiting_;
    };

 public:
    /// The wall clock begins at 2026-01-01T00:00:00Z.
    manual_clock()
        : manual_clock(std::chrono::sys_days(std::chrono::year(2026) / std::chrono::January / 1)) {}
    explicit manual_clock(io::system_time wall) : state_(std::make_shared<state>(wall)) {}
    manual_clock(const manual_clock&) = delete;
    manual_clock& operator=(const manual_clock&) = delete;
    ~manual_clock() override { state_->clear(); }

    io::steady_time now() const noexcept override { return state_->now(); }
    io::system_time wall_now() const noexcept override { return state_->wall_now(); }
    std::unique_ptr<io::timer> make_timer(net::any_io_executor executor) override {
        return std::make_unique<timer>(state_, std::move(executor));
    }

    /// Moves both clocks on and posts what became due, in the order of the deadlines.
    void advance(io::steady_time::duration by) { state_->advance(by); }
    /// Advances to the next deadline; false when nothing waits for one.
    bool advance_to_next() {
        const auto next = next_deadline();
        if (next) advance(*next - now());
        return next.has_value();
    }
    std::optional<io::steady_time> next_deadline() const { return state_->next_deadline(); }
    /// Sets the wall clock, forwards or backwards; deadlines do not move.
    void set_wall(io::system_time wall) { state_->set_wall(wall); }

 private:
    std::shared_ptr<state> state_;
};

}  // namespace tidings::test
