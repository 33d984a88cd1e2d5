// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/completion_handler.hpp>
#include <tidings/errc.hpp>
#include <tidings/lane/impl/lane.hpp>
#include <tidings/unique_function.hpp>

#include <memory>
#include <new>
#include <utility>

namespace tidings::detail {

/// What a lane has asked the user's code (a store) and has no answer to.
template <class... Values>
class pending_answer {
 public:
    using taker = unique_function<void(error_code, Values...)>;

    pending_answer(std::shared_ptr<lane> l, error_code if_dropped, taker take)
        : lane_(std::move(l)),
          if_dropped_(if_dropped),
          take_(std::move(take)) {}
    pending_answer(pending_answer&&) = default;
    pending_answer& operator=(pending_answer&&) = delete;
    ~pending_answer() {
        if (!take_) return;
        try {
            lane_->post(
                [take = std::move(take_), ec = if_dropped_]() mutable { take(ec, Values()...); });
        } catch (const std::bad_alloc&) {
            return;  // as if the user's code never answered
        }
    }

    void operator()(error_code ec, Values... values) {
        auto take = std::exchange(take_, nullptr);
        take(ec, std::move(values)...);
    }

 private:
    std::shared_ptr<lane> lane_;
    error_code if_dropped_;
    taker take_;
};

/// The handler of an operation of the user's code. `take` is called in the lane, once: with the
/// answer, or with `if_dropped` and empty values where the handler ends without one.
template <class... Values, class F>
completion_handler<error_code, Values...> lane_handler(const std::shared_ptr<lane>& l,
                                                       error_code if_dropped, F take) {
    return l->template completion<completion_handler<error_code, Values...>>(
        pending_answer<Values...>(l, if_dropped, std::move(take)));
}

}  // namespace tidings::detail
