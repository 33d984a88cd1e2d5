// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/cloudevents_json.hpp>
#include <tidings/rest_hook/impl/hook_record.hpp>
#include <tidings/text/impl/json_text.hpp>
#include <tidings/text/impl/timestamp.hpp>
#include <tidings/text/utf8.hpp>
#include <tidings/topic.hpp>
#include <tidings/webhook/secret.hpp>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

namespace {

void append_text(std::string& out, std::string_view name, std::string_view value) {
    out += out.empty() ? '{' : ',';
    append_json_string(out, name);
    out += ':';
    append_json_string(out, value);
}

struct named_text {
    std::string_view name;
    std::string* value;
};

// The member that a name, or one of its other names, fills.
std::string* member_of(std::string_view name, hook_record& h) noexcept {
    if (name == "event" || name == "topic") return &h.event;
    if (name == "target_url" || name == "target" || name == "url") return &h.target_url;
    return name == "secret" ? &h.secret : nullptr;
}

http::response malformed(std::string_view why) {
    return http::problem(400, "Not a subscription", why);
}

std::optional<http::response> check_body(const http::request& r, std::size_t max_body_bytes) {
    if (r.body.size() > max_body_bytes)
        return http::problem(413, "Too large",
                             "at most " + std::to_string(max_body_bytes) + " bytes are taken");
    const auto type = r.fields.get("content-type");
    // `curl -d` says that it sends a form, whatever it sends.
    const bool form = type.starts_with("application/x-www-form-urlencoded");
    const bool json = is_json(r.body);
    if (!type.empty() && !is_json_media_type(type) && !(form && json))
        return http::problem(415, "Unsupported media type",
                             "a subscription is sent as application/json");
    if (!json)
        return http::problem(400, "Invalid JSON", make_error_code(errc::invalid_json).message());
    return std::nullopt;
}

// A subscription is active until it is deleted.
std::optional<http::response> check_active(std::string_view raw) {
    if (raw == "true" || raw == "null") return std::nullopt;
    if (raw != "false") return malformed("\"active\" is not true or false");
    return http::problem(422, bad_member_title,
                         "\"active\" cannot be false: a subscription delivers until it is deleted");
}

std::optional<http::response> read_members(std::string_view body, hook_record& out) {
    const auto first = body.find_first_not_of(" \t\r\n");
    if (body[first] != '{') return malformed("the body is not a JSON object");
    std::string unknown;
    for (const auto& [name, raw] : json_members(body)) {
        auto* const member = member_of(name, out);
        if (name == "active") {
            if (auto refused = check_active(raw)) return refused;
            continue;
        }
        if (member == nullptr) {
            if (!is_valid_utf8(name)) return malformed("a member's name is not text");
            unknown += (unknown.empty() ? "" : ", ") + ('"' + name) + '"';
        }
        if (member == nullptr || raw == "null") continue;
        if (!raw.starts_with('"')) return malformed("\"" + name + "\" is not a string");
        if (!member->empty()) return malformed("\"" + name + "\" says what was said already");
        *member = read_json_string(raw);
        if (member->empty()) return malformed("\"" + name + "\" is empty");
        if (!is_valid_utf8(*member)) return malformed("\"" + name + "\" is not text");
    }
    if (!unknown.empty())
        return http::problem(422, bad_member_title, "a subscription has no " + unknown);
    if (out.event.empty()) return malformed("\"event\", a topic pattern, is missing");
    if (out.target_url.empty()) return malformed("\"target_url\" is missing");
    return std::nullopt;
}

}  // namespace

std::string to_row_value(const hook_record& h) {
    std::string out;
    append_text(out, "event", h.event);
    append_text(out, "target_url", h.target_url);
    append_text(out, "secret", h.secret);
    append_text(out, "created_at", h.created_at);
    append_text(out, "owner", h.owner);
    if (!h.expires_at.empty()) append_text(out, "expires_at", h.expires_at);
    return out + '}';
}

std::optional<hook_record> read_row(const store::row& r) {
    if (!is_json(r.value)) return std::nullopt;
    hook_record h{.id = r.key};
    const named_text members[] = {{"event", &h.event},   {"target_url", &h.target_url},
                                  {"secret", &h.secret}, {"created_at", &h.created_at},
                                  {"owner", &h.owner},   {"expires_at", &h.expires_at}};
    for (const auto& [name, raw] : json_members(r.value))
        for (const auto& m : members)
            if (m.name == name && raw.starts_with('"')) *m.value = read_json_string(raw);
    error_code bad_time;
    if (!h.expires_at.empty()) parse_timestamp(h.expires_at, bad_time);
    if (bad_time || check_pattern(h.event) || h.target_url.empty() || h.secret.empty())
        return std::nullopt;
    return h;
}

std::string to_json(const hook_record& h, bool active, bool with_secret) {
    std::string out;
    append_text(out, "id", h.id);
    append_text(out, "event", h.event);
    append_text(out, "target_url", h.target_url);
    out += active ? R"(,"active":true)" : R"(,"active":false)";
    append_text(out, "created_at", h.created_at);
    if (!h.expires_at.empty()) append_text(out, "expires_at", h.expires_at);
    if (with_secret) append_text(out, "secret", h.secret);
    return out + '}';
}

std::optional<http::response> read_hook(const http::request& r, std::size_t max_body_bytes,
                                        hook_record& out) {
    if (auto refused = check_body(r, max_body_bytes)) return refused;
    if (auto refused = read_members(r.body, out)) return refused;
    auto ec = check_pattern(out.event);
    if (ec == errc::bad_pattern) ec = errc::hook_bad_event;
    if (ec) return http::problem(422, bad_event_title, ec.message() + ": " + out.event);
    if (!out.secret.empty()) webhook::secret::parse(out.secret, ec);
    if (ec) return http::problem(422, bad_secret_title, ec.message());
    return std::nullopt;
}

}  // namespace tidings::rest_hook::detail
