// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/authorizer.hpp>
#include <tidings/bus/impl/feed.hpp>
#include <tidings/http/exchange.hpp>
#include <tidings/position.hpp>

#include <optional>
#include <string>
#include <vector>

namespace tidings::http {

/// What a request for a stream of events asks for, as every streaming service reads it:
/// `?topic=<pattern>` (repeatable), `&after=<position>`, `&last_event_id=<position>` (or, as
/// polyfills of EventSource send it, `lastEventId` or `Last-Event-ID`), which wins over `after`, or
/// the field `Last-Event-ID`, which wins over both. Another spelling of these is refused.
struct stream_request {
    tidings::principal principal{};
    std::vector<std::string> patterns{};
    std::optional<position> after{};
    std::vector<std::pair<std::string, std::string>> query{};  ///< every parameter, decoded
};

struct stream_policy {
    tidings::authenticator authenticator{};      ///< empty: `loopback_only()`
    tidings::authorizer authorizer{};            ///< empty: every caller may subscribe
    std::vector<std::string> allowed_origins{};  ///< empty: the Origin must be the Host
    std::size_t max_patterns = 128;
};

/// Reads and checks it, after `admit`. The answer is set when it is refused: 400 (no topic, a bad
/// pattern or position, a malformed query, a parameter spelled wrongly), 403 (a pattern that is not
/// granted). `patterns_in_path`: patterns given elsewhere, which the query may add to.
TIDINGS_DECL std::optional<response> read_stream_request(const exchange& x,
                                                         const stream_policy& policy,
                                                         std::vector<std::string> patterns_in_path,
                                                         stream_request& out);

/// The same without topics: caller and query alone.
TIDINGS_DECL std::optional<response> read_stream_caller(const exchange& x, stream_request& out);

/// The feed that answers the request: authorised again for every event it replays.
TIDINGS_DECL tidings::detail::feed_options feed_for(stream_request&& asked,
                                                    const stream_policy& policy,
                                                    queue_limits limits, tidings::overflow overflow,
                                                    std::uint64_t max_lag);

/// The answer of a service that is draining.
TIDINGS_DECL response going_away();

}  // namespace tidings::http
