// SPDX-License-Identifier: BSL-1.0
#include <tidings/codec/websocket_frame.hpp>
#include <tidings/text/utf8.hpp>

#include "support/catch2.hpp"

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace std::string_literals;
using tidings::append_websocket_close;
using tidings::append_websocket_frame;
using tidings::websocket_mask_key;
using tidings::websocket_opcode;

constexpr websocket_mask_key key{0x37fa213d};

std::string unmasked(websocket_opcode opcode, std::string_view payload, bool fin = true) {
    std::string out;
    append_websocket_frame(out, opcode, payload, fin);
    return out;
}

std::string masked(websocket_opcode opcode, std::string_view payload, bool fin = true) {
    std::string out;
    append_websocket_frame(out, opcode, payload, key, fin);
    return out;
}

/// The payload of a server's close frame, after checking its header.
std::string close_payload(std::uint16_t code, std::string_view reason) {
    std::string out;
    append_websocket_close(out, code, reason);
    REQUIRE(out.size() >= 2);
    CHECK(out[0] == '\x88');
    CHECK(static_cast<std::size_t>(out[1]) == out.size() - 2);
    return out.substr(2);
}

}  // namespace

TEST_CASE("frames are those of RFC 6455 5.7, byte for byte", "[codec]") {
    CHECK(unmasked(websocket_opcode::text, "Hello") == "\x81\x05\x48\x65\x6c\x6c\x6f");
    CHECK(masked(websocket_opcode::text, "Hello") ==
          "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
    CHECK(unmasked(websocket_opcode::text, "Hel", false) == "\x01\x03\x48\x65\x6c");
    CHECK(unmasked(websocket_opcode::continuation, "lo") == "\x80\x02\x6c\x6f");
    CHECK(unmasked(websocket_opcode::ping, "Hello") == "\x89\x05\x48\x65\x6c\x6c\x6f");
    CHECK(masked(websocket_opcode::pong, "Hello") ==
          "\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
    const std::string small(256, '\xa5');
    CHECK(unmasked(websocket_opcode::binary, small) == "\x82\x7e\x01\x00"s + small);
    const std::string large(65536, '\x5a');
    CHECK(unmasked(websocket_opcode::binary, large) == "\x82\x7f\0\0\0\0\0\x01\0\0"s + large);
}

TEST_CASE("a frame's length takes the shortest form at every boundary", "[codec]") {
    const std::vector<std::pair<std::size_t, std::string>> lengths{
        {0, "\x00"s},
        {1, "\x01"s},
        {125, "\x7d"s},
        {126, "\x7e\x00\x7e"s},
        {65535, "\x7e\xff\xff"s},
        {65536, "\x7f\0\0\0\0\0\x01\0\0"s},
        {65793, "\x7f\0\0\0\0\0\x01\x01\x01"s},
    };
    for (const auto& [size, length] : lengths) {
        CAPTURE(size);
        const std::string payload(size, 'x');
        CHECK(unmasked(websocket_opcode::binary, payload) == "\x82" + length + payload);
        std::string masked_length = length;
        masked_length[0] = static_cast<char>(masked_length[0] | '\x80');
        std::string xored = payload;
        constexpr std::string_view mask = "\x37\xfa\x21\x3d";
        for (std::size_t i = 0; i < size; ++i) xored[i] = static_cast<char>('x' ^ mask[i % 4]);
        const bool same = masked(websocket_opcode::text, payload, false) ==
                          "\x01" + masked_length + std::string{mask} + xored;
        CHECK(same);
    }
}

TEST_CASE("frames are appended to what is there", "[codec]") {
    std::string out = "before";
    append_websocket_frame(out, websocket_opcode::ping, "a");
    append_websocket_frame(out, websocket_opcode::text, "Hello", key);
    append_websocket_close(out, 1000, "bye");
    append_websocket_close(out, 1000, {}, key);
    CHECK(out ==
          "before\x89\x01"
          "a\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58\x88\x05\x03\xe8"
          "bye\x88\x82\x37\xfa\x21\x3d\x34\x12");
}

TEST_CASE("a close with a code not for the wire carries nothing", "[codec]") {
    constexpr std::array<std::uint16_t, 9> codes{0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65535};
    for (const auto code : codes) {
        CAPTURE(code);
        CHECK(close_payload(code, "reason").empty());
    }
    std::string out;
    append_websocket_close(out, 1005, "reason", key);
    CHECK(out == "\x88\x80\x37\xfa\x21\x3d");
}

TEST_CASE("a close reason is cut before the character that does not fit", "[codec]") {
    const std::string code = "\x03\xe9";
    CHECK(close_payload(1001, "") == code);
    CHECK(close_payload(1001, "going") == code + "going");
    CHECK(close_payload(1001, std::string(123, 'r')) == code + std::string(123, 'r'));
    CHECK(close_payload(1001, std::string(124, 'r')) == code + std::string(123, 'r'));
    CHECK(close_payload(1001, std::string(100'000, 'r')) == code + std::string(123, 'r'));
    const std::string smile = "\xf0\x9f\x98\x80";
    for (std::size_t before = 115; before <= 124; ++before) {
        CAPTURE(before);
        const std::string head(before, 'r');
        const std::string kept = before + 4 <= 123 ? head + smile : head.substr(0, 123);
        CHECK(close_payload(1001, head + smile + "rrrrrrrrr").substr(0, 2 + kept.size()) ==
              code + kept);
        CHECK(tidings::is_valid_utf8(close_payload(1001, head + smile + "rrr").substr(2)));
    }
}

TEST_CASE("a close reason is cut before what is not UTF-8", "[codec]") {
    CHECK(close_payload(1000, "ok\xffno") == "\x03\xe8ok");
    CHECK(close_payload(1000, "ok\xe2\x82") == "\x03\xe8ok");
    CHECK(close_payload(1000, "ok\xe2\x82no") == "\x03\xe8ok");
    CHECK(close_payload(1000, std::string(200, '\x80')) == "\x03\xe8");
}

TEST_CASE("a frame made of its payload is the frame that is appended", "[codec]") {
    for (const std::size_t size : {0u, 125u, 126u, 0xffffu, 0x10000u}) {
        const std::string payload(size, 'p');
        auto out = payload;
        tidings::detail::make_websocket_frame(out, websocket_opcode::text, {});
        CHECK(out.capacity() <= size + 30);
        CHECK(out == unmasked(websocket_opcode::text, payload));
        out = payload;
        tidings::detail::make_websocket_frame(out, websocket_opcode::text, key);
        CHECK(out == masked(websocket_opcode::text, payload));
    }
}

TEST_CASE("masking in pieces is masking in one piece, and masking twice is nothing", "[codec]") {
    const tidings::detail::websocket_mask_bytes start{std::byte{1}, std::byte{2}, std::byte{4},
                                                      std::byte{8}};
    std::vector<std::byte> plain(37);
    for (std::size_t i = 0; i < plain.size(); ++i) plain[i] = static_cast<std::byte>(i * 7);
    std::vector<std::byte> expected = plain;
    for (std::size_t i = 0; i < plain.size(); ++i) expected[i] ^= start[i % 4];
    for (std::size_t first = 0; first <= plain.size(); ++first) {
        for (std::size_t second = first; second <= plain.size(); ++second) {
            auto pieces = plain;
            auto mask = start;
            const std::span<std::byte> all{pieces};
            tidings::detail::apply_websocket_mask(all.first(first), mask);
            tidings::detail::apply_websocket_mask(all.subspan(first, second - first), mask);
            tidings::detail::apply_websocket_mask(all.subspan(second), mask);
            REQUIRE(pieces == expected);
            mask = start;
            tidings::detail::apply_websocket_mask(all, mask);
            REQUIRE(pieces == plain);
        }
    }
}
