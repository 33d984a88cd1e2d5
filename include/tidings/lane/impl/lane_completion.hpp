// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/completion_handler.hpp>
#include <tidings/lane/impl/lane.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>

#include <memory>
#include <new>
#include <tuple>
#include <utility>

namespace tidings::detail {

/// An operation that completes although there is no memory to post that: a turn of the lane tries
/// again. Made where the operation begins. Safe from any thread.
template <class... Values>
class lane_completion final : public std::enable_shared_from_this<lane_completion<Values...>>,
                              lane_task {
 public:
    using handler = completion_handler<Values...>;

    lane_completion(handler h, std::shared_ptr<lane> home)
        : handler_(std::move(h)),
          home_(std::move(home)) {}

    /// Once. What is posted owns this from then on, so that the handler ends with its context.
    void complete(Values... values) noexcept {
        values_ = {std::move(values)...};
        post();
    }

 private:
    void post() noexcept {
        auto self = this->shared_from_this();
        try {
            net::post(handler_.executor(), net::bind_executor(handler_.own_executor(), [self] {
                          std::apply(
                              [&](auto&... v) {
                                  std::move(self->handler_).complete_here(std::move(v)...);
                              },
                              self->values_);
                      }));
        } catch (const std::bad_alloc&) {
            waiting_ = std::move(self);
            home_->post(*this);
        }
    }
    void run() noexcept override {
        const auto self = std::move(waiting_);
        post();
    }
    void drop() noexcept override { const auto last = std::move(waiting_); }

    handler handler_;
    const std::shared_ptr<lane> home_;
    std::tuple<Values...> values_{};
    std::shared_ptr<lane_completion> waiting_;  // itself, while the lane is to try again
};

}  // namespace tidings::detail
