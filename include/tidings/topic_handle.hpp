// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/completion_handler.hpp>
#include <tidings/event_ptr.hpp>
#include <tidings/receipt.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>

#include <memory>
#include <string>

namespace tidings {

namespace detail {
class bus_state;
struct topic_route;
}  // namespace detail

/// A topic of one bus, for frequent publication: checked when `bus::topic` made it, and never
/// again; which patterns match it is looked up anew only when a pattern has come or gone. Copies
/// share what they know. Safe from any thread.
///
/// It does not keep the bus open: once that is closed, publishing says errc::closed, as it does for
/// a handle that is empty or was moved from.
class topic_handle {
 public:
    topic_handle() = default;

    explicit operator bool() const noexcept { return state_ != nullptr; }
    /// The topic; empty when the handle is.
    TIDINGS_DECL const std::string& name() const noexcept;

    /// As `bus::publish`.
    /// @error in the receipt: what `event::check` reports, errc::hop_limit, errc::history_failed,
    /// errc::closed
    TIDINGS_DECL receipt publish(event e) const;
    /// Publishes the same content again.
    TIDINGS_DECL receipt publish(const event_ptr& e) const;
    /// As `bus::async_publish`. Per-operation cancellation: none. @error as in `receipt::error`.
    template <net::completion_token_for<void(error_code, receipt)> Token = net::deferred_t>
    [[nodiscard]] auto async_publish(event e, Token&& token = Token{}) const {
        return net::async_initiate<Token, void(error_code, receipt)>(
            [to = *this](auto handler, event published) {
                auto io = net::get_associated_executor(handler, to.default_executor());
                to.start_publish(std::move(published), {io, std::move(handler)});
            },
            token, std::move(e));
    }

 private:
    friend class bus;
    using publish_handler = detail::completion_handler<error_code, receipt>;
    topic_handle(std::shared_ptr<detail::bus_state> state,
                 std::shared_ptr<detail::topic_route> route) noexcept
        : state_(std::move(state)),
          route_(std::move(route)) {}
    TIDINGS_DECL net::any_io_executor default_executor() const noexcept;
    TIDINGS_DECL void start_publish(event e, publish_handler handler) const;

    std::shared_ptr<detail::bus_state> state_;
    std::shared_ptr<detail::topic_route> route_;
};

}  // namespace tidings
