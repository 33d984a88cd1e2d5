// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/after_gap.hpp>
#include <tidings/http/client.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidings::detail {

/// Checks what a client is configured with: a URL of `scheme` ("http" or "ws") or its secure form,
/// without a fragment (RFC 6455 3), which would take the topics away with it; and patterns.
/// @throws std::invalid_argument that names `client`, the object and what is wrong with it
TIDINGS_DECL void check_client(std::string_view client, const std::string& url,
                               std::string_view scheme, const std::vector<std::string>& patterns);

/// A URL without user info, query and fragment, which may hold secrets: fit for a log.
TIDINGS_DECL std::string loggable_url(std::string_view url);

/// What a peer says, for a log: control characters become spaces, so that it stays on its line and
/// moves no cursor. `text` is UTF-8, or bytes of which the same holds.
TIDINGS_DECL std::string loggable_text(std::string_view text);

/// Appends a parameter to the query of a URL.
TIDINGS_DECL void append_query(std::string& url, std::string_view name, std::string_view value);
/// Appends what a client wants behind a gap, if it says.
TIDINGS_DECL void append_after_gap(std::string& url, std::optional<after_gap> wanted);

/// The client's own URL with the topics it asks for.
template <class Options>
std::string url_with_topics(const Options& o) {
    std::string url = o.url;
    for (const auto& topic : o.topics) append_query(url, "topic", topic);
    append_after_gap(url, o.after_gap);
    return url;
}

/// The part of a client's options that its HTTP client is made with.
template <class Options>
http::client_options http_options(const Options& o) {
    http::client_options h;
    h.tls = o.tls;
    h.unix_path = o.unix_path;
    h.connect_timeout = o.connect_timeout;
    if constexpr (requires { o.request_timeout; }) h.request_timeout = o.request_timeout;
    h.environment = o.environment;
    return h;
}

}  // namespace tidings::detail
