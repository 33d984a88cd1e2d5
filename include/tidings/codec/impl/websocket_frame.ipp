// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/websocket_close.hpp>
#include <tidings/codec/websocket_frame.hpp>
#include <tidings/text/utf8.hpp>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

namespace tidings {
namespace detail {

inline void append_websocket_integer(std::string& out, std::uint64_t value, unsigned bytes) {
    while (bytes-- > 0) out.push_back(static_cast<char>(value >> (8 * bytes) & 0xff));
}

void append_websocket_header(std::string& out, websocket_opcode opcode, std::uint64_t length,
                             bool fin, bool masked) {
    assert(!is_websocket_control(opcode) || (fin && length <= max_websocket_control_bytes));
    const unsigned first = (fin ? 0x80u : 0u) | static_cast<unsigned>(opcode);
    const unsigned mask_bit = masked ? 0x80u : 0u;
    if (length <= 125) {
        const char bytes[] = {static_cast<char>(first), static_cast<char>(mask_bit | length)};
        out.append(bytes, sizeof bytes);
    } else if (length <= 0xffff) {
        append_websocket_integer(out, first << 8 | mask_bit | 126, 2);
        append_websocket_integer(out, length, 2);
    } else {
        append_websocket_integer(out, first << 8 | mask_bit | 127, 2);
        append_websocket_integer(out, length, 8);
    }
}

inline std::string_view cut_websocket_reason(std::string_view reason) noexcept {
    const auto bytes = std::as_bytes(std::span{reason});
    const std::size_t limit = std::min(bytes.size(), max_websocket_reason_bytes);
    std::size_t end = 0;
    utf8_validator validator;
    for (std::size_t i = 0; i < limit && validator.feed(bytes.subspan(i, 1)); ++i) {
        if (validator.complete()) end = i + 1;
    }
    return reason.substr(0, end);
}

inline std::string make_websocket_close_payload(std::uint16_t code, std::string_view reason) {
    std::string payload;
    if (!is_valid_close_code_for_wire(code)) return payload;
    append_websocket_integer(payload, code, 2);
    payload += cut_websocket_reason(reason);
    return payload;
}

void apply_websocket_mask(std::span<std::byte> data, websocket_mask_bytes& key) noexcept {
    std::array<std::byte, 8> twice;
    std::memcpy(twice.data(), key.data(), key.size());
    std::memcpy(twice.data() + key.size(), key.data(), key.size());
    std::uint64_t mask;
    std::memcpy(&mask, twice.data(), sizeof mask);
    std::byte* at = data.data();
    std::size_t left = data.size();
    for (; left >= sizeof mask; at += sizeof mask, left -= sizeof mask) {
        std::uint64_t word;
        std::memcpy(&word, at, sizeof word);
        word ^= mask;
        std::memcpy(at, &word, sizeof word);
    }
    for (std::size_t i = 0; i < left; ++i) at[i] ^= twice[i];
    std::memcpy(key.data(), twice.data() + left % 4, key.size());
}

void make_websocket_frame(std::string& out, websocket_opcode opcode,
                          std::optional<websocket_mask_key> key) {
    std::string header;
    append_websocket_header(header, opcode, out.size(), true, key.has_value());
    if (key) {
        append_websocket_integer(header, key->value, 4);
        websocket_mask_bytes bytes;
        std::memcpy(bytes.data(), header.data() + header.size() - bytes.size(), bytes.size());
        apply_websocket_mask(std::as_writable_bytes(std::span{out}), bytes);
    }
    if (out.capacity() - out.size() >= header.size()) {
        out.insert(0, header);
        return;
    }
    std::string whole;  // `insert` would take twice the memory, which stays with the frame
    whole.reserve(header.size() + out.size());
    whole.append(header).append(out);
    out = std::move(whole);
}

}  // namespace detail

void append_websocket_frame(std::string& out, websocket_opcode opcode, std::string_view payload,
                            bool fin) {
    detail::append_websocket_header(out, opcode, payload.size(), fin, false);
    out += payload;
}

void append_websocket_frame(std::string& out, websocket_opcode opcode, std::string_view payload,
                            websocket_mask_key key, bool fin) {
    detail::append_websocket_header(out, opcode, payload.size(), fin, true);
    detail::append_websocket_integer(out, key.value, 4);
    detail::websocket_mask_bytes bytes;
    std::memcpy(bytes.data(), out.data() + out.size() - bytes.size(), bytes.size());
    const std::size_t start = out.size();
    out += payload;
    detail::apply_websocket_mask(std::as_writable_bytes(std::span{out}.subspan(start)), bytes);
}

void append_websocket_close(std::string& out, std::uint16_t code, std::string_view reason) {
    append_websocket_frame(out, websocket_opcode::close,
                           detail::make_websocket_close_payload(code, reason));
}

void append_websocket_close(std::string& out, std::uint16_t code, std::string_view reason,
                            websocket_mask_key key) {
    append_websocket_frame(out, websocket_opcode::close,
                           detail::make_websocket_close_payload(code, reason), key);
}

}  // namespace tidings
