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

/// When a program ends, what brings events in refuses at once; then buses drain, then what holds
/// open streams, then what delivers from a store, and last what answers probes about the others.
/// Those of one role drain together.
enum class drain_role { bus, streams, sender, probes };

/// What can be asked to finish what is under way and take nothing new. Every handle with a
/// `drain_state()` has one behind it. Every function may be called from any thread.
class drainable {
 public:
    virtual ~drainable() = default;
    virtual drain_role role() const noexcept = 0;
    /// Nothing new is taken from outside the process from here on; what was taken goes on.
    virtual void start_refusing() noexcept {}
    /// Starts once; `done` is called on any thread when nothing is under way any more, at the
    /// latest after the object's own drain timeout: then with errc::timed_out, and what was still
    /// owed is in the object's log.
    virtual void start_drain(unique_function<void(error_code)> done) = 0;
};

template <class T>
concept has_drain_state = requires(const T& t) {
    { t.drain_state() } -> std::convertible_to<std::weak_ptr<drainable>>;
};

namespace detail {
TIDINGS_DECL void drain_on_signal(net::any_io_executor executor,
                                  std::vector<std::weak_ptr<drainable>> all,
                                  unique_function<void()> stop);
}  // namespace detail

/// On SIGINT or SIGTERM: drains all of them by role, whatever the order of the arguments, so that
/// nothing that was accepted is lost: inlets refuse; callbacks and receivers finish, what they
/// publish is accepted; streams flush and close; senders deliver. Then `run()` returns, if nothing
/// else is left to do. A second signal stops the context. The handles may be destroyed earlier;
/// until the first signal, `run()` does not return.
template <class Context, has_drain_state... Drainable>
requires std::convertible_to<Context&, net::execution_context&>
void drain_on_signal(Context& context, const Drainable&... d) {
    detail::drain_on_signal(context.get_executor(), {d.drain_state()...},
                            [&context] { context.stop(); });
}

}  // namespace tidings
