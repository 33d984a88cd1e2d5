// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/completion_handler.hpp>
#include <tidings/detail/initiation.hpp>
#include <tidings/event_ptr.hpp>
#include <tidings/receipt.hpp>

#include <boost/asio/deferred.hpp>

#include <memory>
#include <string>

namespace tidings {

namespace detail {
class bus_state;
struct topic_route;
}  // namespace detail

/// A topic of one bus that is published to often: checked when `bus::topic` made it, and never
/// again; which patterns match it is looked up anew only when a pattern has come or gone. Copies
/// share what they know. Safe from any thread.
///
/// It does not keep the bus open: once that is closed, publishing says errc::closed, as it does for
/// a handle that is empty or was moved from.
class topic_handle {
 public:
    topic_handle() = default;

    using executor_type = net::any_io_executor;
    /// The bus's. Of an empty handle the system's.
    TIDINGS_DECL executor_type get_executor() const noexcept;

    explicit operator bool() const noexcept { return state_ != nullptr; }
    /// The topic; empty when the handle is.
    TIDINGS_DECL const std::string& name() const noexcept;

    /// As `bus::publish`.
    /// @error in the receipt: as there but for the topic's
    TIDINGS_DECL receipt publish(event e) const;
    /// Publishes the same content again. What was prepared here is published as it is, without an
    /// allocation, where no history covers the topic and the bus has no metrics. The caller keeps
    /// `e` until this returns: callbacks must not assign to it.
    TIDINGS_DECL receipt publish(const event_ptr& e) const;

    /// An event that is published often, checked and stamped with its time now.
    /// @error what `event::check` reports, errc::event_reserved_type, errc::closed,
    /// errc::out_of_memory; the result is null then.
    TIDINGS_DECL event_ptr prepare(event e, error_code& ec) const;
    /// @throws std::invalid_argument where the other one reports an error.
    TIDINGS_DECL event_ptr prepare(event e) const;

    /// As `bus::async_publish`, per-operation cancellation and errors too.
    template <net::completion_token_for<void(error_code, receipt)> Token = net::deferred_t>
    [[nodiscard]] auto async_publish(event e, Token&& token = Token{}) const {
        return detail::initiate<void(error_code, receipt)>(
            get_executor(), std::forward<Token>(token),
            [to = *this](net::any_io_executor io, auto handler, event published) {
                to.start_publish(std::move(published), {io, std::move(handler)});
            },
            std::move(e));
    }

 private:
    friend class bus;
    using publish_handler = tidings::completion_handler<error_code, receipt>;
    topic_handle(std::shared_ptr<detail::bus_state> state,
                 std::shared_ptr<detail::topic_route> route) noexcept
        : state_(std::move(state)),
          route_(std::move(route)) {}
    TIDINGS_DECL void start_publish(event e, publish_handler handler) const;

    std::shared_ptr<detail::bus_state> state_;
    std::shared_ptr<detail::topic_route> route_;
};

}  // namespace tidings
