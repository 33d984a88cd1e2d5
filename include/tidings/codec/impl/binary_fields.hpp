// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/event_ptr.hpp>
#include <tidings/text/impl/plain_prefix.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace tidings::detail {

/// A value of a `ce-` field (3.1.3.2): space, double quote, percent and everything outside U+0021
/// to U+007E are escaped.
inline std::string encode_field(std::string_view text) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const auto plain = plain_prefix<' ', '"', '%'>(text);
        out.append(text.substr(0, plain));
        text.remove_prefix(plain);
        if (text.empty()) break;
        const char c = text.front();
        text.remove_prefix(1);
        if (c > ' ' && c < '\x7f' && c != '"' && c != '%') {
            out += c;
            continue;
        }
        const auto code = static_cast<unsigned char>(c);
        out += '%';
        out += digits[code >> 4];
        out += digits[code & 15];
    }
    return out;
}

inline std::string extension_text(const attribute_value& value) {
    if (const auto* text = std::get_if<std::string>(&value)) return *text;
    if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
    return std::to_string(std::get<std::int32_t>(value));
}

/// Gives the `ce-` fields of the binary mode (CloudEvents HTTP binding 3.1) to `put(name, value)`.
template <class Put>
void write_binary_fields(const publication& p, Put put) {
    const auto give = [&](std::string name, std::string_view value) {
        put(std::move(name), encode_field(value));
    };
    give("ce-specversion", "1.0");
    give("ce-id", p.id());
    give("ce-source", p.source());
    give("ce-type", p.type());
    if (!p.time().empty()) give("ce-time", p.time());
    if (!p.subject().empty()) give("ce-subject", p.subject());
    if (!p.data_schema().empty()) give("ce-dataschema", p.data_schema());
    for (const auto& [name, value] : p.event().extensions())
        if (name != "topic" && name != "position" && name != "hops")
            give("ce-" + std::string(name), extension_text(value));
    give("ce-topic", p.topic());
    if (p.position()) give("ce-position", p.position()->text());
    if (p.info().hops != 0) give("ce-hops", std::to_string(p.info().hops));
}

}  // namespace tidings::detail
