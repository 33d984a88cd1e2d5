// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/clock.hpp>

#include <boost/asio/steady_timer.hpp>

#include <atomic>

namespace tidings::io {

namespace {

class steady_timer final : public timer {
 public:
    explicit steady_timer(net::any_io_executor executor)
        : state_(std::make_shared<state>(std::move(executor))) {}
    ~steady_timer() override { cancel(); }

    void start_wait(steady_time until, tidings::unique_function<void()> done) override {
        const auto wait = ++state_->wait;
        state_->timer.expires_at(until);
        state_->timer.async_wait(
            [s = state_, wait, done = std::move(done)](const error_code&) mutable {
                if (wait == s->wait) done();
            });
    }
    void cancel() noexcept override {
        ++state_->wait;
        try {
            state_->timer.cancel();
        } catch (const boost::system::system_error&) {
            return;  // the wait is stale; it will end at its time
        }
    }

 private:
    // Asio may have queued an expiry that has been replaced or cancelled meanwhile: it is known by
    // its number.
    struct state {
        explicit state(net::any_io_executor executor) : timer(std::move(executor)) {}
        net::steady_timer timer;
        // Read by an expiry that runs late, when another thread may be the last to release the
        // timer, which no longer waits.
        std::atomic<std::uint64_t> wait{0};
    };
    std::shared_ptr<state> state_;
};

class machine_clock final : public clock {
 public:
    steady_time now() const noexcept override { return std::chrono::steady_clock::now(); }
    system_time wall_now() const noexcept override { return std::chrono::system_clock::now(); }
    std::unique_ptr<timer> make_timer(net::any_io_executor executor) override {
        return std::make_unique<steady_timer>(std::move(executor));
    }
};

}  // namespace

clock& system_clock() noexcept {
    static machine_clock instance;
    return instance;
}

}  // namespace tidings::io
