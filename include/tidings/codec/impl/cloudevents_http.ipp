// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/cloudevents_http.hpp>
#include <tidings/codec/impl/binary_fields.hpp>
#include <tidings/text/impl/ascii.hpp>
#include <tidings/text/impl/hex.hpp>
#include <tidings/text/impl/timestamp.hpp>
#include <tidings/text/utf8.hpp>

#include <algorithm>
#include <charconv>
#include <new>

namespace tidings {

namespace detail {
namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    return out;
}

// Without parameters (RFC 9110 8.3.1).
std::string media_type(std::string_view content_type) {
    auto type = content_type.substr(0, content_type.find(';'));
    while (type.ends_with(' ') || type.ends_with('\t')) type.remove_suffix(1);
    return lower(type);
}

// A quoted-string is unquoted first (RFC 9110 5.6.4), then one round of decoding.
std::string decode_field(std::string_view text, percent_signs percents, error_code& ec) {
    std::string plain;
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
        for (std::size_t i = 1; i + 1 < text.size(); ++i) {
            if (text[i] == '\\' && i + 2 < text.size()) ++i;
            plain += text[i];
        }
        text = plain;
    }
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
        const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
        if (high < 0 || low < 0) {
            if (percents == percent_signs::lenient) {
                out += '%';
                continue;
            }
            ec = errc::event_bad_attribute_value;
            return out;
        }
        out += static_cast<char>(high * 16 + low);
        i += 2;
    }
    if (!is_valid_utf8(out)) ec = errc::event_bad_attribute_value;
    return out;
}

error_code read_field(wire_event& out, const std::string& name, std::string value) {
    error_code ec;
    auto& e = out.event;
    if (name == "specversion") return value == "1.0" ? error_code() : errc::event_bad_specversion;
    if (name == "id")
        e.id(value);
    else if (name == "source")
        e.source(value);
    else if (name == "type")
        e.type(value);
    else if (name == "subject")
        e.subject(value);
    else if (name == "dataschema")
        e.data_schema(value);
    else if (name == "time")
        e.time(parse_timestamp(value, ec));
    else if (name == "topic")
        out.topic = std::move(value);
    else if (name == "position")
        out.position = std::move(value);
    else if (name == "hops") {
        const auto [end, failed] =
            std::from_chars(value.data(), value.data() + value.size(), out.hops);
        if (failed != std::errc() || end != value.data() + value.size() || out.hops > max_wire_hops)
            ec = errc::event_bad_attribute_value;
    } else if (name == "datacontenttype")
        ec = errc::event_bad_attribute_name;  // 3.1.1: it is the Content-Type
    else
        e.extension(name, std::move(value));
    return ec;
}

error_code read_binary(wire_event& out, const http::fields& f, std::string body,
                       percent_signs percents) {
    std::size_t attributes = 0;
    for (const auto& [raw_name, raw_value] : f) {
        const auto name = lower(raw_name);
        if (!name.starts_with("ce-")) continue;
        if (++attributes > max_wire_attributes) return errc::too_large;
        if (f.count(raw_name) > 1) return errc::event_bad_attribute_value;
        error_code ec;
        auto value = decode_field(raw_value, percents, ec);
        if (!ec) ec = read_field(out, name.substr(3), std::move(value));
        if (ec) return ec;
    }
    const auto content_type = f.find("content-type");
    if (!body.empty() || content_type)
        out.event.data(std::move(body), content_type.value_or(std::string_view()));
    if (out.event.id().empty()) return errc::event_without_id;
    return out.event.check();
}

}  // namespace
}  // namespace detail

content_mode content_mode_of(const http::fields& f) noexcept {
    using detail::starts_with_ignoring_case;
    const auto type = f.get("content-type");
    if (starts_with_ignoring_case(type, "application/cloudevents-batch"))
        return content_mode::batch;
    if (starts_with_ignoring_case(type, "application/cloudevents")) return content_mode::structured;
    return f.find("ce-specversion") ? content_mode::binary : content_mode::none;
}

const std::string* write_binary_event(const publication& p, http::fields& f,
                                      error_code& ec) noexcept {
    const auto* bytes = p.data_bytes(ec);
    if (ec) return nullptr;
    try {
        detail::write_binary_fields(
            p, [&](const auto& name, const auto& value) { f.append(name, value); });
        if (!p.content_type().empty()) f.append("Content-Type", p.content_type());
        return bytes;
    } catch (const std::bad_alloc&) {
        ec = errc::out_of_memory;
        return nullptr;
    }
}

wire_event read_http_event(const http::fields& f, std::string body, error_code& ec,
                           percent_signs in_fields) noexcept {
    wire_event out;
    ec = {};
    try {
        const auto mode = content_mode_of(f);
        const auto media = detail::media_type(f.get("content-type"));
        if (mode == content_mode::binary)
            ec = detail::read_binary(out, f, std::move(body), in_fields);
        else if (mode == content_mode::structured && media == cloudevents_json_type)
            return parse_cloudevents_json(body, ec);
        else
            ec = errc::event_bad_content_type;
    } catch (const std::bad_alloc&) {
        ec = errc::out_of_memory;
    }
    return out;
}

}  // namespace tidings
