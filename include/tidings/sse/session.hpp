// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/outlet/live_session.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace tidings::sse {

/// One open event stream of a service, as a subscriber and as raw fields. Shared; every member is
/// safe from any thread and does nothing once the stream has ended. `close` ends it in an orderly
/// way; the client will reconnect.
class session : public live_session {
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
    /// What the client sent as `Last-Event-ID`, as it stands.
    virtual const std::string& last_event_id() const noexcept = 0;

 protected:
    using live_session::live_session;
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
