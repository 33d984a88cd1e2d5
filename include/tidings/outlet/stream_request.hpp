// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/after_gap.hpp>
#include <tidings/authorizer.hpp>
#include <tidings/event_filter.hpp>
#include <tidings/http/exchange.hpp>
#include <tidings/position.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tidings::http {

namespace detail {
class access_state;
struct stream_license;
}  // namespace detail

/// What a request for a stream of events asks for, as every streaming service reads it:
/// `?topic=<pattern>` (repeatable), `&after=<position>`, `&last_event_id=<position>` (or, as
/// polyfills of EventSource send it, `lastEventId` or `Last-Event-ID`), which wins over `after`, or
/// the field `Last-Event-ID`, which wins over both; `&after_gap=held` (or `present`);
/// `&filter=<JSON>`, an `event_filter`, once; `&retained=true`, as `subscribe_options::retained`.
/// Another spelling of these is refused.
struct stream_request {
    tidings::principal principal{};
    std::vector<std::string> patterns{};  ///< each once
    std::optional<position> after{};
    std::vector<std::pair<std::string, std::string>> query{};  ///< every parameter, decoded
    /// When the first of what allows it ends: the credential, the permissions. Empty: never.
    std::optional<std::chrono::system_clock::time_point> expires{};
    /// By what it can be asked again whether it is allowed; null: nothing ever forbids it.
    std::shared_ptr<const detail::stream_license> license{};
    /// What follows a gap; none: as the service does by itself.
    std::optional<tidings::after_gap> after_gap{};
    event_filter filter{};  ///< which of the events that the patterns match
    bool retained = false;  ///< begins with what the bus retains, where it does not resume
};

/// Reads it from a request whose caller is known, without asking whether it is allowed: see
/// `access::open`. `out.patterns` may hold some already. The answer is set where it is malformed.
TIDINGS_DECL std::optional<response> read_stream_request(const exchange& x,
                                                         std::size_t max_patterns,
                                                         stream_request& out);
/// The same without topics: caller and query alone.
TIDINGS_DECL std::optional<response> read_stream_caller(const exchange& x, stream_request& out);

}  // namespace tidings::http
