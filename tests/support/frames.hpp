// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/websocket_frame.hpp>
#include <tidings/codec/websocket_handshake.hpp>
#include <tidings/codec/websocket_parser.hpp>

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tidings::test {

inline constexpr websocket_mask_key some_mask{0x37fa213d};

/// A frame as a client sends it.
inline std::string client_frame(websocket_opcode opcode, std::string_view payload = {},
                                bool fin = true) {
    std::string bytes;
    append_websocket_frame(bytes, opcode, payload, some_mask, fin);
    return bytes;
}
inline std::string client_text(std::string_view text) {
    return client_frame(websocket_opcode::text, text);
}
inline std::string client_close(std::uint16_t code, std::string_view reason = {}) {
    std::string bytes;
    append_websocket_close(bytes, code, reason, some_mask);
    return bytes;
}
inline std::string server_frame(websocket_opcode opcode, std::string_view payload = {}) {
    std::string bytes;
    append_websocket_frame(bytes, opcode, payload);
    return bytes;
}
inline std::string server_text(std::string_view text) {
    return server_frame(websocket_opcode::text, text);
}
inline std::string server_close(std::uint16_t code, std::string_view reason = {}) {
    std::string bytes;
    append_websocket_close(bytes, code, reason);
    return bytes;
}

inline std::string upgrade_request(std::string_view target, std::string_view further_fields = {}) {
    return "GET " + std::string(target) +
           " HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
           std::string(further_fields) + "\r\n";
}
/// The value of a field in an HTTP header, or nothing.
inline std::string field_of(std::string_view header, std::string_view name) {
    const auto at = header.find("\r\n" + std::string(name) + ": ");
    if (at == std::string_view::npos) return {};
    const auto value = header.substr(at + name.size() + 4);
    return std::string(value.substr(0, value.find("\r\n")));
}
/// What a server answers to the handshake of such a request.
inline std::string upgrade_answer(std::string_view request, std::string_view further_fields = {}) {
    return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Accept: " +
           websocket_accept(field_of(request, "Sec-WebSocket-Key")) + "\r\n" +
           std::string(further_fields) + "\r\n";
}
/// What came after the HTTP header, or nothing.
inline std::string after_header(std::string_view bytes) {
    const auto end = bytes.find("\r\n\r\n");
    return std::string(end == std::string_view::npos ? "" : bytes.substr(end + 4));
}

/// A message or control frame as a peer saw it.
struct seen_frame {
    websocket_opcode opcode = websocket_opcode::continuation;
    std::string payload{};
    std::uint16_t code = 0;
};

/// Reads frames; `role` is the reader's. The last is of opcode continuation, with the error as its
/// payload, when the bytes are no frames.
inline std::vector<seen_frame> frames_of(std::string bytes,
                                         websocket_role role = websocket_role::client) {
    websocket_parser parser(role, {.max_message_bytes = 64U << 20});
    parser.feed(std::as_writable_bytes(std::span(bytes)));
    std::vector<seen_frame> seen;
    error_code ec;
    while (const auto item = parser.next(ec))
        seen.push_back({item->opcode, std::string(item->text()), item->close_code});
    if (ec) seen.push_back({websocket_opcode::continuation, ec.message(), 0});
    return seen;
}
/// The payloads of one kind among them.
inline std::vector<std::string> payloads_of(const std::vector<seen_frame>& frames,
                                            websocket_opcode opcode = websocket_opcode::text) {
    std::vector<std::string> payloads;
    for (const auto& f : frames)
        if (f.opcode == opcode) payloads.push_back(f.payload);
    return payloads;
}
/// The code of the close frame among them; 0: there is none.
inline std::uint16_t close_code_of(const std::vector<seen_frame>& frames) {
    for (const auto& f : frames)
        if (f.opcode == websocket_opcode::close) return f.code;
    return 0;
}

}  // namespace tidings::test
