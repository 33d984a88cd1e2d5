// SPDX-License-Identifier: BSL-1.0
// What a stream means must not depend on how it was cut into reads, and an end must be an end.
//
// The first byte of the input chooses our role (bit 0) and the size limit (bits 1 and 2), the
// second seeds the cutting, and the rest is the stream.
#include <tidings/codec/websocket_close.hpp>
#include <tidings/codec/websocket_parser.hpp>
#include <tidings/text/utf8.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

namespace {

using tidings::error_code;
using tidings::websocket_opcode;

void require(bool condition) {
    if (!condition) std::abort();
}

struct seen {
    websocket_opcode opcode{};
    std::string payload;
    std::uint16_t close_code = 0;
    std::uint64_t skipped = 0;

    friend bool operator==(const seen&, const seen&) = default;
};

struct outcome {
    std::vector<seen> items;
    error_code ec;
    bool done = false;

    friend bool operator==(const outcome&, const outcome&) = default;
};

constexpr std::size_t whole = 0;

void check_item(const tidings::websocket_item& item, tidings::websocket_parser_options o) {
    const std::size_t limit = o.max_message_bytes;
    const bool message =
        item.opcode == websocket_opcode::text || item.opcode == websocket_opcode::binary;
    const bool close = item.opcode == websocket_opcode::close;
    require(message || tidings::detail::is_websocket_control(item.opcode));
    require(item.payload.size() <= (message ? limit : tidings::max_websocket_control_bytes));
    if (item.opcode == websocket_opcode::text || close)
        require(tidings::is_valid_utf8(item.text()));
    const bool code_fits = item.close_code == 1005
                               ? item.payload.empty()
                               : tidings::is_valid_close_code_for_wire(item.close_code);
    require(close ? code_fits : item.close_code == 0);
    if (item.skipped_bytes == 0) return;
    require(message && item.payload.empty());
    require(item.skipped_bytes > limit && item.skipped_bytes <= o.max_skipped_bytes);
}

/// Reads the stream in pieces of 1 to `longest` bytes, or whole, each in memory of its own.
outcome read(std::span<const std::uint8_t> stream, tidings::websocket_role role,
             tidings::websocket_parser_options options, std::uint32_t seed, std::size_t longest) {
    tidings::websocket_parser parser{role, options};
    outcome result;
    std::size_t fed = 0;
    while (!stream.empty()) {
        seed = seed * 1'664'525 + 1'013'904'223;
        const std::size_t size =
            longest == whole ? stream.size() : std::min(stream.size(), (seed >> 8) % longest + 1);
        const auto bytes = std::as_bytes(stream.first(size));
        std::vector<std::byte> piece{bytes.begin(), bytes.end()};
        stream = stream.subspan(size);
        fed += size;
        parser.feed(piece);
        while (const auto item = parser.next(result.ec)) {
            require(!result.ec && (result.items.empty() ||
                                   result.items.back().opcode != websocket_opcode::close));
            check_item(*item, options);
            result.items.push_back(
                {item->opcode, std::string{item->text()}, item->close_code, item->skipped_bytes});
        }
        error_code again;
        require(!parser.next(again) && again == result.ec);
        require(!result.ec || parser.done());
        require(parser.held_bytes() <= 2 * fed + 64);
    }
    result.done = parser.done();
    return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    constexpr std::array<std::size_t, 4> limits{1024 * 1024, 0, 16, static_cast<std::size_t>(-1)};
    const auto role =
        (data[0] & 1) != 0 ? tidings::websocket_role::client : tidings::websocket_role::server;
    const tidings::websocket_parser_options options{
        .max_message_bytes = limits[data[0] >> 1 & 3],
        .max_skipped_bytes = (data[0] & 8) != 0 ? std::uint64_t{1000} : std::uint64_t{0}};
    const std::span stream{data + 2, size - 2};
    const outcome expected = read(stream, role, options, data[1], whole);
    require(read(stream, role, options, data[1], 1) == expected);
    require(read(stream, role, options, data[1], 9) == expected);
    require(read(stream, role, options, data[1], 200) == expected);
    return 0;
}
