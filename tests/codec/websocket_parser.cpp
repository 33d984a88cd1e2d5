// SPDX-License-Identifier: BSL-1.0
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
std::string frame(websocket_role role, websocket_opcode opcode, std::string_view payload,
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
std::string header(websocket_role role, unsigned first, unsigned second,
                   std::string_view length = {}) {
    const bool masked = role == websocket_role::server;
    std::string out{static_cast<char>(first), static_cast<char>(second | (masked ? 0x80u : 0u))};
    return out.append(length).append(masked ? "\x11\x22\x33\x44" : "");
}

std::string text_frame(websocket_role role, std::string_view payload, bool fin = true) {
    return frame(role, websocket_opcode::text, payload, fin);
}

std::string more_frame(websocket_role role, std::string_view payload, bool fin) {
    return frame(role, websocket_opcode::continuation, payload, fin);
}

/// Fails unless the stream, cut at every offset and also byte by byte, gives what it gives whole.
void check_all_cuts(websocket_role role, std::string_view stream,
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
void check_refused(websocket_role role, const std::string& stream, errc expected,
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
std::string start(websocket_role role, unsigned first, unsigned second) {
    return header(role, first, second).substr(0, 2);
}

std::string close_payload(unsigned code, std::string_view reason = {}) {
    std::string out{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
    return out.append(reason);
}

}  // namespace

TEST_CASE("a frame with a reserved bit is refused by its first two bytes", "[codec]") {
    for (const auto role : both_roles) {
        for (const unsigned opcode : {0x1u, 0x2u, 0x8u, 0x9u, 0xau, 0x0u, 0x3u}) {
            for (const unsigned bits : {0x10u, 0x20u, 0x40u, 0x50u, 0x70u}) {
                check_refused(role, start(role, 0x80 | bits | opcode, 5), errc::ws_reserved_bits);
            }
        }
    }
}

TEST_CASE("a reserved opcode is refused by its first two bytes", "[codec]") {
    for (const auto role : both_roles) {
        for (const unsigned opcode : {3u, 4u, 5u, 6u, 7u, 11u, 12u, 13u, 14u, 15u}) {
            for (const unsigned length : {0u, 1u, 127u}) {
                check_refused(role, start(role, 0x80 | opcode, length), errc::ws_bad_opcode);
                check_refused(role, text_frame(role, "ok") + start(role, 0x80 | opcode, length),
                              errc::ws_bad_opcode);
            }
        }
    }
}

TEST_CASE("a frame masked the wrong way is refused", "[codec]") {
    for (const unsigned opcode : {0x1u, 0x2u, 0x8u, 0x9u, 0xau}) {
        for (const unsigned length : {0u, 5u}) {
            check_refused(websocket_role::server,
                          start(websocket_role::client, 0x80 | opcode, length), errc::ws_bad_mask);
            check_refused(websocket_role::client,
                          start(websocket_role::server, 0x80 | opcode, length), errc::ws_bad_mask);
        }
    }
}

TEST_CASE("a control frame that is too long or fragmented is refused", "[codec]") {
    for (const auto role : both_roles) {
        for (const unsigned opcode : {0x8u, 0x9u, 0xau}) {
            for (const unsigned length : {126u, 127u}) {
                check_refused(role, start(role, 0x80 | opcode, length), errc::ws_control_too_long);
            }
            for (const unsigned length : {0u, 1u, 125u, 126u}) {
                check_refused(role, start(role, opcode, length), errc::ws_control_fragmented);
            }
        }
    }
}

TEST_CASE("fragments out of sequence are refused", "[codec]") {
    for (const auto role : both_roles) {
        check_refused(role, start(role, 0x80, 1), errc::ws_bad_continuation);
        check_refused(role, start(role, 0x00, 1), errc::ws_bad_continuation);
        check_refused(role, text_frame(role, "whole") + start(role, 0x80, 1),
                      errc::ws_bad_continuation);
        const std::string fragments = text_frame(role, "a", false) + more_frame(role, "b", true);
        check_refused(role, fragments + start(role, 0x80, 1), errc::ws_bad_continuation);
        for (const unsigned first : {0x81u, 0x01u, 0x82u, 0x02u}) {
            // An empty first fragment starts a message like any other.
            for (const std::string_view begun : {"", "a"}) {
                check_refused(role, text_frame(role, begun, false) + start(role, first, 1),
                              errc::ws_bad_continuation);
                check_refused(role,
                              text_frame(role, begun, false) +
                                  frame(role, websocket_opcode::ping, "p") + start(role, first, 1),
                              errc::ws_bad_continuation);
            }
        }
    }
}

TEST_CASE("a length that is not in its shortest form or over 2^63 is refused", "[codec]") {
    const websocket_parser_options unbounded{.max_message_bytes = static_cast<std::size_t>(-1)};
    for (const auto role : both_roles) {
        for (const std::string_view length : {"\0\0"sv, "\0\x7d"sv}) {
            check_refused(role, header(role, 0x82, 126, length), errc::ws_bad_length, unbounded);
        }
        for (const std::string_view length :
             {"\0\0\0\0\0\0\0\0"sv, "\0\0\0\0\0\0\0\x7e"sv, "\0\0\0\0\0\0\xff\xff"sv,
              "\x80\0\0\0\0\0\0\0"sv, "\xff\xff\xff\xff\xff\xff\xff\xff"sv}) {
            check_refused(role, header(role, 0x82, 127, length), errc::ws_bad_length, unbounded);
        }
        reader longest{role, unbounded};
        longest.feed(header(role, 0x82, 127, "\x7f\xff\xff\xff\xff\xff\xff\xff"sv)).feed("some");
        CHECK_FALSE(longest.ec);
        CHECK(longest.parser().held_bytes() < 64);
    }
}

TEST_CASE("a message over its limit is refused by its header", "[codec]") {
    const websocket_parser_options small{.max_message_bytes = 10};
    const websocket_parser_options none{.max_message_bytes = 0};
    for (const auto role : both_roles) {
        check_refused(role, header(role, 0x82, 11), errc::too_large, small);
        check_refused(role, header(role, 0x02, 11), errc::too_large, small);
        check_refused(role, header(role, 0x82, 1), errc::too_large, none);
        check_refused(role, header(role, 0x82, 127, "\0\0\0\0\0\x10\0\x01"sv), errc::too_large);
        check_refused(role, header(role, 0x82, 127, "\x7f\xff\xff\xff\xff\xff\xff\xff"sv),
                      errc::too_large);
        const std::string begun = text_frame(role, "123456", false);
        check_refused(role, begun + header(role, 0x80, 5), errc::too_large, small);
        check_refused(role, begun + more_frame(role, "7890", false) + header(role, 0x00, 1),
                      errc::too_large, small);
        check_refused(role, begun + header(role, 0x80, 127, "\x7f\xff\xff\xff\xff\xff\xff\xff"sv),
                      errc::too_large, small);

        // The limit itself, twice, and control frames, which do not count.
        reader fits{role, small};
        fits.feed(begun + frame(role, websocket_opcode::ping, std::string(125, 'p')) +
                  more_frame(role, "7890", true) + text_frame(role, "1234567890"));
        CHECK_FALSE(fits.ec);
        CHECK(fits.items.size() == 3);
        reader empty{role, none};
        empty.feed(text_frame(role, ""));
        CHECK(empty.items == std::vector<seen>{{websocket_opcode::text, ""}});
    }
}

TEST_CASE("a close frame with half a code or one not for the wire is refused", "[codec]") {
    for (const auto role : both_roles) {
        check_refused(role, frame(role, websocket_opcode::close, "\x03"), errc::ws_bad_close_code);
        for (const unsigned code : {0u, 3u, 999u, 1004u, 1005u, 1006u, 1015u, 1016u, 1100u, 2000u,
                                    2999u, 5000u, 65535u}) {
            CAPTURE(code);
            check_refused(role, frame(role, websocket_opcode::close, close_payload(code)),
                          errc::ws_bad_close_code);
            check_refused(role, frame(role, websocket_opcode::close, close_payload(code, "why")),
                          errc::ws_bad_close_code);
        }
    }
}

TEST_CASE("a close reason that is not UTF-8 is refused", "[codec]") {
    for (const auto role : both_roles) {
        for (const std::string_view reason :
             {"\xff", "ok\xc0\x80", "cut\xe2\x82", "\xed\xa0\x80"}) {
            check_refused(role, frame(role, websocket_opcode::close, close_payload(1000, reason)),
                          errc::invalid_utf8);
        }
    }
}

TEST_CASE("text that is not UTF-8 is refused at the first impossible byte", "[codec]") {
    const std::string greek = "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5";
    for (const auto role : both_roles) {
        // Autobahn 6.3 and 6.4: the rest of the frame, and of the message, never needs to arrive.
        for (const std::string& bad : {"\xed\xa0"s, "\xf4\x90"s, "\xff"s, "\x80"s, "\xc0"s}) {
            const std::string all = text_frame(role, greek + bad + "\x80\x80" + "edited");
            const std::size_t head = all.size() - 8 - bad.size();
            check_refused(role, all.substr(0, head + bad.size()), errc::invalid_utf8);
            const std::string later = more_frame(role, bad + "\x80\x80" + "edited", false);
            check_refused(role, text_frame(role, greek, false) + later.substr(0, later.size() - 8),
                          errc::invalid_utf8);
        }
        // Cut inside a character: by the end of the message, or by the next fragment.
        check_refused(role, text_frame(role, greek + "\xe2\x82"), errc::invalid_utf8);
        check_refused(role, text_frame(role, "\xce", false) + more_frame(role, "a", true),
                      errc::invalid_utf8);
        check_refused(
            role,
            text_frame(role, "\xce", false) + more_frame(role, "", false) + header(role, 0x80, 0),
            errc::invalid_utf8);
        check_refused(role, text_frame(role, "\xce", false) + header(role, 0x80, 0),
                      errc::invalid_utf8);
    }
}

TEST_CASE("text is judged message by message, and other payloads are not", "[codec]") {
    for (const auto role : both_roles) {
        reader r{role};
        r.feed(frame(role, websocket_opcode::binary, "\xff\xfe\x80"));
        r.feed(frame(role, websocket_opcode::binary, "\xce", false) +
               more_frame(role, "\xff", true));
        r.feed(frame(role, websocket_opcode::ping, "\xff") +
               frame(role, websocket_opcode::pong, "\xc0"));
        r.feed(text_frame(role, "\xce", false) + frame(role, websocket_opcode::ping, "\xff") +
               more_frame(role, "\xba", true));
        CHECK_FALSE(r.ec);
        CHECK(r.items == std::vector<seen>{{websocket_opcode::binary, "\xff\xfe\x80"},
                                           {websocket_opcode::binary, "\xce\xff"},
                                           {websocket_opcode::ping, "\xff"},
                                           {websocket_opcode::pong, "\xc0"},
                                           {websocket_opcode::ping, "\xff"},
                                           {websocket_opcode::text, "\xce\xba"}});
    }
}

TEST_CASE("the examples of RFC 6455 5.7 are read", "[codec]") {
    const std::vector<seen> hello{{websocket_opcode::text, "Hello"}};
    const auto read = [](websocket_role role, std::string_view bytes) {
        check_all_cuts(role, bytes);
        reader r{role};
        r.feed(bytes);
        CHECK_FALSE(r.ec);
        return r.items;
    };
    CHECK(read(websocket_role::client, "\x81\x05\x48\x65\x6c\x6c\x6f") == hello);
    CHECK(read(websocket_role::server, "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58") == hello);
    CHECK(read(websocket_role::client, "\x01\x03\x48\x65\x6c\x80\x02\x6c\x6f") == hello);
    CHECK(read(websocket_role::client, "\x89\x05\x48\x65\x6c\x6c\x6f") ==
          std::vector<seen>{{websocket_opcode::ping, "Hello"}});
    CHECK(read(websocket_role::server, "\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58") ==
          std::vector<seen>{{websocket_opcode::pong, "Hello"}});
    const std::string small(256, '\xa5');
    CHECK(read(websocket_role::client, "\x82\x7e\x01\x00"s + small) ==
          std::vector<seen>{{websocket_opcode::binary, small}});
    const std::string large(65536, '\xa5');
    reader r{websocket_role::client};
    r.feed("\x82\x7f\0\0\0\0\0\x01\0\0"s + large);
    CHECK(r.items == std::vector<seen>{{websocket_opcode::binary, large}});
}

TEST_CASE("every valid close is read, and nothing after it", "[codec]") {
    for (const auto role : both_roles) {
        const auto read = [&](const std::string& payload) {
            const std::string stream = frame(role, websocket_opcode::close, payload) +
                                       text_frame(role, "late") + "\xff\xff\xff";
            check_all_cuts(role, stream);
            reader r{role};
            r.feed(stream).feed(text_frame(role, "later"));
            CHECK_FALSE(r.ec);
            CHECK(r.parser().done());
            REQUIRE(r.items.size() == 1);
            CHECK(r.items[0].opcode == websocket_opcode::close);
            return std::pair{r.items[0].close_code, r.items[0].payload};
        };
        using result = std::pair<std::uint16_t, std::string>;
        CHECK(read("") == result{1005, ""});
        const std::string longest(123, 'r');
        for (const unsigned code : {1000u, 1001u, 1002u, 1003u, 1007u, 1008u, 1009u, 1010u, 1011u,
                                    1012u, 1013u, 1014u, 3000u, 3999u, 4000u, 4999u}) {
            const auto number = static_cast<std::uint16_t>(code);
            CHECK(read(close_payload(code)) == result{number, ""});
            CHECK(read(close_payload(code, "\xce\xba")) == result{number, "\xce\xba"});
        }
        CHECK(read(close_payload(1000, longest)) == result{1000, longest});
    }
}

TEST_CASE("a close inside a fragmented message ends the stream", "[codec]") {
    for (const auto role : both_roles) {
        const std::string stream =
            text_frame(role, std::string(500, 'a'), false) +
            frame(role, websocket_opcode::close, close_payload(1001, "bye")) +
            more_frame(role, "b", true);
        check_all_cuts(role, stream);
        reader r{role};
        r.feed(stream);
        CHECK(r.items == std::vector<seen>{{websocket_opcode::close, "bye", 1001}});
        CHECK_FALSE(r.ec);
        CHECK(r.parser().held_bytes() == 0);
    }
}

TEST_CASE("a stream cut anywhere gives the same items", "[codec]") {
    for (const auto role : both_roles) {
        const std::string long_ping(125, 'p');
        const std::string stream =
            text_frame(role, "one") + text_frame(role, "") +
            frame(role, websocket_opcode::ping, "") +
            frame(role, websocket_opcode::binary, "", false) +
            frame(role, websocket_opcode::ping, "first") + more_frame(role, "", false) +
            more_frame(role, std::string(130, '\xff'), true) + text_frame(role, "\xf0\x9f", false) +
            frame(role, websocket_opcode::pong, long_ping) + more_frame(role, "\x98", false) +
            frame(role, websocket_opcode::ping, "second") +
            frame(role, websocket_opcode::ping, "third") + more_frame(role, "\x80 ok", true) +
            frame(role, websocket_opcode::binary, "", false) + more_frame(role, "late", true) +
            frame(role, websocket_opcode::close, close_payload(4321, "\xce\xba")) + "rubbish";
        reader whole{role};
        whole.feed(stream);
        CHECK_FALSE(whole.ec);
        CHECK(whole.items == std::vector<seen>{{websocket_opcode::text, "one"},
                                               {websocket_opcode::text, ""},
                                               {websocket_opcode::ping, ""},
                                               {websocket_opcode::ping, "first"},
                                               {websocket_opcode::binary, std::string(130, '\xff')},
                                               {websocket_opcode::pong, long_ping},
                                               {websocket_opcode::ping, "second"},
                                               {websocket_opcode::ping, "third"},
                                               {websocket_opcode::text, "\xf0\x9f\x98\x80 ok"},
                                               {websocket_opcode::binary, "late"},
                                               {websocket_opcode::close, "\xce\xba", 4321}});
        check_all_cuts(role, stream);
    }
}

TEST_CASE("messages of every length class are read in one piece and in two", "[codec]") {
    for (const auto role : both_roles) {
        for (const std::size_t size : {0u, 1u, 125u, 126u, 127u, 65535u, 65536u, 65537u}) {
            CAPTURE(size);
            std::string payload(size, '\0');
            for (std::size_t i = 0; i < size; ++i) payload[i] = static_cast<char>(i * 31 % 251);
            const std::string stream = frame(role, websocket_opcode::binary, payload);
            const std::vector<seen> expected{{websocket_opcode::binary, payload}};
            std::vector<std::size_t> cuts{0, stream.size() / 2, stream.size() - 1, stream.size()};
            for (std::size_t cut = 1; cut < std::min<std::size_t>(24, stream.size()); ++cut) {
                cuts.push_back(cut);
            }
            for (const std::size_t cut : cuts) {
                reader r{role};
                r.feed(std::string_view{stream}.substr(0, cut));
                if (cut < stream.size()) CHECK(r.items.empty());
                r.feed(std::string_view{stream}.substr(cut));
                const bool same = r.items == expected && !r.ec;
                CHECK(same);
            }
        }
    }
}

TEST_CASE("a message in one frame is handed out in the buffer that it came in", "[codec]") {
    for (const auto role : both_roles) {
        std::string stream = text_frame(role, std::string(1000, 'a')) +
                             frame(role, websocket_opcode::ping, "ping") +
                             frame(role, websocket_opcode::binary, "", false) +
                             more_frame(role, "after nothing", true);
        const auto buffer = std::as_writable_bytes(std::span{stream});
        websocket_parser parser{role};
        parser.feed(buffer);
        error_code ec;
        std::size_t items = 0;
        while (const auto item = parser.next(ec)) {
            ++items;
            const auto* begin = item->payload.data();
            CHECK(begin > buffer.data());
            CHECK(begin + item->payload.size() <= buffer.data() + buffer.size());
            CHECK(parser.held_bytes() == 0);
        }
        CHECK(items == 3);
        CHECK_FALSE(ec);
    }
}

TEST_CASE("a parser is small", "[codec]") {
    CHECK(sizeof(websocket_parser) <= 168);
}

TEST_CASE("a claimed length takes no memory, only bytes that arrive do", "[codec]") {
    for (const auto role : both_roles) {
        reader r{role, {.max_message_bytes = std::size_t{1} << 40}};
        r.feed(header(role, 0x82, 127, "\0\0\0\x40\0\0\0\0"sv));
        CHECK(r.parser().held_bytes() == 0);
        r.feed(std::string(1000, 'x'));
        CHECK(r.parser().held_bytes() >= 1000);
        CHECK(r.parser().held_bytes() < 4096);
        CHECK_FALSE(r.ec);
    }
}

TEST_CASE("memory is given back when the connection idles, fails or closes", "[codec]") {
    constexpr std::size_t idle = 256;
    for (const auto role : both_roles) {
        const std::string half = text_frame(role, std::string(5000, 'a'), false);
        const std::string rest = more_frame(role, "end", true);
        reader r{role};
        r.feed(half);
        CHECK(r.parser().held_bytes() >= 5000);
        r.feed(frame(role, websocket_opcode::ping, "meanwhile"));
        CHECK(r.parser().held_bytes() >= 5000);
        r.feed(rest + half);  // not idle: the next message has begun
        CHECK(r.parser().held_bytes() >= 5000);
        r.feed(rest.substr(0, 1)).feed(rest.substr(1));
        CHECK(r.items.size() == 3);
        CHECK(r.parser().held_bytes() <= idle);
        r.feed(half + rest + start(role, 0x81, 3).substr(0, 1));  // a header's first byte is idle
        CHECK(r.parser().held_bytes() <= idle);

        reader failed{role};
        failed.feed(half).feed(start(role, 0x83, 0));
        CHECK(failed.ec == errc::ws_bad_opcode);
        CHECK(failed.parser().held_bytes() <= idle);
        reader closed{role};
        closed.feed(half).feed(frame(role, websocket_opcode::close, ""));
        CHECK(closed.parser().done());
        CHECK(closed.parser().held_bytes() <= idle);
    }
}

TEST_CASE("large messages of several parsers come in the same memory", "[codec][fault-17]") {
    for (const auto role : both_roles) {
        std::string spare;
        const websocket_parser_options options{.max_message_bytes = 16U << 20, .spare = &spare};
        reader one{role, options};
        reader two{role, options};
        const auto read = [&](reader& r, std::size_t size) {
            const auto message = text_frame(role, std::string(size, 'a'), true);
            for (std::size_t at = 0; at < message.size(); at += 50'000)
                r.feed(std::string_view(message).substr(at, 50'000));
            CHECK(r.items.back().payload == std::string(size, 'a'));
            CHECK(r.parser().held_bytes() == 0);
            return std::pair(spare.data(), spare.capacity());
        };
        const auto first = read(one, 1U << 20);
        CHECK(first.second >= 1U << 20);
        CHECK(read(one, 1U << 20) == first);
        CHECK(read(two, 1U << 20) == first);
        CHECK(read(two, 60'000) == first);    // too small to matter
        CHECK(read(one, 4U << 20) == first);  // too large to be kept
        CHECK(read(two, 200'000) == first);
    }
}

TEST_CASE("a message over its limit may be skipped, however it is cut, and the rest is read",
          "[codec][fault-1]") {
    const websocket_parser_options o{.max_message_bytes = 10, .max_skipped_bytes = 300};
    for (const auto role : both_roles) {
        const std::string stream =
            text_frame(role, "before") + text_frame(role, std::string(11, '\xff')) +
            text_frame(role, "\xe2", false) + frame(role, websocket_opcode::ping, "p") +
            more_frame(role, std::string(200, 'x'), false) +
            frame(role, websocket_opcode::pong, "q") + more_frame(role, "", false) +
            more_frame(role, std::string(99, 'x'), true) + text_frame(role, "0123456789") +
            frame(role, websocket_opcode::binary, std::string(300, 'x')) +
            text_frame(role, "\xe2\x82\xac");
        check_all_cuts(role, stream, o);
        reader r{role, o};
        r.feed(stream);
        CHECK_FALSE(r.ec);
        const std::vector<seen> expected{
            {websocket_opcode::text, "before"},     {websocket_opcode::text, "", 0, 11},
            {websocket_opcode::ping, "p"},          {websocket_opcode::pong, "q"},
            {websocket_opcode::text, "", 0, 300},   {websocket_opcode::text, "0123456789"},
            {websocket_opcode::binary, "", 0, 300}, {websocket_opcode::text, "\xe2\x82\xac"}};
        CHECK(r.items == expected);
    }
}

TEST_CASE("a skipped message takes no memory, and beyond its own limit it is refused",
          "[codec][fault-1]") {
    for (const auto role : both_roles) {
        reader r{role, {.max_message_bytes = 5000, .max_skipped_bytes = std::uint64_t{1} << 30}};
        r.feed(text_frame(role, std::string(4000, 'x'), false));
        CHECK(r.parser().held_bytes() >= 4000);
        r.feed(header(role, 0x00, 127, "\0\0\0\0\x3f\xff\0\0"sv));
        CHECK(r.parser().held_bytes() == 0);
        for (int i = 0; i < 100; ++i) r.feed(std::string(1000, 'x'));
        CHECK(r.parser().held_bytes() == 0);
        CHECK_FALSE(r.ec);
        const websocket_parser_options o{.max_message_bytes = 10, .max_skipped_bytes = 300};
        check_refused(role, header(role, 0x82, 126, "\x01\x2d"sv), errc::too_large, o);
        check_refused(role,
                      text_frame(role, std::string(200, 'x'), false) + header(role, 0x80, 101),
                      errc::too_large, o);
        check_refused(role,
                      text_frame(role, std::string(200, 'x'), false) +
                          header(role, 0x80, 127, "\x7f\xff\xff\xff\xff\xff\xff\xff"sv),
                      errc::too_large, o);
    }
}

TEST_CASE("a message whose length is known grows in few steps, within twice what has arrived",
          "[codec][fault-17]") {
    for (const auto role : both_roles) {
        constexpr std::size_t size = std::size_t{1} << 20;
        const auto stream = frame(role, websocket_opcode::binary, std::string(size, 'x'));
        websocket_parser parser{role, {.max_message_bytes = size}};
        std::size_t fed = 0;
        // The second message is held at once: the connection has brought as much before.
        for (int message = 0; message < 2; ++message) {
            std::string copy = stream;
            std::size_t steps = 0, held = 0, items = 0;
            for (std::size_t at = 0; at < copy.size(); at += 65'536) {
                const auto piece = std::min<std::size_t>(65'536, copy.size() - at);
                parser.feed(std::as_writable_bytes(std::span(copy)).subspan(at, piece));
                fed += piece;
                error_code ec;
                while (parser.next(ec)) ++items;
                CHECK_FALSE(ec);
                if (parser.held_bytes() > held) ++steps;
                held = std::max(held, parser.held_bytes());
                CHECK(parser.held_bytes() <= 2 * fed);
            }
            CHECK(items == 1);
            CHECK(held <= size + size / 8);
            CHECK(steps == (message == 0 ? 4 : 1));
        }
    }
}

TEST_CASE("bytes that are taken back may be fed again", "[codec]") {
    for (const auto role : both_roles) {
        std::string stream = text_frame(role, "one") + text_frame(role, "two");
        websocket_parser parser{role};
        parser.feed(std::as_writable_bytes(std::span(stream)));
        error_code ec;
        REQUIRE(parser.next(ec)->text() == "one");
        const auto rest = parser.take_rest();
        std::string later = {reinterpret_cast<const char*>(rest.data()), rest.size()};
        CHECK(later == text_frame(role, "two"));
        CHECK_FALSE(parser.inside_message());
        CHECK_FALSE(parser.next(ec));
        parser.feed(std::as_writable_bytes(std::span(later)));
        REQUIRE(parser.next(ec)->text() == "two");
    }
}

TEST_CASE("an unfinished stream gives nothing and is no error", "[codec]") {
    for (const auto role : both_roles) {
        reader r{role};
        r.feed("").feed("");
        r.feed(text_frame(role, "a", false) +
               frame(role, websocket_opcode::ping, "xyz").substr(0, 4));
        CHECK(r.items.empty());
        CHECK_FALSE(r.ec);
        CHECK_FALSE(r.parser().done());
    }
}

TEST_CASE("an error of before does not outlast the next call that has none", "[codec]") {
    websocket_parser parser{websocket_role::client};
    error_code ec = errc::timed_out;
    CHECK_FALSE(parser.next(ec));
    CHECK_FALSE(ec);
    std::string stream = text_frame(websocket_role::client, "a");
    parser.feed(std::as_writable_bytes(std::span{stream}));
    ec = errc::timed_out;
    CHECK(parser.next(ec));
    CHECK_FALSE(ec);
}

TEST_CASE("a large message in many fragments and reads is put together", "[codec]") {
    for (const auto role : both_roles) {
        // Autobahn 10.1.1, and 5.x with control frames between.
        const std::string payload(65536, '*');
        std::string stream;
        std::size_t pings = 0;
        for (std::size_t at = 0; at < payload.size(); at += 1300) {
            const std::string_view piece = std::string_view{payload}.substr(at, 1300);
            stream += frame(role, at == 0 ? websocket_opcode::text : websocket_opcode::continuation,
                            piece, at + 1300 >= payload.size());
            if (at + 1300 < payload.size()) {
                stream += frame(role, websocket_opcode::ping, "p");
                ++pings;
            }
        }
        for (const std::size_t read : {997u, 4096u, 1u << 20}) {
            reader r{role};
            for (std::size_t at = 0; at < stream.size(); at += read) {
                r.feed(std::string_view{stream}.substr(at, read));
            }
            CHECK_FALSE(r.ec);
            REQUIRE(r.items.size() == pings + 1);
            const bool same = r.items.back() == seen{websocket_opcode::text, payload};
            CHECK(same);
        }
    }
}

namespace {

using random_source = std::mt19937;

std::size_t below(random_source& random, std::size_t bound) {
    return random() % bound;
}

std::uint32_t random_key(random_source& random) {
    return static_cast<std::uint32_t>(random());
}

std::string random_text(random_source& random, std::size_t characters) {
    constexpr std::array<std::string_view, 6> samples{
        "a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "plain text ", "\xed\x9f\xbf"};
    std::string out;
    while (characters-- > 0) out += samples[below(random, samples.size())];
    return out;
}

std::string random_bytes(random_source& random, std::size_t size) {
    std::string out(size, '\0');
    for (char& byte : out) byte = static_cast<char>(random());
    return out;
}

/// Appends a message in random fragments with control frames between, and what is to be read.
void add_random_message(random_source& random, websocket_role role, std::string& stream,
                        std::vector<seen>& expected) {
    const bool text = below(random, 2) == 0;
    const std::size_t scale = below(random, 20) == 0 ? 30'000 : 200;
    const std::string payload = text ? random_text(random, below(random, scale))
                                     : random_bytes(random, below(random, scale));
    const auto kind = text ? websocket_opcode::text : websocket_opcode::binary;
    auto opcode = kind;
    std::string_view left = payload;
    for (std::size_t fragments = below(random, 4) + 1; fragments > 0; --fragments) {
        const bool last = fragments == 1;
        const std::size_t size = last ? left.size() : below(random, left.size() + 1);
        stream += frame(role, opcode, left.substr(0, size), last, random_key(random));
        left.remove_prefix(size);
        opcode = websocket_opcode::continuation;
        if (last) expected.push_back({kind, payload});
        if (below(random, 3) == 0) {
            const auto control =
                below(random, 2) == 0 ? websocket_opcode::ping : websocket_opcode::pong;
            const std::string data = random_bytes(random, below(random, 126));
            stream += frame(role, control, data, true, random_key(random));
            expected.push_back({control, data});
        }
    }
}

}  // namespace

TEST_CASE("random streams in random pieces are read as they were written", "[codec]") {
    random_source random{20'240'611};
    for (int round = 0; round < 60; ++round) {
        for (const auto role : both_roles) {
            std::string stream;
            std::vector<seen> expected;
            for (int i = 0; i < 10; ++i) add_random_message(random, role, stream, expected);
            stream += frame(role, websocket_opcode::close, close_payload(1000, "done"), true,
                            random_key(random));
            expected.push_back({websocket_opcode::close, "done", 1000});
            reader r{role};
            const std::size_t longest = std::size_t{1} << below(random, 16);
            for (std::string_view left = stream; !left.empty();) {
                const std::size_t size = std::min(left.size(), below(random, longest) + 1);
                r.feed(left.substr(0, size));
                left.remove_prefix(size);
            }
            const bool same = r.items == expected && !r.ec;
            if (!same) FAIL("round " << round);
        }
    }
    SUCCEED();
}
