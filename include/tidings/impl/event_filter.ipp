// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/json_depth.hpp>
#include <tidings/event_filter.hpp>
#include <tidings/impl/filter_node.hpp>
#include <tidings/text/impl/json_text.hpp>

#include <new>
#include <utility>

namespace tidings {

namespace detail {

namespace {

using filter_part = boost::intrusive_ptr<filter_node>;

filter_part make_part(filter_dialect d) {
    return filter_part(new filter_node(d));
}

filter_part comparing(filter_dialect d, std::string_view attribute, std::string_view value) {
    auto made = make_part(d);
    made->compare(attribute, value);
    return made;
}

filter_part read_filter(std::string_view json);

void read_comparisons(filter_node& into, std::string_view json) {
    const auto pairs = json_members(json, max_filter_nodes + 1);
    if (pairs.empty()) into.fail(errc::bad_filter);
    for (const auto& [name, value] : pairs) {
        if (!value.starts_with('"')) return into.fail(errc::bad_filter);
        into.compare(name, read_json_string(value));
    }
}

void read_operands(filter_node& into, std::string_view json) {
    const auto parts = json_elements(json, max_filter_nodes + 1);
    if (parts.empty()) into.fail(errc::bad_filter);
    for (const auto part : parts) into.add(read_filter(part));
}

filter_part failed_part(errc why) {
    auto failed = make_part(filter_dialect::all);
    failed->fail(why);
    return failed;
}

// What is read has passed the check of its depth.
filter_part read_filter(std::string_view json) {
    const auto members = json_members(json, 2);
    if (members.size() != 1) return failed_part(errc::bad_filter);
    const auto& [dialect, body] = members.front();
    static constexpr std::pair<std::string_view, filter_dialect> lists[] = {
        {"all", filter_dialect::all}, {"any", filter_dialect::any}};
    static constexpr std::pair<std::string_view, filter_dialect> comparisons[] = {
        {"exact", filter_dialect::exact},
        {"prefix", filter_dialect::prefix},
        {"suffix", filter_dialect::suffix}};
    for (const auto& [name, d] : lists) {
        if (dialect != name) continue;
        auto made = make_part(d);
        read_operands(*made, body);
        return made;
    }
    for (const auto& [name, d] : comparisons) {
        if (dialect != name) continue;
        auto made = make_part(d);
        read_comparisons(*made, body);
        return made;
    }
    if (dialect != "not") return failed_part(errc::unsupported_filter);
    auto made = make_part(filter_dialect::negation);
    made->add(read_filter(body));
    return made;
}

// Null: every event is wanted.
filter_part read_filters(std::string_view json) {
    const auto first = json.find_first_not_of(" \t\r\n");
    if (json[first] != '[') return read_filter(json);
    const auto parts = json_elements(json, 2);
    if (parts.empty()) return {};
    if (parts.size() == 1) return read_filter(parts.front());
    auto made = make_part(filter_dialect::all);
    read_operands(*made, json);
    return made;
}

}  // namespace
}  // namespace detail

event_filter event_filter::exact(std::string_view attribute, std::string_view value) {
    return event_filter(detail::comparing(detail::filter_dialect::exact, attribute, value));
}

event_filter event_filter::prefix(std::string_view attribute, std::string_view value) {
    return event_filter(detail::comparing(detail::filter_dialect::prefix, attribute, value));
}

event_filter event_filter::suffix(std::string_view attribute, std::string_view value) {
    return event_filter(detail::comparing(detail::filter_dialect::suffix, attribute, value));
}

namespace {

detail::filter_part joined(detail::filter_dialect d, std::size_t count) {
    auto made = detail::make_part(d);
    if (count == 0) made->fail(errc::bad_filter);
    return made;
}

}  // namespace

event_filter event_filter::all(std::vector<event_filter> of) {
    const auto made = joined(detail::filter_dialect::all, of.size());
    for (auto& f : of) made->add(std::move(f.root_));
    return event_filter(made);
}

event_filter event_filter::any(std::vector<event_filter> of) {
    const auto made = joined(detail::filter_dialect::any, of.size());
    for (auto& f : of) made->add(std::move(f.root_));
    return event_filter(made);
}

event_filter operator!(const event_filter& f) {
    const auto made = joined(detail::filter_dialect::negation, 1);
    made->add(f.root_);
    return event_filter(made);
}

event_filter event_filter::parse(std::string_view json, error_code& ec) noexcept {
    ec = {};
    // An expression and what it compares is nested twice as deep as the expression counts.
    if (json.size() > max_filter_bytes || detail::is_nested_deeper(json, 2 * max_filter_depth + 1))
        ec = errc::too_large;
    else
        ec = detail::check_json(json);
    if (ec) return {};
    try {
        event_filter made(detail::read_filters(json));
        ec = made.check();
        return ec ? event_filter() : made;
    } catch (const std::bad_alloc&) {
        ec = errc::out_of_memory;
        return {};
    }
}

std::string event_filter::json() const {
    std::string out;
    if (empty()) return "[]";
    root_->write(out);
    return out;
}

error_code event_filter::check() const noexcept {
    return empty() ? error_code() : root_->error();
}

bool event_filter::is_true(const publication& p) const noexcept {
    if (root_->error()) return false;
    try {
        return root_->is_true(p);
    } catch (const std::bad_alloc&) {
        return true;
    }
}

}  // namespace tidings
