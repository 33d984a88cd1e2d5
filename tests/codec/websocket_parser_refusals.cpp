// SPDX-License-Identifier: BSL-1.0
// What breaks RFC 6455 is refused, at its first wrong byte.
#include "support/websocket_reader.hpp"

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
