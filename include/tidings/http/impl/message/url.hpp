// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace tidings::http {

/// An absolute http, https, ws or wss URL in its parts (RFC 3986 3), ready to be connected to and
/// asked for.
struct url {
    std::string scheme = {};     ///< In lower case.
    std::string user_info = {};  ///< As written, without the '@'. Never log it.
    std::string host = {};       ///< In lower case; an IPv6 literal without its brackets.
    std::uint16_t port = 0;      ///< As written, or the scheme's own.
    std::string target = "/";    ///< Path and query as written, escapes included; begins with '/'.
    bool ipv6_literal = false;   ///< `host` was written in brackets.

    /// Whether the scheme asks for TLS.
    bool secure() const noexcept { return scheme == "https" || scheme == "wss"; }

    /// The value for a Host header (RFC 9110 7.2): brackets put back, the scheme's own port left
    /// out, no user info.
    TIDINGS_DECL std::string authority() const;

    /// The URL as text without user info, fit for a log.
    std::string text() const { return scheme + "://" + authority() + target; }

    /// Appends `name=value`, as it is, to the query.
    void add_to_query(std::string_view more) {
        (target += target.find('?') == std::string::npos ? '?' : '&') += more;
    }

    /// Strict where readings differ. Refused are: any byte that is not printable ASCII, and the
    /// backslash (browsers read it as '/'); a host that is neither an IPv6 literal without zone nor
    /// dot-separated labels of letters, digits, '-' and '_', 253 bytes at most; a second '@'; an
    /// empty port, or one that is not 1 to 65535. A fragment is dropped; escapes in the target are
    /// kept unread.
    /// @error errc::bad_url, and the result is empty.
    TIDINGS_DECL static url parse(std::string_view text, error_code& ec);
    /// A port as a URL holds it; false for anything else, and `port` is undefined then.
    TIDINGS_DECL static bool read_port(std::string_view text, std::uint16_t& port) noexcept;
};

}  // namespace tidings::http
