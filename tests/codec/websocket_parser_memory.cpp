// SPDX-License-Identifier: BSL-1.0
// What a parser holds, and messages that are over their limit.
#include "support/websocket_reader.hpp"

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
