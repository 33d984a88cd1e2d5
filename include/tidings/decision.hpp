// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>
#include <tidings/unique_function.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <memory>
#include <new>
#include <utility>

namespace tidings {

/// Takes the answer of an asynchronous authenticator or authorizer: a completion handler for
/// `void(error_code, T)`, so it may be handed to an asynchronous operation as its token. Move-only.
/// Safe from any thread; never calls back inside.
///
/// The first call is the answer, and what is called later does nothing. An error means that there
/// is no answer; so does the end of a handler that was never called, with errc::undecided. Nothing
/// but an answer lets anybody in.
template <class T>
class decision_handler {
 public:
    using executor_type = net::any_io_executor;
    using cancellation_slot_type = net::cancellation_slot;

    decision_handler() = default;
    /// `cancelled` is emitted on `executor`, and lives as long as the handler.
    decision_handler(executor_type executor, std::shared_ptr<net::cancellation_signal> cancelled,
                     unique_function<void(error_code, T)> take)
        : executor_(std::move(executor)),
          cancelled_(std::move(cancelled)),
          take_(std::move(take)) {}
    decision_handler(decision_handler&& o) noexcept
        : executor_(o.executor_),
          cancelled_(o.cancelled_),
          take_(std::move(o.take_)) {}
    decision_handler& operator=(decision_handler&& o) noexcept {
        decision_handler taken(std::move(o));
        std::swap(executor_, taken.executor_);
        std::swap(cancelled_, taken.cancelled_);
        auto mine = std::move(take_);
        take_ = std::move(taken.take_);
        taken.take_ = std::move(mine);
        return *this;
    }
    ~decision_handler() { (*this)(errc::undecided, T()); }

    void operator()(error_code ec, T value) noexcept {
        auto take = std::move(take_);
        try {
            if (take) take(ec, std::move(value));
        } catch (const std::bad_alloc&) {
            return;  // the deadline refuses
        }
    }

    /// Where it runs by itself: the lane of the connection that asks.
    executor_type get_executor() const noexcept { return executor_; }
    /// Emits `terminal`, on that executor, once the answer would come too late.
    cancellation_slot_type get_cancellation_slot() const noexcept {
        return cancelled_ ? cancelled_->slot() : net::cancellation_slot();
    }

 private:
    executor_type executor_;
    std::shared_ptr<net::cancellation_signal> cancelled_;
    unique_function<void(error_code, T)> take_;
};

}  // namespace tidings
