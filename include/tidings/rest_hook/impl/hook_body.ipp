// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/cloudevents_json.hpp>
#include <tidings/detail/json_depth.hpp>
#include <tidings/http/impl/message/content_coding.hpp>
#include <tidings/http/impl/message/percent.hpp>
#include <tidings/rest_hook/impl/hook_body.hpp>
#include <tidings/text/impl/ascii.hpp>
#include <tidings/text/impl/json_writer.hpp>
#include <tidings/text/utf8.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <vector>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

namespace {

bool has_name(const auto& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

// `true` and `60` are themselves where the API has no text.
std::string value_of(std::string_view name, const std::string& text) {
    static constexpr std::array<std::string_view, 8> no_text{
        "active",   "filters", "lease_seconds", "attempt",
        "delivery", "as_new",  "rate",          "overlap_seconds"};
    if (has_name(no_text, name) && is_json(text)) return text;
    std::string quoted;
    append_json_string(quoted, text);
    return quoted;
}

/// What a form says under one name.
struct form_member {
    std::vector<std::string> values{};  // JSON
    std::string members{};              // of `name[key]=value`
    bool list = false;                  // `name[]=value`
};

// Members in order of their names. A name that stands twice is a list where the API has one, else
// the object has it twice, which is refused as in JSON.
std::string object_of(const std::map<std::string, form_member>& members) {
    static constexpr std::array<std::string_view, 5> lists{"event", "events", "filters", "topic",
                                                           "topics"};
    json_writer out;
    for (const auto& [name, m] : members) {
        if (!m.members.empty()) out.raw(name, '{' + m.members + '}');
        if (m.list || (m.values.size() > 1 && has_name(lists, name))) {
            std::string all;
            for (const auto& value : m.values) append_element(all, value);
            out.raw(name, '[' + all + ']');
            continue;
        }
        for (const auto& value : m.values) out.raw(name, value);
    }
    return out.end();
}

refusal read_form(const std::string& body, std::string& out) {
    error_code ec;
    const auto pairs = http::parse_query(body, ec);
    if (ec) return http::problem(400, "Bad form", http::bad_escape(body));
    std::map<std::string, form_member> members;
    for (const auto& [name, value] : pairs) {
        if (!is_valid_utf8(name) || !is_valid_utf8(value))
            return http::problem(400, "Bad form", make_error_code(errc::invalid_utf8).message());
        const auto open = name.ends_with(']') ? name.find('[') : std::string::npos;
        const auto base = name.substr(0, open);
        auto& m = members[base];
        const auto key = open == name.npos ? "" : name.substr(open + 1, name.size() - open - 2);
        m.list = m.list || (open != name.npos && key.empty());
        if (key.empty()) {
            m.values.push_back(value_of(base, value));
            continue;
        }
        std::string member;
        append_json_string(member, key);
        member += ':';
        member += value_of(base, value);
        append_element(m.members, member);
    }
    out = object_of(members);
    return std::nullopt;
}

}  // namespace

http::response problem_of(std::string_view member, unsigned status, std::string_view title,
                          std::string_view detail) {
    auto r = http::problem(status, title, detail);
    if (!is_valid_utf8(member)) return r;
    std::string last = ",\"member\":";
    append_json_string(last, member);
    r.body.insert(r.body.size() - 1, last);
    return r;
}

namespace {

// That it is one object, in which nothing is said twice.
refusal check_object(std::string_view text) {
    if (text[text.find_first_not_of(" \t\r\n")] != '{')
        return http::problem(400, "Not a JSON object", "the body is not a JSON object");
    if (is_nested_deeper(text, max_json_depth))
        return http::problem(
            400, "Nested too deep",
            "the body is nested deeper than " + std::to_string(max_json_depth) + " levels");
    const auto as_it_is = [](const std::string& name) { return name; };
    if (const auto twice = repeated_name(json_members(text), as_it_is))
        return refused(*twice, in_quotes(*twice) + " stands there twice");
    return std::nullopt;
}

http::response no_json(std::string_view text, std::string_view why) {
    return http::problem(
        400, "Invalid JSON",
        make_error_code(errc::invalid_json).message() + ": " + json_fault(text) + std::string(why));
}

}  // namespace

refusal read_body(const http::request& r, std::size_t max_body_bytes, std::string& out) {
    if (auto no = http::detail::refuse_packed(r)) return no;
    if (r.body.size() > max_body_bytes)
        return http::problem(413, "Too large",
                             "at most " + std::to_string(max_body_bytes) + " bytes are taken");
    out = r.body;
    if (r.body.empty()) out = "{}";
    const auto type = r.fields.get("content-type");
    const bool form = starts_with_ignoring_case(type, "application/x-www-form-urlencoded");
    const bool json = is_json(out);
    // `curl -d` says that it sends a form, whatever it sends.
    if (form && !json) {
        const auto first = out.find_first_not_of(" \t\r\n");
        if (first != out.npos && (out[first] == '{' || out[first] == '['))
            return no_json(out,
                           "; its Content-Type says that it is a form, and it looks like JSON, "
                           "which is sent as application/json");
        auto no = read_form(r.body, out);
        return no ? std::move(no) : check_object(out);
    }
    const bool patch = starts_with_ignoring_case(type, "application/json-patch+json");
    if (patch || (!type.empty() && !form && !is_json_media_type(type))) {
        auto refused = http::problem(415, "Unsupported media type",
                                     "JSON, a JSON merge patch or a form is taken");
        refused.fields.set("Accept-Patch", "application/merge-patch+json, application/json");
        return refused;
    }
    return json ? check_object(out) : no_json(out, "");
}

refusal read_nothing(const http::request& r, std::size_t max_body_bytes) {
    std::string object;
    if (auto no = read_body(r, max_body_bytes, object)) return no;
    for (const auto& [name, raw] : json_members(object, 1))
        return refused(name, "this request says nothing more, and has no " + in_quotes(name));
    return std::nullopt;
}

}  // namespace tidings::rest_hook::detail
