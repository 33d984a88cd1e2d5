// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/authorizer.hpp>
#include <tidings/http/message.hpp>
#include <tidings/subscriber.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace tidings::sse {

/// One open event stream of a service, as a subscriber and as raw fields. Shared; every member is
/// safe from any thread and does nothing once the stream has ended.
class session : public subscriber {
 public:
    /// Sends one event as it is given (WHATWG HTML 9.2.5).
    /// @error errc::sse_bad_field for CR, LF or NUL in `event` or `id`, errc::overflow,
    /// errc::closed
    virtual error_code send(std::string_view data, std::string_view event = {},
                            std::optional<std::string_view> id = std::nullopt) = 0;
    /// A comment; the client ignores it.
    virtual error_code comment(std::string_view text) = 0;
    /// Tells the client how long to wait before it reconnects.
    virtual error_code retry(std::chrono::milliseconds after) = 0;
    /// Ends the stream in an orderly way; the client will reconnect.
    virtual void close() = 0;
    virtual bool is_open() const noexcept = 0;

    virtual const tidings::principal& principal() const noexcept = 0;
    /// The request for the stream, kept where the service has hooks.
    virtual const http::request& request() const noexcept = 0;
    virtual std::string remote_address() const = 0;
    /// What the client sent as `Last-Event-ID`, as it stands.
    virtual const std::string& last_event_id() const noexcept = 0;
    virtual std::size_t pending_bytes() const noexcept = 0;
};

using session_ptr = std::shared_ptr<session>;

/// What a user may hook in; called in the stream's lane, must not block.
struct hooks {
    std::function<void(const session_ptr&)> on_open{};
    /// Once, last; success when we ended it.
    std::function<void(const session_ptr&, error_code)> on_close{};

    bool any() const noexcept { return on_open || on_close; }
};

}  // namespace tidings::sse
