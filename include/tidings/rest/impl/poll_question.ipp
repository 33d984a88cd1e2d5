// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/percent.hpp>
#include <tidings/rest/impl/poll_question.hpp>

#include <algorithm>
#include <charconv>
#include <iterator>

namespace tidings::rest::detail {

using namespace tidings::detail;

namespace {

// How a query spells the position that a question starts from.
constexpr std::string_view position_names[] = {"after", "before", "last_event_id", "lastEventId",
                                               "Last-Event-ID"};

// "30s", "500ms", "2m" or plain seconds.
std::optional<std::chrono::milliseconds> parse_wait(std::string_view text) {
    std::int64_t number = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (ec != std::errc() || number < 0 || number > 1'000'000) return std::nullopt;
    const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
    if (unit == "ms") return std::chrono::milliseconds(number);
    if (unit.empty() || unit == "s") return std::chrono::seconds(number);
    if (unit == "m") return std::chrono::minutes(number);
    return std::nullopt;
}

std::optional<std::size_t> parse_max(std::string_view text) {
    std::size_t max = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), max);
    if (ec != std::errc() || end != text.data() + text.size() || max == 0) return std::nullopt;
    return max;
}

std::optional<poll_items> parse_items(std::string_view text) {
    if (text == "cloudevents") return poll_items::cloudevents;
    if (text == "data") return poll_items::data;
    if (text == "standard") return poll_items::standard;
    return std::nullopt;
}

// What is wrong with it, in words; empty: nothing.
std::string_view read_parameter(const std::string& name, const std::string& value,
                                const service_options& options, long_poll_options& q) {
    if (name == "max") {
        const auto max = parse_max(value);
        if (!max) return "max is a number from 1";
        q.max = std::min(*max, options.max_batch);
    }
    if (name == "wait") {
        const auto wait = parse_wait(value);
        if (!wait) return "wait is a time like 30s";
        q.wait = std::min(*wait, options.max_wait);
    }
    if (name == "items") {
        const auto items = parse_items(value);
        if (!items) return "items is cloudevents, data or standard";
        q.items = *items;
    }
    if (name == "before") {
        error_code ec;
        q.from = value.empty() ? position() : position::parse(value, ec);
        if (ec) return "before is a position, or empty";
        q.back = true;
    }
    return {};
}

// The same question, for the position to be appended.
std::string next_target(const http::request& r) {
    std::string target;
    for (const char c : r.path()) {
        const bool ends_the_link = c == '<' || c == '>' || c == '"';  // RFC 8288 3
        target += ends_the_link ? http::percent_encode({&c, 1}) : std::string(1, c);
    }
    target += '?';
    error_code ec;
    for (const auto& [name, value] : http::parse_query(r.query(), ec))
        if (std::find(std::begin(position_names), std::end(position_names), name) ==
            std::end(position_names))
            target += http::percent_encode(name) + '=' + http::percent_encode(value) + '&';
    return target;
}

http::response bad_query(std::string_view why) {
    return http::problem(400, "Bad query", why);
}

}  // namespace

or_refusal<long_poll_options> read_question(const http::request& r, http::stream_request asked,
                                            const service_options& options) {
    if (asked.retained) return bad_query("retained is of a stream; this reads the history");
    long_poll_options q;
    q.max = options.max_batch;
    q.max_bytes = options.max_answer_bytes;
    for (const auto& [name, value] : asked.query)
        if (const auto why = read_parameter(name, value, options, q); !why.empty())
            return bad_query(why);
    if (q.back && asked.after) return bad_query("a question is for what lies after, or before");
    if (q.back && q.wait.count() != 0)
        return bad_query("wait is for what is to come, which is not before a position");
    q.from_now = !q.back && !asked.after;
    if (asked.after) q.from = std::move(*asked.after);
    q.after_gap = asked.after_gap.value_or(options.after_gap);
    q.next_target = next_target(r);
    q.patterns = std::move(asked.patterns);
    q.principal = std::move(asked.principal);
    q.expires = asked.expires;
    q.license = std::move(asked.license);
    q.filter = std::move(asked.filter);
    return q;
}

}  // namespace tidings::rest::detail
