// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/crypto/impl/sha256.hpp>
#include <tidings/detail/json_depth.hpp>
#include <tidings/rest_hook/impl/event_catalogue.hpp>
#include <tidings/text/impl/json_writer.hpp>
#include <tidings/text/utf8.hpp>
#include <tidings/topic.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

namespace {

constexpr std::size_t bytes_beside_texts = sizeof(event_type);

bool is_schema(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r\n");
    return is_json(text) && (text[first] == '{' || text[first] == 't' || text[first] == 'f');
}

// Why it cannot be an event's data; empty: it can.
std::string fault_of_example(const event_type& t, std::size_t max_bytes) {
    if (!is_json(t.example)) return "the example is not JSON";
    if (t.example.size() > max_bytes)
        return "the example has more than max_body_bytes, " + std::to_string(max_bytes);
    if (is_nested_deeper(t.example, max_json_depth)) return "the example is nested too deep";
    return {};
}

std::string fault_of(const event_type& t, std::size_t max_bytes) {
    if (const auto ec = check_pattern(t.name)) return ec.message();
    if (!is_valid_utf8(t.description)) return "the description is not UTF-8";
    if (!t.schema.empty() && !is_schema(t.schema))
        return "the schema is not a JSON object, true or false";
    return t.example.empty() ? std::string() : fault_of_example(t, max_bytes);
}

[[noreturn]] void refuse(const std::string& why) {
    throw std::invalid_argument("tidings::rest_hook::manager: " + why);
}

// The first token of `rest`, which is taken from it.
std::string_view take_pattern_token(std::string_view& rest) noexcept {
    const auto end = std::min(rest.find('.'), rest.size());
    const auto token = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return token;
}

bool by_name(const event_type& a, const event_type& b) noexcept {
    return a.name < b.name;
}

}  // namespace

event_catalogue::event_catalogue(manager_options& o)
    : types_(std::exchange(o.event_types, {})),
      known_only_(o.known_types_only) {
    std::size_t bytes = 0;
    for (const auto& t : types_) {
        if (const auto why = fault_of(t, o.max_body_bytes); !why.empty())
            refuse("event type \"" + t.name + "\": " + why);
        bytes += bytes_beside_texts + t.name.size() + t.description.size() + t.schema.size() +
                 t.example.size();
    }
    if (bytes > o.max_event_type_bytes) refuse("the event types are over max_event_type_bytes");
    if (known_only_ && types_.empty()) refuse("known_types_only, and there are no event types");
    std::sort(types_.begin(), types_.end(), by_name);
    const auto twice =
        std::adjacent_find(types_.begin(), types_.end(),
                           [](const auto& a, const auto& b) { return a.name == b.name; });
    if (twice != types_.end()) refuse("event type \"" + twice->name + "\" is there twice");
    hash_ = sha256_hex(list({}, types_.size()).items).substr(0, 32);
}

bool event_catalogue::takes(std::string_view pattern) const noexcept {
    return !known_only_ || std::any_of(types_.begin(), types_.end(), [&](const auto& t) {
        return patterns_overlap(t.name, pattern);
    });
}

const event_type* event_catalogue::find(std::string_view name) const noexcept {
    const auto it =
        std::lower_bound(types_.begin(), types_.end(), name,
                         [](const auto& t, std::string_view other) { return t.name < other; });
    return it != types_.end() && it->name == name ? &*it : nullptr;
}

event_catalogue::page event_catalogue::list(std::string_view after, std::size_t max) const {
    page out;
    auto it =
        std::upper_bound(types_.begin(), types_.end(), after,
                         [](std::string_view other, const auto& t) { return other < t.name; });
    for (; it != types_.end() && max != 0; ++it, --max) {
        append_element(out.items, to_json(*it));
        out.last = it->name;
    }
    out.more = it != types_.end();
    return out;
}

std::optional<event_catalogue::sample> event_catalogue::sample_for(
    const std::vector<std::string>& patterns, const std::string& topic) const {
    const auto of_one = [this](const std::string& pattern) -> std::optional<sample> {
        const auto* exact = find(pattern);
        if (exact != nullptr && !exact->example.empty())
            if (auto t = common_topic(pattern, pattern); !t.empty())
                return sample{std::move(t), exact->example};
        for (const auto& type : types_) {
            if (type.example.empty()) continue;
            if (auto t = common_topic(pattern, type.name); !t.empty())
                return sample{std::move(t), type.example};
        }
        return std::nullopt;
    };
    if (!topic.empty()) return of_one(topic);
    for (const auto& pattern : patterns)
        if (auto found = of_one(pattern)) return found;
    return std::nullopt;
}

std::string to_json(const event_type& t) {
    json_writer out;
    out.add("name", t.name).add_any("description", t.description);
    if (!t.schema.empty()) out.raw("schema", t.schema);
    if (!t.example.empty()) out.raw("example", t.example);
    return out.end();
}

// Token by token: one that is spelled counts before a wildcard, and `>` stands for what the other
// one has left.
std::string common_topic(std::string_view a, std::string_view b) {
    if (!patterns_overlap(a, b)) return {};
    std::string topic;
    for (std::string_view one, other; !a.empty() || !b.empty();) {
        if (one != ">") one = take_pattern_token(a);
        if (other != ">") other = take_pattern_token(b);
        const bool wild = one == "*" || one == ">";
        const auto& spelled = wild ? other : one;
        if (!topic.empty()) topic += '.';
        topic += spelled == "*" || spelled == ">" ? std::string_view("test") : spelled;
    }
    return check_topic(topic) ? std::string() : topic;
}

}  // namespace tidings::rest_hook::detail
