// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>

#include <type_traits>
#include <utility>

namespace tidings::detail {

/// The first step of an asynchronous operation. It carries the executor of the object that the
/// operation belongs to, where tokens such as `cancel_after` keep their time. `start` is called
/// with the executor that the completion is posted to (the handler's own, by default that one), the
/// handler, and the arguments.
template <class Start>
class initiation {
 public:
    using executor_type = net::any_io_executor;

    initiation(executor_type executor, Start start)
        : executor_(std::move(executor)),
          start_(std::move(start)) {}

    executor_type get_executor() const noexcept { return executor_; }

    template <class Handler, class... Args>
    void operator()(Handler&& handler, Args&&... args) {
        net::any_io_executor io = net::get_associated_executor(handler, executor_);
        start_(std::move(io), std::forward<Handler>(handler), std::forward<Args>(args)...);
    }

 private:
    executor_type executor_;
    Start start_;
};

/// Every `async_` function of the library is this call. A token that the caller keeps, an lvalue,
/// is copied.
template <class Signature, class Token, class Start, class... Args>
auto initiate(net::any_io_executor executor, Token&& token, Start start, Args&&... args) {
    return net::async_initiate<Token, Signature>(
        initiation<Start>(std::move(executor), std::move(start)), token,
        std::forward<Args>(args)...);
}

/// The same with an initiation that knows its executor, `first.get_executor()`, without a copy.
template <class Signature, class Token, class Initiation, class... Args>
auto initiate_with(Initiation first, Token&& token, Args&&... args) {
    static_assert(std::is_same_v<decltype(first.get_executor()), net::any_io_executor>);
    return net::async_initiate<Token, Signature>(std::move(first), token,
                                                 std::forward<Args>(args)...);
}

}  // namespace tidings::detail
