// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/cloudevents_json.hpp>
#include <tidings/detail/json_depth.hpp>
#include <tidings/text/impl/base64.hpp>
#include <tidings/text/impl/json_text.hpp>
#include <tidings/text/impl/timestamp.hpp>
#include <tidings/text/utf8.hpp>

#include <algorithm>
#include <charconv>
#include <new>

namespace tidings {

namespace detail {
namespace {

constexpr char json_form = 0;
constexpr char json_base64_form = 0;
constexpr char validity_form = 0;

void append_member(std::string& out, std::string_view name, std::string_view value) {
    out += ",\"";
    out += name;
    out += "\":";
    append_json_string(out, value);
}

void append_extension(std::string& out, std::string_view name, const attribute_value& value) {
    if (const auto* text = std::get_if<std::string>(&value)) return append_member(out, name, *text);
    out += ",\"";
    out += name;
    out += "\":";
    if (const auto* flag = std::get_if<bool>(&value))
        out += *flag ? "true" : "false";
    else
        out += std::to_string(std::get<std::int32_t>(value));
}

void append_attributes(std::string& out, const publication& p) {
    out += R"({"specversion":"1.0")";
    append_member(out, "id", p.id());
    append_member(out, "source", p.source());
    append_member(out, "type", p.type());
    if (!p.time().empty()) append_member(out, "time", p.time());
    if (!p.subject().empty()) append_member(out, "subject", p.subject());
    if (!p.data_schema().empty()) append_member(out, "dataschema", p.data_schema());
    if (!p.content_type().empty()) append_member(out, "datacontenttype", p.content_type());
    for (const auto& [name, value] : p.event().extensions())
        if (name != "topic" && name != "position" && name != "hops")
            append_extension(out, name, value);
    append_member(out, "topic", p.topic());
    if (p.position()) append_member(out, "position", p.position()->text());
    if (p.info().hops != 0) append_extension(out, "hops", static_cast<std::int32_t>(p.info().hops));
}

void append_data(std::string& out, const publication& p, std::string_view bytes, bool raw) {
    if (!p.has_data()) return;
    const bool json = is_json_media_type(p.content_type());
    if (json && raw && has_json_data(p)) {
        out += ",\"data\":";
        out += bytes;
    } else if (!json && p.content_type().starts_with("text/") && is_valid_utf8(bytes)) {
        append_member(out, "data", bytes);
    } else {
        append_member(out, "data_base64", base64_encode(bytes));
    }
}

}  // namespace
}  // namespace detail

bool has_json_data(const publication& p) noexcept {
    const auto& forms = p.content_forms();
    try {
        const auto* known = forms.find(&detail::validity_form);
        // What is too deep would make what holds it unreadable.
        const auto fits = [&] {
            const auto text = p.text();
            return !detail::is_nested_deeper(text, max_json_depth) && detail::is_json(text);
        };
        if (known == nullptr) known = &forms.store(&detail::validity_form, fits() ? "1" : "0");
        return *known == "1";
    } catch (const std::bad_alloc&) {
        return false;
    }
}

namespace detail {
namespace {

void write_json(std::string& out, const publication& p, bool raw, error_code& ec) {
    const auto bytes = p.text(ec);
    if (ec) return;
    out.reserve(out.size() + bytes.size() + 384);
    append_attributes(out, p);
    append_data(out, p, bytes, raw);
    out += '}';
}

wire_form make_json(const publication& p, const char* form, bool raw, error_code& ec) noexcept {
    ec = {};
    if (auto made = p.form(form)) return made;
    try {
        std::string out;
        write_json(out, p, raw, ec);
        return ec ? wire_form() : p.store_form(form, std::move(out));
    } catch (const std::bad_alloc&) {
        ec = errc::out_of_memory;
        return nullptr;
    }
}

}  // namespace
}  // namespace detail

wire_form cloudevents_json(const publication& p, error_code& ec) noexcept {
    return detail::make_json(p, &detail::json_form, true, ec);
}

void append_cloudevents_json(std::string& out, const publication& p, error_code& ec) noexcept {
    ec = {};
    try {
        if (const auto made = p.form(&detail::json_form))
            out += *made;
        else
            detail::write_json(out, p, true, ec);
    } catch (const std::bad_alloc&) {
        ec = errc::out_of_memory;
    }
}

// Only white space between JSON tokens can hold a bare CR or LF: strings have it escaped.
wire_form cloudevents_json_without_cr(const publication& p, error_code& ec) noexcept {
    const auto bytes = p.text(ec);
    if (ec) return nullptr;
    if (bytes.find('\r') == std::string_view::npos) return cloudevents_json(p, ec);
    return detail::make_json(p, &detail::json_base64_form, false, ec);
}

wire_form cloudevents_json_line(const publication& p, error_code& ec) noexcept {
    const auto bytes = p.text(ec);
    if (ec) return nullptr;
    if (bytes.find_first_of("\r\n") == std::string_view::npos) return cloudevents_json(p, ec);
    return detail::make_json(p, &detail::json_base64_form, false, ec);
}

namespace detail {
namespace {

using member = std::pair<std::string, std::string_view>;

bool is_string(std::string_view raw) noexcept {
    return raw.starts_with('"');
}

// A number, or a string of one: what has crossed HTTP once has lost its type.
error_code read_hops(wire_event& out, std::string_view raw) {
    const auto text = is_string(raw) ? read_json_string(raw) : std::string(raw);
    const auto* last = text.data() + text.size();
    const auto [end, ec] = std::from_chars(text.data(), last, out.hops);
    const bool good = ec == std::errc() && end == last && out.hops <= max_wire_hops;
    return good ? error_code() : errc::event_bad_attribute_value;
}

error_code read_extension(wire_event& out, const std::string& name, std::string_view raw) {
    if (is_string(raw)) {
        out.event.extension(name, read_json_string(raw));
        return {};
    }
    if (raw == "true" || raw == "false") {
        out.event.extension(name, raw == "true");
        return {};
    }
    std::int32_t number = 0;
    const auto [end, ec] = std::from_chars(raw.data(), raw.data() + raw.size(), number);
    if (ec != std::errc() || end != raw.data() + raw.size()) return errc::event_bad_attribute_value;
    out.event.extension(name, number);
    return {};
}

error_code read_time(wire_event& out, const std::string& text) {
    error_code ec;
    out.event.time(parse_timestamp(text, ec));
    return ec;
}

// An attribute whose value is a JSON string.
error_code read_text(wire_event& out, const std::string& name, std::string text,
                     std::string& content_type) {
    if (name == "specversion") return text == "1.0" ? error_code() : errc::event_bad_specversion;
    if (name == "id") return out.event.id(text), error_code();
    if (name == "source") return out.event.source(text), error_code();
    if (name == "type") return out.event.type(text), error_code();
    if (name == "subject") return out.event.subject(text), error_code();
    if (name == "dataschema") return out.event.data_schema(text), error_code();
    if (name == "time") return read_time(out, text);
    if (name == "topic") return out.topic = std::move(text), error_code();
    if (name == "position") return out.position = std::move(text), error_code();
    content_type = std::move(text);
    return {};
}

bool is_text_attribute(std::string_view name) noexcept {
    static constexpr std::string_view names[] = {
        "specversion", "id",    "source",   "type",       "subject",
        "time",        "topic", "position", "dataschema", "datacontenttype"};
    return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

bool is_json_space(char c) noexcept {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// In an event written without white space between its members, as this library writes it, the white
// space around the value of `data` is the data's own: what was sent is what arrives.
std::string_view with_space_around(std::string_view text, std::string_view value) noexcept {
    static constexpr std::string_view name = R"(,"data":)";
    auto begin = static_cast<std::size_t>(value.data() - text.data());
    auto end = begin + value.size();
    while (begin > 0 && is_json_space(text[begin - 1])) --begin;
    while (end < text.size() && is_json_space(text[end])) ++end;
    return text.substr(0, begin).ends_with(name) ? text.substr(begin, end - begin) : value;
}

error_code read_data(wire_event& out, std::string_view text, const member& data,
                     std::string content_type) {
    if (data.first == "data_base64") {
        if (!is_string(data.second)) return errc::event_bad_data;
        auto bytes = base64_decode(read_json_string(data.second));
        if (!bytes) return errc::event_bad_data;
        out.event.data(std::move(*bytes), content_type);
    } else if (content_type.empty() || is_json_media_type(content_type)) {
        if (content_type.empty()) content_type = "application/json";
        out.event.data(std::string(with_space_around(text, data.second)), content_type);
    } else {
        // CloudEvents JSON format 3.1: content that is not JSON is a JSON string.
        auto content = is_string(data.second) ? read_json_string(data.second) : std::string();
        if (!is_string(data.second) || !is_valid_utf8(content)) return errc::event_bad_data;
        out.event.data(std::move(content), content_type);
    }
    return {};
}

error_code read_event(wire_event& out, std::string_view text) {
    bool version = false;
    const member* data = nullptr;
    std::string content_type;
    constexpr auto most = max_wire_attributes + 1;  // with the data
    const auto members = json_members(text, most + 1);
    if (members.empty()) return errc::event_bad_specversion;
    if (members.size() > most) return errc::too_large;
    for (const auto& m : members) {
        const auto& [name, raw] = m;
        if (std::count_if(members.begin(), members.end(),
                          [&](const member& x) { return x.first == name; }) > 1)
            return errc::event_bad_attribute_value;
        if (name == "data" || name == "data_base64") {
            if (data != nullptr) return errc::event_bad_data;
            data = &m;
            continue;
        }
        if (raw == "null") continue;  // CloudEvents JSON format 2.2: absent
        version = version || name == "specversion";
        error_code ec;
        if (name == "hops")
            ec = read_hops(out, raw);
        else if (!is_text_attribute(name))
            ec = read_extension(out, name, raw);
        else if (is_string(raw))
            ec = read_text(out, name, read_json_string(raw), content_type);
        else
            ec = name == "specversion" ? errc::event_bad_specversion
                                       : errc::event_bad_attribute_value;
        if (ec) return ec;
    }
    if (!version) return errc::event_bad_specversion;
    if (data != nullptr && !(data->first == "data_base64" && data->second == "null"))
        if (const auto ec = read_data(out, text, *data, std::move(content_type))) return ec;
    if (out.event.id().empty()) return errc::event_without_id;
    return out.event.check();
}

}  // namespace
}  // namespace detail

wire_event parse_cloudevents_json(std::string_view text, error_code& ec) noexcept {
    wire_event out;
    try {
        ec = is_valid_utf8(text) ? detail::check_json(text) : error_code(errc::invalid_utf8);
        if (!ec) ec = detail::read_event(out, text);
    } catch (const std::bad_alloc&) {
        ec = errc::out_of_memory;
    }
    return out;
}

std::vector<wire_event> parse_cloudevents_batch(std::string_view text, error_code& ec) noexcept {
    std::vector<wire_event> batch;
    ec = detail::check_json_array(text);
    try {
        if (!ec)
            for (const auto element : detail::json_elements(text)) {
                batch.push_back(parse_cloudevents_json(element, ec));
                if (ec) break;
            }
    } catch (const std::bad_alloc&) {
        ec = errc::out_of_memory;
    }
    if (ec) batch.clear();
    return batch;
}

}  // namespace tidings
