// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>
#include <tidings/unique_function.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution_context.hpp>

#include <concepts>
#include <memory>
#include <vector>

namespace tidings {

namespace detail {

/// What can be asked to finish what is under way and take nothing new. Every handle with a
/// `drain_state()` has one behind it.
class drainable {
 public:
    virtual ~drainable() = default;
    /// Starts once; `done` is called on any thread when nothing is under way any more, at the
    /// latest after the object's own drain timeout.
    virtual void start_drain(unique_function<void()> done) = 0;
};

TIDINGS_DECL void drain_on_signal(net::any_io_executor executor,
                                  std::vector<std::weak_ptr<drainable>> all,
                                  unique_function<void()> stop);
}  // namespace detail

/// On SIGINT or SIGTERM: drains all of them in the order given, each after the one before, so that
/// `run()` returns when the last work is done. A second signal stops the context. The handles may
/// be destroyed earlier; until the first signal, `run()` does not return.
template <class Context, class... Drainable>
requires std::convertible_to<Context&, net::execution_context&>
void drain_on_signal(Context& context, const Drainable&... d) {
    detail::drain_on_signal(context.get_executor(), {d.drain_state()...},
                            [&context] { context.stop(); });
}

}  // namespace tidings
