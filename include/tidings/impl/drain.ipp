// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/drain.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/strand.hpp>

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
            self->drain_next();
        });
    }

 private:
    void await_second() {
        signals_.async_wait([self = shared_from_this()](error_code ec, int) {
            if (!ec) self->stop_();
        });
    }

    void drain_next() {
        while (next_ < all_.size()) {
            const auto d = all_[next_++].lock();
            if (!d) continue;
            return d->start_drain([self = shared_from_this()] {
                net::post(self->executor_, [self] { self->drain_next(); });
            });
        }
        // From here on a signal does what it did before us.
        error_code ignored;
        signals_.clear(ignored);
        signals_.cancel(ignored);
    }

    net::any_io_executor executor_;
    net::signal_set signals_;
    std::vector<std::weak_ptr<drainable>> all_;
    unique_function<void()> stop_;
    std::size_t next_ = 0;
};

void drain_on_signal(net::any_io_executor executor, std::vector<std::weak_ptr<drainable>> all,
                     unique_function<void()> stop) {
    std::make_shared<signal_drain>(executor, std::move(all), std::move(stop))->start();
}

}  // namespace tidings::detail
