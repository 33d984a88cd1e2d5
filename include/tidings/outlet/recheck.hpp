// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/authorizer.hpp>
#include <tidings/completion_handler.hpp>
#include <tidings/detail/initiation.hpp>
#include <tidings/unique_function.hpp>

#include <functional>
#include <memory>
#include <utility>

namespace tidings::detail {

using recheck_handler = completion_handler<error_code>;
/// The principals that a recheck is about.
using recheck_filter = std::function<bool(const principal&)>;

/// The initiation of every `async_recheck`: calls `start(filter, handler)`.
template <class Token, class Start>
auto initiate_recheck(net::any_io_executor executor, recheck_filter which, Token&& token,
                      Start start) {
    return initiate<void(error_code)>(std::move(executor), std::forward<Token>(token),
                                      [which = std::move(which), start = std::move(start)](
                                          net::any_io_executor io, auto handler) {
                                          start(which,
                                                recheck_handler(std::move(io), std::move(handler)));
                                      });
}

/// Completes a recheck once every session that takes part in it has ended its part: with
/// errc::closed where the context of one ended before, errc::callback_threw where the filter threw.
/// It does nothing once the context of the handler has ended. Safe from any thread.
class recheck_join;
TIDINGS_DECL std::shared_ptr<recheck_join> make_recheck_join(recheck_handler handler);
/// Ends a part when it is called. One that is destroyed before has ended with its context.
TIDINGS_DECL unique_function<void()> take_part(std::shared_ptr<recheck_join> join);
/// Whether the filter names the principal.
TIDINGS_DECL bool takes_part(recheck_join& join, const recheck_filter& which, const principal& who);

}  // namespace tidings::detail
