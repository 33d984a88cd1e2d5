// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/json_depth.hpp>
#include <tidings/text/impl/json_text.hpp>

#include <nlohmann/json.hpp>

namespace tidings::detail {

void append_json_string(std::string& out, std::string_view text) {
    static constexpr char digits[] = "0123456789abcdef";
    out += '"';
    std::size_t clean = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const auto code = static_cast<unsigned char>(c);
        if (code >= 0x20 && c != '"' && c != '\\') continue;
        out.append(text, clean, i - clean);
        clean = i + 1;
        out += '\\';
        switch (c) {
            case '"':
            case '\\':
                out += c;
                break;
            case '\n':
                out += 'n';
                break;
            case '\r':
                out += 'r';
                break;
            case '\t':
                out += 't';
                break;
            default:
                out += "u00";
                out += digits[code >> 4];
                out += digits[code & 15];
        }
    }
    out.append(text, clean);
    out += '"';
}

std::string read_json_string(std::string_view literal) {
    if (literal.find('\\') == std::string_view::npos)
        return std::string(literal.substr(1, literal.size() - 2));
    const auto value = nlohmann::json::parse(literal, nullptr, false);
    return value.is_string() ? value.get<std::string>() : std::string();
}

bool is_json(std::string_view text) noexcept {
    // The parser takes a NUL for the end, and skips a byte order mark; neither is JSON, and what is
    // taken for JSON is written out as it stands.
    if (text.starts_with("\xef\xbb\xbf") || text.find('\0') != std::string_view::npos) return false;
    try {
        return nlohmann::json::accept(text);
    } catch (...) {  // out of memory
        return false;
    }
}

namespace {

bool is_space(char c) noexcept {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

std::string_view trim(std::string_view text) noexcept {
    while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
    return text;
}

// Splits what stands between the outer brackets at the outermost commas.
std::vector<std::string_view> split(std::string_view text) {
    std::vector<std::string_view> parts;
    text = trim(text.substr(1, text.size() - 2));
    std::size_t depth = 0;
    std::size_t start = 0;
    for (std::size_t i = 0; i < text.size();) {
        const char c = text[i];
        if (c == '"') {
            i = skip_json_string(text, i);
            continue;
        }
        if (c == '{' || c == '[') ++depth;
        if (c == '}' || c == ']') --depth;
        if (c == ',' && depth == 0) {
            parts.push_back(trim(text.substr(start, i - start)));
            start = i + 1;
        }
        ++i;
    }
    if (!text.empty()) parts.push_back(trim(text.substr(start)));
    return parts;
}

}  // namespace

bool is_json_array(std::string_view text) noexcept {
    return trim(text).starts_with('[') && is_json(text);
}

std::vector<std::pair<std::string, std::string_view>> json_members(std::string_view text) {
    std::vector<std::pair<std::string, std::string_view>> members;
    text = trim(text);
    if (!text.starts_with('{')) return members;
    for (const auto part : split(text)) {
        const auto end = skip_json_string(part, 0);
        const auto colon = part.find(':', end);
        members.emplace_back(read_json_string(part.substr(0, end)), trim(part.substr(colon + 1)));
    }
    return members;
}

std::vector<std::string_view> json_elements(std::string_view text) {
    text = trim(text);
    return text.starts_with('[') ? split(text) : std::vector<std::string_view>();
}

}  // namespace tidings::detail
