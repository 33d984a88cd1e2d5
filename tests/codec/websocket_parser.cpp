// SPDX-License-Identifier: BSL-1.0
// What is read, however it is cut.
#include "support/websocket_reader.hpp"

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
