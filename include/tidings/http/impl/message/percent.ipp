// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/percent.hpp>
#include <tidings/text/impl/hex.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>

namespace tidings::http {

namespace {

std::optional<std::string> unescape(std::string_view text, bool plus_is_space) {
    std::string bytes;
    bytes.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%') {
            if (text.size() - i < 3) return std::nullopt;
            const int high = tidings::detail::hex_value(text[i + 1]);
            const int low = tidings::detail::hex_value(text[i + 2]);
            if (high < 0 || low < 0) return std::nullopt;
            bytes += static_cast<char>(high * 16 + low);
            i += 2;
        } else {
            bytes += text[i] == '+' && plus_is_space ? ' ' : text[i];
        }
    }
    return bytes;
}

constexpr bool is_unreserved(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

}  // namespace

std::string percent_decode(std::string_view text, error_code& ec) {
    ec = {};
    if (auto bytes = unescape(text, false)) return *std::move(bytes);
    ec = errc::bad_request;
    return {};
}

std::string bad_escape(std::string_view text) {
    const auto is_hex = [&](std::size_t i) {
        return i < text.size() && tidings::detail::hex_value(text[i]) >= 0;
    };
    for (auto at = text.find('%'); at != text.npos; at = text.find('%', at + 1))
        if (!is_hex(at + 1) || !is_hex(at + 2))
            return '"' + std::string(text.substr(at, 3)) + "\" at byte " + std::to_string(at + 1) +
                   " is no escape";
    return {};
}

std::string percent_encode(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string text;
    text.reserve(bytes.size());
    for (const char c : bytes) {
        if (is_unreserved(c)) {
            text += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        text += '%';
        text += digits[byte >> 4];
        text += digits[byte & 0xf];
    }
    return text;
}

query_parameters parse_query(std::string_view query, error_code& ec) {
    ec = {};
    query_parameters parameters;
    while (!query.empty()) {
        const std::string_view piece = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(piece.size() + 1, query.size()));
        if (piece.empty()) continue;
        const std::size_t equals = std::min(piece.find('='), piece.size());
        auto name = unescape(piece.substr(0, equals), true);
        auto value = unescape(piece.substr(std::min(equals + 1, piece.size())), true);
        if (!name || !value) {
            ec = errc::bad_request;
            return {};
        }
        parameters.emplace_back(*std::move(name), *std::move(value));
    }
    return parameters;
}

}  // namespace tidings::http
