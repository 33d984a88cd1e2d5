// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/delivery_view.hpp>
#include <tidings/rest_hook/impl/hook_record.hpp>
#include <tidings/text/impl/json_writer.hpp>
#include <tidings/text/utf8.hpp>
#include <tidings/webhook/address_guard.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

namespace {

constexpr std::array<std::pair<std::string_view, store::outbox_state>, 4> states{
    {{"pending", store::outbox_state::pending},
     {"claimed", store::outbox_state::claimed},
     {"stopped", store::outbox_state::stopped},
     {"dead", store::outbox_state::dead}}};

std::string event_of(const store::outbox_message& m) {
    json_writer out;
    out.add("id", m.id).add("source", m.source).add("type", m.type).add("topic", m.topic);
    return out.end();
}

// Of `192.0.2.1:443` or `[2001:db8::1]:443`.
bool is_public(const std::string& address) {
    static const webhook::address_guard strangers;
    auto host = address.substr(0, address.rfind(':'));
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    boost::system::error_code ec;
    const auto parsed = net::ip::make_address(host, ec);
    return !ec && strangers.allows(parsed);
}

// What a peer answered, as text: JSON has no other.
std::string text_of(std::string_view bytes) {
    if (is_valid_utf8(bytes)) return std::string(bytes);
    std::string text;
    for (const char c : bytes) text += static_cast<unsigned char>(c) < 0x80 ? c : '?';
    return text;
}

// The fields of the event; what a sender adds to each request, as a signature, is not kept.
std::string request_of(const store::outbox_message& m) {
    constexpr std::size_t max_body_bytes = 64 * 1024;
    json_writer fields;
    for (const auto& [name, value] : m.fields) fields.add(name, text_of(value));
    const auto body = m.body ? std::string_view(*m.body) : std::string_view();
    auto shown = std::min(body.size(), max_body_bytes);
    const auto splits = [&] { return (static_cast<unsigned char>(body[shown]) & 0xC0U) == 0x80; };
    while (shown > 0 && shown < body.size() && splits()) --shown;
    json_writer out;
    out.add_any("content_type", text_of(m.content_type)).raw("fields", fields.end());
    out.add("body", text_of(body.substr(0, shown))).add("body_bytes", body.size());
    return out.end();
}

std::string timings_of(const store::outbox_timings& t) {
    json_writer out;
    const auto add = [&](std::string_view name, const store::outbox_timings::phase& p) {
        if (p) out.add(name, p->count());
    };
    add("resolve_us", t.resolve);
    add("connect_us", t.connect);
    add("tls_us", t.tls);
    add("write_us", t.write);
    add("first_byte_us", t.first_byte);
    add("total_us", t.total);
    return out.end();
}

}  // namespace

std::optional<store::outbox_state> read_delivery_state(std::string_view text) noexcept {
    for (const auto& [name, state] : states)
        if (name == text) return state;
    return std::nullopt;
}

std::string to_json(const store::outbox_listed& d) {
    const auto& e = d.entry;
    json_writer out;
    out.add("id", e.key);
    if (e.message) out.raw("event", event_of(*e.message));
    out.add("webhook_id", e.webhook_id.empty() ? e.message_id : e.webhook_id);
    for (const auto& [name, state] : states)
        if (state == d.state) out.add("state", name);
    out.add("attempts", e.attempts);
    out.add("created_at", to_text(e.created)).add("due_at", to_text(e.due));
    out.add("error", e.last_error);
    return out.end();
}

std::string to_json(const store::outbox_attempt& a, bool all, attempt_view view) {
    json_writer out;
    out.add("id", a.key).add("delivery", a.entry);
    if (a.message) out.raw("event", event_of(*a.message));
    out.add("webhook_id", a.webhook_id.empty() ? a.message_id : a.webhook_id);
    out.add("number", a.number).add("at", to_text(a.at)).add("status", a.status);
    out.add("error", a.error).add_any("cause", text_of(a.cause));
    out.raw("timings", timings_of(a.timings));
    if (view == attempt_view::with_request && a.message) out.raw("request", request_of(*a.message));
    if (!all && !is_public(a.address)) return out.end();
    out.add_any("address", a.address);
    out.add("response_head", text_of(a.response_head));
    out.add("response_body", text_of(a.response_body));
    return out.end();
}

std::string to_json(const store::outbox_attempt_counts& c) {
    std::string latencies;
    auto left = c.latencies.size();
    while (left != 0 && c.latencies[left - 1] == 0) --left;
    for (std::size_t i = 0; i < left; ++i)
        append_element(latencies, std::to_string(c.latencies[i]));
    json_writer out;
    out.add("minute", to_text(c.minute)).add("succeeded", c.succeeded).add("failed", c.failed);
    out.add("total_us", c.total.count()).add("longest_us", c.longest.count());
    out.raw("latencies", '[' + latencies + ']');
    return out.end();
}

}  // namespace tidings::rest_hook::detail
