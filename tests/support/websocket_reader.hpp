// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/websocket_parser.hpp>

#include "support/catch2.hpp"

#include <boost/system/errc.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;
using tidings::errc;
using tidings::error_code;
using tidings::websocket_opcode;
using tidings::websocket_parser;
using tidings::websocket_parser_options;
using tidings::websocket_role;

constexpr std::array both_roles{websocket_role::server, websocket_role::client};

/// A copy of an item that outlives its buffer.
struct seen {
    websocket_opcode opcode{};
    std::string payload;
    std::uint16_t close_code = 0;
    std::uint64_t skipped = 0;

    friend bool operator==(const seen&, const seen&) = default;
};

/// Feeds pieces and notes all that comes out. Each piece lives in memory of its own, exactly as
/// long as the parser may use it, so that a sanitizer sees every other use.
class reader {
 public:
    explicit reader(websocket_role role, websocket_parser_options options = {})
        : parser_{role, options} {}

    reader& feed(std::string_view bytes) {
        std::vector<std::byte> piece(bytes.size());
        std::transform(bytes.begin(), bytes.end(), piece.begin(),
                       [](char c) { return static_cast<std::byte>(c); });
        parser_.feed(piece);
        while (const auto item = parser_.next(ec)) {
            if (ec) FAIL("an item came with an error");
            items.push_back(
                {item->opcode, std::string{item->text()}, item->close_code, item->skipped_bytes});
        }
        error_code again;
        if (parser_.next(again) || again != ec) FAIL("the end did not last");
        return *this;
    }

    const websocket_parser& parser() const { return parser_; }

    std::vector<seen> items;
    error_code ec;

 private:
    websocket_parser parser_;
};

/// A frame as the peer of `role` sends it.
inline std::string frame(websocket_role role, websocket_opcode opcode, std::string_view payload,
                         bool fin = true, std::uint32_t key = 0x37fa213d) {
    std::string out;
    if (role == websocket_role::server) {
        tidings::append_websocket_frame(out, opcode, payload, {key}, fin);
    } else {
        tidings::append_websocket_frame(out, opcode, payload, fin);
    }
    return out;
}

/// Only a header, from its first byte, its second without the mask bit, and its long length.
inline std::string header(websocket_role role, unsigned first, unsigned second,
                          std::string_view length = {}) {
    const bool masked = role == websocket_role::server;
    std::string out{static_cast<char>(first), static_cast<char>(second | (masked ? 0x80u : 0u))};
    return out.append(length).append(masked ? "\x11\x22\x33\x44" : "");
}

inline std::string text_frame(websocket_role role, std::string_view payload, bool fin = true) {
    return frame(role, websocket_opcode::text, payload, fin);
}

inline std::string more_frame(websocket_role role, std::string_view payload, bool fin) {
    return frame(role, websocket_opcode::continuation, payload, fin);
}

/// Fails unless the stream, cut at every offset and also byte by byte, gives what it gives whole.
inline void check_all_cuts(websocket_role role, std::string_view stream,
                           websocket_parser_options options = {}) {
    reader whole{role, options};
    whole.feed(stream);
    const auto same = [&](const reader& other) {
        return other.items == whole.items && other.ec == whole.ec &&
               other.parser().done() == whole.parser().done();
    };
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
        reader pieces{role, options};
        pieces.feed(stream.substr(0, cut)).feed(stream.substr(cut));
        if (!same(pieces)) FAIL("another result when cut at " << cut);
    }
    reader bytes{role, options};
    for (const char byte : stream) bytes.feed({&byte, 1});
    CHECK(same(bytes));
}

/// The stream must fail with exactly this error, on its last byte and not before.
inline void check_refused(websocket_role role, const std::string& stream, errc expected,
                          websocket_parser_options options = {}) {
    CAPTURE(static_cast<int>(role), stream.size(), static_cast<int>(expected));
    reader all_but_one{role, options};
    all_but_one.feed(std::string_view{stream}.substr(0, stream.size() - 1));
    CHECK_FALSE(all_but_one.ec);
    CHECK_FALSE(all_but_one.parser().done());
    reader all{role, options};
    all.feed(stream);
    CHECK(all.ec == expected);
    CHECK(all.parser().done());
    check_all_cuts(role, stream, options);

    const auto before = all.items;
    all.feed(text_frame(role, "after the error"));
    CHECK(all.items == before);
    CHECK(all.ec == expected);
    reader at_once{role, options};
    at_once.feed(stream + text_frame(role, "after the error"));
    CHECK(at_once.items == before);
    CHECK(at_once.ec == expected);
}

/// The first bytes of a header, which are enough to refuse it.
inline std::string start(websocket_role role, unsigned first, unsigned second) {
    return header(role, first, second).substr(0, 2);
}

inline std::string close_payload(unsigned code, std::string_view reason = {}) {
    std::string out{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
    return out.append(reason);
}

}  // namespace
