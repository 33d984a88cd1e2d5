// SPDX-License-Identifier: BSL-1.0
// What is over a limit, and what follows an error.
#include "support/sse_reader.hpp"

TEST_CASE("a line over its limit makes its event one that is skipped", "[sse][fault-1]") {
    const tidings::sse_parser_options options{.max_line_bytes = 8};
    REQUIRE(parse("data:abc\r\n\r\n", options) == lines{message("abc"), "at <>"});
    REQUIRE(parse("data:abc", options) == lines{"at <>"});
    REQUIRE(parse("data:abcd", options) == lines{"at <>"});
    REQUIRE(parse("data:abcd\n\ndata:a\n\n", options) == lines{skipped(4), message("a"), "at <>"});
    REQUIRE(parse("id:1\ndata:abcd\ndata:a\n\n", options) == lines{skipped(7), "at <1>"});
    // A comment or a field that means nothing belongs to no event.
    REQUIRE(parse(":a\nid:1\ndata\n\nid:2\n:12345678\nother:123456789012\n\n", options) ==
            lines{comment("a"), message("", "1"), id_only("2"), "at <2>"});
    REQUIRE(parse("\xef\xbb\xbf"
                  "data:abcdefghijk\r\r\n",
                  options) == lines{skipped(11), "at <>"});
}

TEST_CASE("an event over its limit is skipped, and its id is kept", "[sse][fault-1]") {
    const tidings::sse_parser_options options{.max_line_bytes = 64, .max_event_bytes = 6};
    REQUIRE(parse("data:abcdef\n\ndata:abcdef\n\n", options) ==
            lines{message("abcdef"), message("abcdef"), "at <>"});
    REQUIRE(parse("data:abcdefg\n", options) == lines{"at <>"});
    REQUIRE(parse("data:abcdefg\ndata:hi\n\ndata:x\n\n", options) ==
            lines{skipped(10), message("x"), "at <>"});
    REQUIRE(parse("data:abc\ndata:de\n\n", options) == lines{message("abc\nde"), "at <>"});
    REQUIRE(parse("data:abc\ndata:def\n\n", options) == lines{skipped(7), "at <>"});
    REQUIRE(parse("event:ab\nid:cd\ndata:ef\n\n", options) ==
            lines{message("ef", "cd", "ab"), "at <cd>"});
    REQUIRE(parse("event:ab\nid:cd\ndata:efg\n\n", options) == lines{skipped(7), "at <cd>"});
    REQUIRE(parse("data:abcdefg\nid:1\n\n", options) == lines{skipped(8), "at <1>"});
    REQUIRE(parse("event:abcdefg\n\n", options) == lines{skipped(7), "at <>"});
    REQUIRE(parse("id:abcdefg\n\n", options) == lines{skipped(7), "at <>"});
    // Repeated fields replace one another, and a comment is not of the event.
    REQUIRE(parse("id:abcdef\nid:123456\n:1234567890\n\n", options) ==
            lines{comment("1234567890"), id_only("123456"), "at <123456>"});
}

TEST_CASE("lines without a value add up to the limit of an event", "[sse]") {
    std::string stream;
    for (int i = 0; i < 7; ++i) stream += "data\n";
    REQUIRE(parse(stream + "\n", {.max_event_bytes = 6}) ==
            lines{message("\n\n\n\n\n\n"), "at <>"});
    REQUIRE(parse(stream + "data\n\n", {.max_event_bytes = 6}) == lines{skipped(7), "at <>"});
}

TEST_CASE("the limit of an event counts what invalid bytes become", "[sse]") {
    REQUIRE(parse("data:\xff\xff\n\n", {.max_event_bytes = 6}) ==
            lines{message(replaced + replaced), "at <>"});
    REQUIRE(parse("data:\xff\xff\xff\n\n", {.max_event_bytes = 8}) == lines{skipped(9), "at <>"});
}

TEST_CASE("after an error nothing is taken until a new connection", "[sse]") {
    tidings::sse_parser parser{{.max_line_bytes = 8, .max_skipped_bytes = 4}};
    REQUIRE(read(parser, "id:1\n\nid:2\ndata:abcd\n") == lines{id_only("1"), "too long"});
    REQUIRE(read(parser, "\ndata:a\n\n") == lines{"too long"});
    error_code ec;
    REQUIRE_FALSE(parser.next(ec));
    REQUIRE(ec == errc::sse_line_too_long);
    parser.reset_connection();
    REQUIRE(parser.last_event_id() == "1");
    REQUIRE(read(parser, "data:a\n\n") == lines{message("a", "1")});
}

TEST_CASE("what is read away has a limit of its own", "[sse][fault-1]") {
    const tidings::sse_parser_options options{
        .max_line_bytes = 10, .max_event_bytes = 10, .max_skipped_bytes = 20};
    REQUIRE(parse("data:12345678901234567890\n\n", options) == lines{skipped(20), "at <>"});
    REQUIRE(parse("data:123456789012345678901", options) == lines{"too long", "at <>"});
    REQUIRE(parse(":" + std::string(20, 'x'), options) == lines{"too long", "at <>"});
    std::string stream;
    for (int i = 0; i < 5; ++i) stream += "data:abcd\n";
    REQUIRE(parse(stream, options) == lines{"too long", "at <>"});
}
