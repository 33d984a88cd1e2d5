// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/drain.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/strand.hpp>

#include <array>
#include <csignal>

namespace tidings::detail {

/// Lives by the wait for a signal and by the drain under way.
class signal_drain : public std::enable_shared_from_this<signal_drain> {
 public:
    signal_drain(const net::any_io_executor& executor, std::vector<std::weak_ptr<drainable>> all,
                 unique_function<void()> stop)
        : executor_(net::make_strand(executor)),
          signals_(executor_, SIGINT, SIGTERM),
          all_(std::move(all)),
          stop_(std::move(stop)) {}

    void start() {
        signals_.async_wait([self = shared_from_this()](error_code ec, int) {
            if (ec) return;
            self->await_second();
            self->begin();
        });
    }

 private:
    void await_second() {
        signals_.async_wait([self = shared_from_this()](error_code ec, int) {
            if (!ec) self->stop_();
        });
    }

    void begin() {
        for (const auto& weak : all_)
            if (const auto d = weak.lock()) d->start_refusing();
        drain_next();
    }

    // All of one role, then those of the next.
    void drain_next() {
        constexpr std::array order{drain_role::bus, drain_role::streams, drain_role::sender,
                                   drain_role::probes};
        while (next_ < order.size()) {
            const auto role = order[next_++];
            pending_ = 1;
            for (const auto& weak : all_) {
                const auto d = weak.lock();
                if (!d || d->role() != role) continue;
                ++pending_;
                d->start_drain([self = shared_from_this()](error_code) {
                    net::post(self->executor_, [self] { self->one_ended(); });
                });
            }
            if (--pending_ != 0) return;
        }
        // From here on a signal does what it did before us.
        error_code ignored;
        signals_.clear(ignored);
        signals_.cancel(ignored);
    }

    void one_ended() {
        if (--pending_ == 0) drain_next();
    }

    net::any_io_executor executor_;
    net::signal_set signals_;
    std::vector<std::weak_ptr<drainable>> all_;
    unique_function<void()> stop_;
    std::size_t next_ = 0;
    std::size_t pending_ = 0;
};

void drain_on_signal(net::any_io_executor executor, std::vector<std::weak_ptr<drainable>> all,
                     unique_function<void()> stop) {
    std::make_shared<signal_drain>(executor, std::move(all), std::move(stop))->start();
}

}  // namespace tidings::detail
