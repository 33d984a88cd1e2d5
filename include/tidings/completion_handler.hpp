// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/append.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/post.hpp>

#include <type_traits>
#include <utility>

namespace tidings {

/// The one owner of an erased completion handler, with the executor that it is posted through.
/// Move-only. In Boost 1.81 the move assignment of `any_completion_handler` recurses without end,
/// so nothing else in the library names that type.
///
/// A handler that waits is no outstanding work of any context: what can only be completed from
/// outside (an event that may be published) must not keep `run()` from returning. Timers,
/// sockets and posts that an operation is made of are work, as everywhere in Asio.
template <class... Args>
class completion_handler {
 public:
    completion_handler() = default;
    template <class Handler>
    requires(!std::same_as<std::remove_cvref_t<Handler>, completion_handler>)
        completion_handler(net::any_io_executor io, Handler&& handler)
        : io_(std::move(io)),
          handler_(std::forward<Handler>(handler)) {}

    completion_handler(completion_handler&&) = default;
    completion_handler& operator=(completion_handler&& o) noexcept {
        completion_handler taken(std::move(o));
        std::swap(io_, taken.io_);
        handler_.swap(taken.handler_);
        return *this;
    }
    completion_handler(const completion_handler&) = delete;
    completion_handler& operator=(const completion_handler&) = delete;

    explicit operator bool() const noexcept { return static_cast<bool>(handler_); }

    /// Where the completion runs.
    const net::any_io_executor& executor() const noexcept { return io_; }
    /// The same, unless the handler has an executor of its own. Of one that is not empty.
    auto own_executor() const noexcept { return net::get_associated_executor(handler_, io_); }

    /// Posts the completion: it runs on the handler's own executor, never inside this call.
    template <class... Values>
    void operator()(Values&&... values) && {
        auto io = std::move(io_);
        net::post(io, net::append(std::exchange(handler_, nullptr),
                                  static_cast<Args>(std::forward<Values>(values))...));
    }
    /// Completes within this call. Only on the handler's own executor, and never inside the
    /// function that began the operation.
    template <class... Values>
    void complete_here(Values&&... values) && {
        std::exchange(handler_, nullptr)(static_cast<Args>(std::forward<Values>(values))...);
    }

    /// Where cancellation of this operation arrives; may be unconnected.
    auto cancellation_slot() const noexcept {
        return net::get_associated_cancellation_slot(handler_);
    }

 private:
    net::any_io_executor io_;
    net::any_completion_handler<void(Args...)> handler_;
};

}  // namespace tidings
