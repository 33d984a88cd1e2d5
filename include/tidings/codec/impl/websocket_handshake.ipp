// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/websocket_handshake.hpp>
#include <tidings/crypto/impl/sha1.hpp>
#include <tidings/text/impl/base64.hpp>
#include <tidings/text/impl/header_tokens.hpp>

#include <algorithm>

namespace tidings {
namespace detail {

constexpr bool is_websocket_key_digit(char c) noexcept {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
}

}  // namespace detail

std::string websocket_accept(std::string_view key) {
    std::string text(key);
    text += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    return detail::base64_encode(detail::sha1(text));
}

std::string make_websocket_key(std::span<const std::byte, 16> random) {
    return detail::base64_encode({reinterpret_cast<const char*>(random.data()), random.size()});
}

error_code check_websocket_key(std::string_view key) noexcept {
    constexpr std::size_t digits = 22;
    const bool good =
        key.size() == digits + 2 && key.substr(digits) == "==" &&
        std::all_of(key.begin(), key.begin() + digits, detail::is_websocket_key_digit);
    return good ? error_code{} : errc::ws_bad_key;
}

std::optional<std::string> choose_subprotocol(std::string_view offered,
                                              std::span<const std::string_view> supported) {
    while (!offered.empty()) {
        const std::string_view element = detail::take_list_element(offered);
        const bool known =
            std::find(supported.begin(), supported.end(), element) != supported.end();
        if (!element.empty() && known) return std::string{element};
    }
    return std::nullopt;
}

}  // namespace tidings
