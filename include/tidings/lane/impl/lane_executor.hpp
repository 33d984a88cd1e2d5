// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>
#include <tidings/unique_function.hpp>

#include <boost/asio/execution/blocking.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution_context.hpp>

#include <memory>
#include <utility>

namespace tidings::detail {

class lane;

/// A lane as the executor of what is given away: to a user's subscriber, to a history, to a store.
/// It owns the lane and nothing of the context, so that it may be copied, used and destroyed when
/// the context is gone: what is executed then is discarded. It is no outstanding work. Safe from
/// any thread.
class lane_executor {
 public:
    explicit lane_executor(std::shared_ptr<lane> l) noexcept : lane_(std::move(l)) {}

    TIDINGS_DECL net::execution_context& query(net::execution::context_t) const noexcept;
    lane_executor require(net::execution::blocking_t::never_t) const noexcept {
        return {lane_, false};
    }
    lane_executor require(net::execution::blocking_t::possibly_t) const noexcept {
        return {lane_, true};
    }
    template <class F>
    void execute(F&& f) const {
        submit(std::forward<F>(f));
    }
    friend bool operator==(const lane_executor& a, const lane_executor& b) noexcept = default;

 private:
    lane_executor(std::shared_ptr<lane> l, bool may_block) noexcept
        : lane_(std::move(l)),
          may_block_(may_block) {}
    TIDINGS_DECL void submit(unique_function<void()> f) const;

    std::shared_ptr<lane> lane_;
    bool may_block_ = true;  // in the lane it is called inside
};

}  // namespace tidings::detail
