// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/authorizer.hpp>
#include <tidings/http/exchange.hpp>
#include <tidings/position.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tidings::http {

/// Which callers a service of streams serves, and from which origins.
struct stream_policy {
    tidings::authenticator authenticator{};      ///< empty: `loopback_only()`
    tidings::authorizer authorizer{};            ///< empty: every caller may subscribe
    std::vector<std::string> allowed_origins{};  ///< empty: the Origin must be the Host
    std::size_t max_patterns = 128;
};

/// What a request for a stream of events asks for, as every streaming service reads it:
/// `?topic=<pattern>` (repeatable), `&after=<position>`, `&last_event_id=<position>` (or, as
/// polyfills of EventSource send it, `lastEventId` or `Last-Event-ID`), which wins over `after`, or
/// the field `Last-Event-ID`, which wins over both. Another spelling of these is refused.
struct stream_request {
    tidings::principal principal{};
    std::vector<std::string> patterns{};
    std::optional<position> after{};
    std::vector<std::pair<std::string, std::string>> query{};  ///< every parameter, decoded
    /// Asked for every event that is replayed, in the stream's lane. Empty: everything is allowed.
    std::function<bool(std::string_view topic)> authorized{};
};

/// Begins a service's work on a request, in its `admit` where the server calls that, else in
/// `handle`: answers OPTIONS (204, with the CORS fields of a preflight), a foreign Origin (403) and
/// a caller that is not authenticated (401, 403, 421); gives every answer its CORS fields;
/// remembers the caller in the exchange. False when the request is answered. Once it is true it
/// costs nothing again. In the lane of the exchange.
/// @param methods those that the service takes, for Allow: "GET, HEAD, OPTIONS"
TIDINGS_DECL bool admit(exchange& x, const stream_policy& policy, std::string_view methods);

/// Reads and checks it, after `admit`. `out.patterns` may hold patterns that the request named
/// elsewhere, as in its path. The answer is set when it is refused: 400 (no topic, a bad pattern or
/// position, a malformed query, a parameter spelled wrongly), 403 (a pattern that is not granted).
TIDINGS_DECL std::optional<response> read_stream_request(const exchange& x,
                                                         const stream_policy& policy,
                                                         stream_request& out);

/// The same without topics: caller and query alone.
TIDINGS_DECL std::optional<response> read_stream_caller(const exchange& x, stream_request& out);

/// The answer of a service that is draining: 503, to be asked again in a second.
TIDINGS_DECL response going_away();

}  // namespace tidings::http
