// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/percent.hpp>
#include <tidings/impl/filter_bounds.hpp>
#include <tidings/outlet/access.hpp>
#include <tidings/outlet/stream_request.hpp>
#include <tidings/text/impl/ascii.hpp>
#include <tidings/topic.hpp>

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

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

std::optional<response> read_after_gap(std::string_view text, stream_request& out) {
    if (text != "held" && text != "present")
        return problem(400, "Bad after_gap", "after_gap is held or present");
    out.after_gap = text == "held" ? after_gap::held : after_gap::present;
    return std::nullopt;
}

std::optional<response> read_event_filter(std::string_view text, stream_request& out) {
    error_code ec;
    const bool repeated = !out.filter.empty();
    out.filter = event_filter::parse(text, ec);
    if (ec) return problem(400, "Bad filter", tidings::detail::describe_filter_error(ec, text));
    if (repeated) return problem(400, "Bad filter", "there is more than one; `all` joins them");
    return std::nullopt;
}

std::optional<response> read_retained(std::string_view text, stream_request& out) {
    if (text != "true" && text != "false")
        return problem(400, "Bad retained", "retained is true or false");
    out.retained = text == "true";
    return std::nullopt;
}

// As a browser, or a polyfill for one, repeats whatever id it saw last: an empty one is none, and
// one that another server gave is answered with a gap.
void read_repeated_id(std::string_view id, stream_request& out) {
    if (!id.empty() && read_position(id, out)) read_position("unknown", out);
}

// In lower case, without hyphens and underscores.
std::string plain_name(std::string_view name) {
    std::string plain;
    for (const char c : name)
        if (c != '-' && c != '_') plain += tidings::detail::ascii_lower(c);
    return plain;
}

// Whether one of the two lacks a character of the other, or has two that are exchanged, or, of
// names that are not short, has another one.
bool is_nearly(std::string_view a, std::string_view b) noexcept {
    if (a.size() > b.size()) std::swap(a, b);
    const auto [x, y] = std::mismatch(a.begin(), a.end(), b.begin());
    const auto i = static_cast<std::size_t>(x - a.begin());
    if (a.size() + 1 == b.size()) return a.substr(i) == b.substr(i + 1);
    if (a.size() != b.size() || i == a.size()) return false;
    const bool other = a.substr(i + 1) == b.substr(i + 1);
    return (other && a.size() >= 5) || (i + 1 < a.size() && a[i] == b[i + 1] && a[i + 1] == b[i] &&
                                        a.substr(i + 2) == b.substr(i + 2));
}

// What a request says once.
std::optional<response> check_repeated(const stream_request& r) {
    for (const std::string_view once :
         {"after", "after_gap", "retained", "before", "items", "wait", "max"})
        if (std::count_if(r.query.begin(), r.query.end(),
                          [&](const auto& p) { return p.first == once; }) > 1)
            return problem(400, "Bad query", std::string(once) + " stands there twice");
    return std::nullopt;
}

// A parameter that means one of ours and is spelled otherwise would be ignored in silence. What is
// none of them may be the authenticator's.
std::optional<response> check_spelling(const stream_request& r) {
    constexpr std::array<std::string_view, 12> ours{
        "topic", "after", "last_event_id", "lastEventId", "Last-Event-ID", "after_gap",
        "wait",  "max",   "filter",        "retained",    "before",        "items"};
    constexpr std::array<std::string_view, 13> alike{
        "topic",   "topics",   "after",    "wait",   "max",  "filter", "lasteventid",
        "filters", "retained", "aftergap", "before", "item", "items"};
    const auto has = [](const auto& names, std::string_view name) {
        return std::find(names.begin(), names.end(), name) != names.end();
    };
    const auto is_alike = [&](const std::string& name) {
        return std::any_of(alike.begin(), alike.end(),
                           [&](auto other) { return name == other || is_nearly(name, other); });
    };
    for (const auto& [name, value] : r.query)
        if (!has(ours, name) && is_alike(plain_name(name)))
            return problem(
                400, "Unknown parameter",
                name +
                    "; the parameters are topic, after, last_event_id (or "
                    "lastEventId), after_gap, filter, retained, and where topics are read "
                    "before, items, wait and max");
    return std::nullopt;
}

std::optional<response> check_patterns(std::size_t most, const stream_request& r) {
    if (r.patterns.empty())
        return problem(400, "No topic", "name at least one topic or pattern: ?topic=orders.>");
    if (r.patterns.size() > most)
        return problem(400, "Too many topics", "at most " + std::to_string(most) + " patterns");
    for (const auto& pattern : r.patterns)
        if (check_pattern(pattern)) return problem(400, "Bad topic pattern", pattern);
    return std::nullopt;
}

// There are few of them by now.
void drop_repeated(std::vector<std::string>& patterns) {
    std::vector<std::string> once;
    for (auto& p : patterns)
        if (std::find(once.begin(), once.end(), p) == once.end()) once.push_back(std::move(p));
    patterns = std::move(once);
}

}  // namespace

std::optional<response> read_stream_caller(const exchange& x, stream_request& out) {
    assert(x.caller() != nullptr);
    if (x.caller() != nullptr) out.principal = *x.caller();
    error_code ec;
    out.query = parse_query(x.request().query(), ec);
    if (ec) return problem(400, "Bad query", bad_escape(x.request().query()));
    return std::nullopt;
}

std::optional<response> read_stream_request(const exchange& x, std::size_t max_patterns,
                                            stream_request& out) {
    if (auto refused = read_stream_caller(x, out)) return refused;
    if (auto refused = check_spelling(out)) return refused;
    if (auto refused = check_repeated(out)) return refused;
    for (const auto& [name, value] : out.query) {
        std::optional<response> refused;
        if (name == "topic") out.patterns.push_back(value);
        if (name == "after") refused = read_position(value, out);
        if (name == "after_gap") refused = read_after_gap(value, out);
        if (name == "filter") refused = read_event_filter(value, out);
        if (name == "retained") refused = read_retained(value, out);
        if (refused) return refused;
    }
    // `after` says where a stream began; an id, where it has got to since.
    for (const auto& [name, value] : out.query) {
        if (name == "lastEventId" || name == "Last-Event-ID") read_repeated_id(value, out);
        if (name != "last_event_id") continue;
        if (auto refused = read_position(value, out)) return refused;
    }
    read_repeated_id(x.request().fields.get("last-event-id"), out);
    if (auto refused = check_patterns(max_patterns, out)) return refused;
    drop_repeated(out.patterns);
    return std::nullopt;
}

response going_away() {
    auto answer = problem(503, "Going away");
    answer.fields.set("Retry-After", "1");
    return answer;
}

}  // namespace tidings::http
