// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/websocket_handshake.hpp>

#include <openssl/evp.h>

#include <algorithm>
#include <array>

namespace tidings {
namespace detail {

inline std::string websocket_base64(std::span<const unsigned char> bytes) {
    std::array<unsigned char, 29> text;  // 20 bytes at most make 28 characters, and a NUL follows
    const int size = EVP_EncodeBlock(text.data(), bytes.data(), static_cast<int>(bytes.size()));
    return {text.begin(), text.begin() + size};
}

constexpr bool is_websocket_key_digit(char c) noexcept {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
}

constexpr char websocket_lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Takes the first element off a comma-separated list, without the white space around it. It may be
/// empty, which RFC 9110 5.6.1.2 wants ignored.
constexpr std::string_view take_websocket_token(std::string_view& list) noexcept {
    constexpr std::string_view space = " \t";
    const std::size_t comma = list.find(',');
    std::string_view element = list.substr(0, comma);
    list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
    element.remove_prefix(std::min(element.find_first_not_of(space), element.size()));
    return element.substr(0, element.find_last_not_of(space) + 1);
}

}  // namespace detail

std::string websocket_accept(std::string_view key) {
    std::string text{key};
    text += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
    unsigned size = 0;
    if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) != 1) {
        return {};
    }
    return detail::websocket_base64(std::span{digest}.first(size));
}

std::string make_websocket_key(std::span<const std::byte, 16> random) {
    std::array<unsigned char, 16> bytes;
    std::transform(random.begin(), random.end(), bytes.begin(),
                   [](std::byte byte) { return std::to_integer<unsigned char>(byte); });
    return detail::websocket_base64(bytes);
}

error_code check_websocket_key(std::string_view key) noexcept {
    constexpr std::size_t digits = 22;
    const bool good =
        key.size() == digits + 2 && key.substr(digits) == "==" &&
        std::all_of(key.begin(), key.begin() + digits, detail::is_websocket_key_digit);
    return good ? error_code{} : errc::ws_bad_key;
}

bool header_has_token(std::string_view value, std::string_view token) noexcept {
    const auto same = [](char a, char b) {
        return detail::websocket_lower(a) == detail::websocket_lower(b);
    };
    while (!value.empty()) {
        const std::string_view element = detail::take_websocket_token(value);
        if (!element.empty() &&
            std::equal(element.begin(), element.end(), token.begin(), token.end(), same)) {
            return true;
        }
    }
    return false;
}

std::optional<std::string> choose_subprotocol(std::string_view offered,
                                              std::span<const std::string_view> supported) {
    while (!offered.empty()) {
        const std::string_view element = detail::take_websocket_token(offered);
        const bool known =
            std::find(supported.begin(), supported.end(), element) != supported.end();
        if (!element.empty() && known) return std::string{element};
    }
    return std::nullopt;
}

}  // namespace tidings
