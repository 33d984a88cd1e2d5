// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/cloudevents_http.hpp>
#include <tidings/text/impl/json_text.hpp>
#include <tidings/text/impl/timestamp.hpp>
#include <tidings/webhook/event_reader.hpp>
#include <tidings/webhook/impl/provider_text.hpp>
#include <tidings/webhook/impl/standard_reader.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace tidings::webhook {

namespace detail {
namespace {

// Standard Webhooks 1.0.0, "Event types": parts of letters, digits and '_', joined by dots.
bool is_standard_type(std::string_view type) noexcept {
    bool part_begins = true;
    for (const char c : type) {
        const bool of_part =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
        if (!of_part && (c != '.' || part_begins)) return false;
        part_begins = c == '.';
    }
    return !part_begins;
}

// The payload that Standard Webhooks advises; any other body says nothing of type and time.
void read_standard_payload(const std::string& body, event& e) {
    using tidings::detail::is_json;
    // What a library of another's would see in a body that is no JSON is not asked.
    if (!body.starts_with('{') || !is_json(body)) return;
    const auto members = tidings::detail::json_members(body, 64);
    error_code ec;
    const auto type = text_member(members, "type", ec);
    const auto timestamp = text_member(members, "timestamp", ec);
    if (ec || !type || !timestamp || !is_standard_type(*type)) return;
    const auto time = tidings::detail::parse_timestamp(*timestamp, ec);
    if (ec) return;
    e.type(*type);
    e.time(time);
}

}  // namespace
}  // namespace detail

namespace detail {

event standard_reader::event_of(wire_event&& e) {
    if (!e.topic.empty()) e.event.extension("topic", e.topic);
    if (e.hops != 0)
        e.event.extension("hops", static_cast<std::int32_t>(std::min(e.hops, 1'000'000U)));
    return std::move(e.event);
}

event standard_reader::operator()(const http::request& r, error_code& ec) const {
    const auto& o = options_;
    if (content_mode_of(r.fields) != content_mode::none)
        return event_of(read_http_event(r.fields, r.body, ec, o.in_fields));
    event e(o.type, o.source);
    e.id(r.fields.get(o.header_prefix + "id"));
    e.data(r.body, r.fields.get("content-type"));
    read_standard_payload(r.body, e);
    return e;
}

}  // namespace detail

event_reader read_standard(standard_reader_options options) {
    return detail::standard_reader(std::move(options));
}

}  // namespace tidings::webhook
