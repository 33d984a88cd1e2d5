// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/percent.hpp>
#include <tidings/outlet/impl/stream_request.hpp>
#include <tidings/topic.hpp>

#include <cassert>

namespace tidings::http {

namespace {

std::optional<response> read_position(std::string_view text, stream_request& out) {
    if (text.empty()) {
        out.after.emplace();
        return std::nullopt;
    }
    error_code ec;
    out.after = position::parse(text, ec);
    if (!ec) return std::nullopt;
    return problem(400, "Bad position", "a position is 1 to 128 printable ASCII characters");
}

std::optional<response> check_patterns(const stream_policy& policy, const stream_request& r) {
    if (r.patterns.empty())
        return problem(400, "No topic", "name at least one topic or pattern: ?topic=orders.>");
    if (r.patterns.size() > policy.max_patterns)
        return problem(400, "Too many topics",
                       "at most " + std::to_string(policy.max_patterns) + " patterns");
    for (const auto& pattern : r.patterns) {
        if (check_pattern(pattern)) return problem(400, "Bad topic pattern", pattern);
        if (policy.authorizer && !policy.authorizer(r.principal, action::subscribe, pattern))
            return problem(403, "Not granted", "subscribe " + pattern);
    }
    return std::nullopt;
}

}  // namespace

std::optional<response> read_stream_caller(const exchange& x, stream_request& out) {
    assert(x.caller() != nullptr);
    if (x.caller() != nullptr) out.principal = *x.caller();
    error_code ec;
    out.query = parse_query(x.request().query(), ec);
    if (ec) return problem(400, "Bad query", ec.message());
    return std::nullopt;
}

std::optional<response> read_stream_request(const exchange& x, const stream_policy& policy,
                                            std::vector<std::string> patterns_in_path,
                                            stream_request& out) {
    if (auto refused = read_stream_caller(x, out)) return refused;
    out.patterns = std::move(patterns_in_path);
    for (const auto& [name, value] : out.query) {
        if (name == "topic") out.patterns.push_back(value);
        if (name != "after" && name != "last_event_id") continue;
        if (auto refused = read_position(value, out)) return refused;
    }
    // A browser repeats whatever id it saw last; one of another server is answered with a gap.
    if (const auto id = x.request().fields.find("last-event-id"); id && !id->empty())
        if (read_position(*id, out)) read_position("unknown", out);
    return check_patterns(policy, out);
}

tidings::detail::feed_options feed_for(stream_request&& asked, const stream_policy& policy,
                                       queue_limits limits, tidings::overflow overflow,
                                       std::uint64_t max_lag) {
    tidings::detail::feed_options f;
    f.patterns = std::move(asked.patterns);
    f.after = std::move(asked.after);
    f.limits = limits;
    f.overflow = overflow;
    f.max_lag = max_lag;
    if (policy.authorizer)
        f.authorized = [allowed = policy.authorizer,
                        who = std::move(asked.principal)](std::string_view topic) {
            return allowed(who, action::subscribe, topic);
        };
    return f;
}

response going_away() {
    auto answer = problem(503, "Going away");
    answer.fields.set("Retry-After", "1");
    return answer;
}

}  // namespace tidings::http
