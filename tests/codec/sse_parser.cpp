// SPDX-License-Identifier: BSL-1.0
#include "support/sse_reader.hpp"

TEST_CASE("the id of an unfinished event is not committed", "[sse]") {
    REQUIRE(parse("id:1\ndata:a\n\nid:2\ndata:b\n") == lines{message("a", "1"), "at <1>"});
    REQUIRE(parse("id:1\ndata:a\n\nid:2\ndata:b") == lines{message("a", "1"), "at <1>"});
    REQUIRE(parse("id:1\n\nid:2") == lines{id_only("1"), "at <1>"});
}

TEST_CASE("a CR and a later LF are two line ends", "[sse]") {
    REQUIRE(parse("data:a\rdata:b\ndata:c\n\n") == lines{message("a\nb\nc"), "at <>"});
    REQUIRE(parse("data:a\r\rdata:b\n\n") == lines{message("a"), message("b"), "at <>"});
    REQUIRE(parse("data:a\n\rdata:b\r\n\r\n") == lines{message("a"), message("b"), "at <>"});
}

TEST_CASE("a block without data dispatches no event but commits its id", "[sse]") {
    REQUIRE(parse("event:x\n\n") == lines{"at <>"});
    REQUIRE(parse("id:1\n\n") == lines{id_only("1"), "at <1>"});
    REQUIRE(parse("id:1\n\nid:1\n\n\n") == lines{id_only("1"), id_only("1"), "at <1>"});
    REQUIRE(parse("event:x\nid:1\n\ndata:a\n\n") ==
            lines{id_only("1"), message("a", "1"), "at <1>"});
}

TEST_CASE("an id persists on later events", "[sse]") {
    REQUIRE(parse("id:1\ndata:a\n\ndata:b\n\nevent:x\ndata:c\n\n") ==
            lines{message("a", "1"), message("b", "1"), message("c", "1", "x"), "at <1>"});
}

TEST_CASE("an empty id resets", "[sse]") {
    REQUIRE(parse("id:1\ndata:a\n\nid\ndata:b\n\ndata:c\n\n") ==
            lines{message("a", "1"), message("b"), message("c"), "at <>"});
    REQUIRE(parse("id:1\n\nid:\n\n") == lines{id_only("1"), id_only(""), "at <>"});
    REQUIRE(parse("id:1\nid: \ndata:a\n\n") == lines{message("a"), "at <>"});
}

TEST_CASE("an empty event resets to message", "[sse]") {
    REQUIRE(parse("event:x\nevent:\ndata:a\n\n") == lines{message("a"), "at <>"});
    REQUIRE(parse("event:x\nevent\ndata:a\n\n") == lines{message("a"), "at <>"});
    REQUIRE(parse("event: \ndata:a\n\n") == lines{message("a"), "at <>"});
}

TEST_CASE("an event name holds for one block", "[sse]") {
    REQUIRE(parse("event:x\ndata:a\n\ndata:b\n\n") ==
            lines{message("a", "", "x"), message("b"), "at <>"});
    REQUIRE(parse("event:x\n\ndata:b\n\n") == lines{message("b"), "at <>"});
    REQUIRE(parse("event:x\nevent:y\ndata:a\n\n") == lines{message("a", "", "y"), "at <>"});
}

TEST_CASE("one byte order mark is removed and no more", "[sse]") {
    REQUIRE(parse(bom + "data:a\n\n" + bom + "data:b\n\ndata:c\n\n") ==
            lines{message("a"), message("c"), "at <>"});
    REQUIRE(parse(bom + bom + "data:a\n\ndata:b\n\n") == lines{message("b"), "at <>"});
    REQUIRE(parse("\n" + bom + "data:a\n\n") == lines{"at <>"});
    REQUIRE(parse("\r\n" + bom + "data:a\n\n") == lines{"at <>"});
    REQUIRE(parse("data:" + bom + "\n\n") == lines{message(bom), "at <>"});
    REQUIRE(parse(bom + "\n" + bom + "data:a\n\n") == lines{"at <>"});
    REQUIRE(parse(bom.substr(0, 2) + "data:a\ndata:b\n\n") == lines{message("b"), "at <>"});
}

TEST_CASE("a CR that ends a read dispatches at once", "[sse]") {
    tidings::sse_parser parser;
    REQUIRE(read(parser, "data:a\r") == lines{});
    REQUIRE(read(parser, "\r") == lines{message("a")});
    REQUIRE(read(parser, "data:b\r\n\r") == lines{message("b")});
    REQUIRE(read(parser, "\n") == lines{});
    REQUIRE(read(parser, "data:c\r") == lines{});
    REQUIRE(read(parser, "\n") == lines{});
    REQUIRE(read(parser, "\n") == lines{message("c")});
}

TEST_CASE("an item is out as soon as its last byte is in", "[sse]") {
    tidings::sse_parser parser;
    REQUIRE(read(parser, "data:a\n") == lines{});
    REQUIRE(read(parser, "\n") == lines{message("a")});
    REQUIRE(read(parser, ": hi") == lines{});
    REQUIRE(read(parser, "\n") == lines{comment("hi")});
    REQUIRE(read(parser, "retry:5\n") == lines{retry(5)});
    REQUIRE(read(parser, "id:1\n") == lines{});
    REQUIRE(parser.last_event_id().empty());
    REQUIRE(read(parser, "\n") == lines{id_only("1")});
    REQUIRE(read(parser, "") == lines{});
}

TEST_CASE("the committed id is that of the items pulled so far", "[sse]") {
    tidings::sse_parser parser;
    error_code ec;
    parser.feed("id:1\ndata:a\n\nid:2\ndata:b\n\n");
    REQUIRE(parser.last_event_id().empty());
    REQUIRE(parser.next(ec));
    REQUIRE(parser.last_event_id() == "1");
    REQUIRE(parser.next(ec));
    REQUIRE(parser.last_event_id() == "2");
}

// A new connection.

TEST_CASE("a new connection keeps the id and drops the unfinished block", "[sse]") {
    tidings::sse_parser parser;
    REQUIRE(read(parser, "id:1\ndata:a\n\nid:2\nevent:x\ndata:lost\ndata:half a li") ==
            lines{message("a", "1")});
    parser.reset_connection();
    REQUIRE(parser.last_event_id() == "1");
    REQUIRE(read(parser, "ne\n\ndata:b\n\n") == lines{message("b", "1")});
    REQUIRE(parser.last_event_id() == "1");
}

TEST_CASE("a new connection drops what was not pulled", "[sse]") {
    tidings::sse_parser parser;
    parser.feed("id:1\ndata:a\n\n");
    parser.reset_connection();
    REQUIRE(read(parser, "data:b\n\n") == lines{message("b")});
}

TEST_CASE("a new connection may begin with a byte order mark again", "[sse]") {
    tidings::sse_parser parser;
    REQUIRE(read(parser, bom + "data:a\n\n") == lines{message("a")});
    parser.reset_connection();
    REQUIRE(read(parser, "\xef") == lines{});
    REQUIRE(read(parser, "\xbb\xbf" + "data:b\n\n"s) == lines{message("b")});
}

TEST_CASE("a CR before a new connection swallows nothing of it", "[sse]") {
    tidings::sse_parser parser;
    REQUIRE(read(parser, "data:a\r") == lines{});
    parser.reset_connection();
    // The LF is the first line, so the mark after it is not at the beginning.
    REQUIRE(read(parser, "\n" + bom + "data:b\n\n") == lines{});
}

TEST_CASE("a stored id is in force until the stream sends another", "[sse]") {
    tidings::sse_parser parser;
    REQUIRE_FALSE(parser.set_last_event_id("7"));
    parser.reset_connection();
    REQUIRE(read(parser, "data:a\n\nid:8\ndata:b\n\n") ==
            lines{message("a", "7"), message("b", "8")});
    REQUIRE_FALSE(parser.set_last_event_id(""));
    REQUIRE(read(parser, "data:c\n\n") == lines{message("c")});
}

TEST_CASE("a stored id that could not have come from a stream is refused", "[sse]") {
    tidings::sse_parser parser;
    REQUIRE_FALSE(parser.set_last_event_id("7"));
    for (const auto& bad : {"a\nb"s, "a\r"s, "\0"s})
        REQUIRE(parser.set_last_event_id(bad) == errc::sse_bad_field);
    REQUIRE(parser.last_event_id() == "7");
}

// The cases of web-platform-tests, eventsource/format-*.

TEST_CASE("comments are not part of an event but are seen", "[sse]") {
    const std::string text(2048, 'x');
    REQUIRE(read_all("data:1\r:\0\n:\r\ndata:2\n:"s + text + "\rdata:3\n:data:no\r: " + text +
                         "\ndata:4\n\n",
                     {}) == lines{comment("\0"s), comment(""), comment(text), comment("data:no"),
                                  comment(text), message("1\n2\n3\n4"), "at <>"});
    REQUIRE(parse(":\n::\n:  a\xff\n") ==
            lines{comment(""), comment(":"), comment(" a" + replaced), "at <>"});
}

TEST_CASE("data without a blank line after it is not dispatched", "[sse]") {
    REQUIRE(parse("retry:1000\ndata:a\n\nid:test\ndata:b") ==
            lines{retry(1000), message("a"), "at <>"});
}

TEST_CASE("an empty data field is data", "[sse]") {
    REQUIRE(parse("data:\n\ndata\ndata\n\ndata:test\n\n") ==
            lines{message(""), message("\n"), message("test"), "at <>"});
    REQUIRE(parse("data\n\n\n\n") == lines{message(""), "at <>"});
}

TEST_CASE("only exact field names count", "[sse]") {
    REQUIRE(parse("data:\0\ndata:  2\rData:1\ndata\0:2\ndata:1\r\0data:4\nda-ta:3\rdata_5\n"
                  "data:3\rdata:\r\n data:32\ndata:4\n\n"s) ==
            lines{message("\0\n 2\n1\n3\n\n4"s), "at <>"});
    REQUIRE(parse("ID:1\nEvent:x\nRetry:1\nretry :2\nids:3\ndat\ndata:a\n\n") ==
            lines{message("a"), "at <>"});
}

TEST_CASE("unknown fields are ignored", "[sse]") {
    REQUIRE(parse("data:test\n data\ndata\nfoobar:xxx\njust some text\n:comment\ndata:test\n\n") ==
            lines{comment("comment"), message("test\n\ntest"), "at <>"});
}

TEST_CASE("one leading space of a value is removed and no other character", "[sse]") {
    REQUIRE(parse("data:\ttest\rdata: \ndata:test\n\n") ==
            lines{message("\ttest\n\ntest"), "at <>"});
    REQUIRE(parse("data:  a \nid:  1 \nevent:  e \n\n") ==
            lines{message(" a ", " 1 ", " e "), "at < 1 >"});
    REQUIRE(parse("data::a: b\n\n") == lines{message(":a: b"), "at <>"});
}

TEST_CASE("lines end in CR, LF or CRLF", "[sse]") {
    REQUIRE(parse("data:test\r\ndata\ndata:test\r\n\r") == lines{message("test\n\ntest"), "at <>"});
    REQUIRE(parse("data:a\r\n\r\ndata:b\n\ndata:c\r\rdata:d\n\rdata:e\r\n\ndata:f\r\n\r") ==
            lines{message("a"), message("b"), message("c"), message("d"), message("e"),
                  message("f"), "at <>"});
}

TEST_CASE("NUL is a character of data", "[sse]") {
    REQUIRE(parse("data:\0\n\n\0\n\n"s) == lines{message("\0"s), "at <>"});
}

TEST_CASE("an id that holds NUL is ignored", "[sse]") {
    REQUIRE(parse("id:\0\0\ndata:a\n\n"s) == lines{message("a"), "at <>"});
    REQUIRE(parse("id:1\nid:2\0\ndata:a\n\n"s) == lines{message("a", "1"), "at <1>"});
    REQUIRE(parse("id:1\n\nid:\0\n\n"s) == lines{id_only("1"), "at <1>"});
    REQUIRE(parse("event:\0\ndata:a\n\n"s) == lines{message("a", "", "\0"s), "at <>"});
}

TEST_CASE("an id changes with the event that brings it", "[sse]") {
    REQUIRE(parse("id: 1\ndata: 1\n\nid: 2\ndata:2\n\ndata:3\n\n") ==
            lines{message("1", "1"), message("2", "2"), message("3", "2"), "at <2>"});
    REQUIRE(parse("id: \u2026\ndata: hello\n\n") ==
            lines{message("hello", "\u2026"), "at <\u2026>"});
}

TEST_CASE("a reconnection time is ASCII digits only", "[sse]") {
    REQUIRE(parse("retry:3000\n") == lines{retry(3000), "at <>"});
    REQUIRE(parse("retry: 02000\nretry:0\n") == lines{retry(2000), retry(0), "at <>"});
    for (const auto* bad :
         {"", "1000x", "x1", "-1", "+1", " 1", "1 ", "1.5", "1e3", "0x1", "/", ":", "\xd9\xa1"})
        REQUIRE(parse("retry: "s + bad + "\ndata:a\n\n") == lines{message("a"), "at <>"});
    REQUIRE(parse("retry\ndata:a\n\n") == lines{message("a"), "at <>"});
}

TEST_CASE("a reconnection time beyond reason is cut", "[sse]") {
    REQUIRE(parse("retry:2147483647\nretry:2147483648\n") ==
            lines{retry(2147483647), retry(2147483647), "at <>"});
    REQUIRE(parse("retry:" + std::string(100, '9') + "\n") == lines{retry(2147483647), "at <>"});
    REQUIRE(parse("retry:" + std::string(100, '9') + "x\n") == lines{"at <>"});
    REQUIRE(parse("retry:" + std::string(100, '0') + "7\n") == lines{retry(7), "at <>"});
}

TEST_CASE("a reconnection time is seen before its block ends and leaves it whole", "[sse]") {
    REQUIRE(parse("id:1\ndata:a\nretry:7\ndata:b\n\n") ==
            lines{retry(7), message("a\nb", "1"), "at <1>"});
}

TEST_CASE("a media type is compared without case and parameters", "[sse]") {
    for (const auto* good : {"text/event-stream", "Text/Event-STREAM", "text/event-stream;",
                             "text/event-stream;x bogus", " text/event-stream\t; charset=utf-8"})
        REQUIRE(tidings::is_sse_content_type(good));
    for (const auto* bad :
         {"", ";", " ", "text/event-stream x", "x text/event-stream", "text/event-streams",
          "text/event-strea", "text/plain", "text/plain; text/event-stream",
          "text/event-stream, text/plain", "text/event\rstream"})
        REQUIRE_FALSE(tidings::is_sse_content_type(bad));
}

// UTF-8.

TEST_CASE("what is UTF-8 stays as it is", "[sse]") {
    const std::string text =
        "ok\u2026 \u00e9\u0800\u07ff\ud7ff\ue000\ufffd\uffff\U00010000\U0010ffff"
        "12345678 and more ASCII";
    REQUIRE(parse("event:" + text + "\nid:" + text + "\ndata:" + text + "\n\n:" + text + "\n") ==
            lines{message(text, text, text), comment(text), "at <" + text + ">"});
}

TEST_CASE("each maximal part of an invalid sequence becomes one U+FFFD", "[sse]") {
    struct example {
        std::string bytes;
        std::string expected;  // with ? for U+FFFD
    };
    // The first four are tables 3-8 to 3-11 of the Unicode Standard.
    const std::vector<example> examples = {
        {"\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41", "????????A"},
        {"\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41", "????????A"},
        {"\xf4\x91\x92\x93\xff\x41\x80\xbf\x42", "?????A??B"},
        {"\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41", "????A"},
        {"\xc1\x80", "??"},
        {"\xc2", "?"},
        {"\xe2\x82", "?"},
        {"\xf0\x9f\x98", "?"},
        {"\xf0\x90\x80", "?"},
        {"\xf0\x8f\xbf\xbf", "????"},
        {"\xf4\x8f\xbf", "?"},
        {"\xf5\x80\x80\x80", "????"},
        {"\xe0\x9f\xbf", "???"},
        {"\xe0\xa0", "?"},
        {"\xed\x9f", "?"},
        {"\xc2\xc2\x80", "?\xc2\x80"},
        {"12345678\xe2\x82"
         "12345678",
         "12345678?12345678"},
    };
    for (const auto& [bytes, pattern] : examples) {
        std::string expected;
        for (const char c : pattern) expected += c == '?' ? replaced : std::string(1, c);
        REQUIRE(parse("event:" + bytes + "\nid:" + bytes + "\ndata:" + bytes + "\n\n:" + bytes +
                      "\n") == lines{message(expected, expected, expected), comment(expected),
                                     "at <" + expected + ">"});
    }
}

TEST_CASE("an invalid byte in a field name makes the field unknown", "[sse]") {
    REQUIRE(parse("data\xff:a\n\xe2:b\ndata:c\n\n") == lines{message("c"), "at <>"});
}

// Limits.

TEST_CASE("a message says whether its id was sent", "[sse][fault-25]") {
    tidings::sse_parser parser;
    parser.feed("id:7\ndata:a\n\nid:7\ndata:b\n\ndata:c\n\nid\ndata:d\n\n");
    error_code ec;
    for (const bool sent : {true, true, false, true}) {
        const auto item = parser.next(ec);
        REQUIRE(item);
        REQUIRE(std::get<tidings::sse_message>(*item).has_id == sent);
    }
}

TEST_CASE("a call that succeeds clears the error code", "[sse]") {
    tidings::sse_parser parser;
    error_code ec = errc::closed;
    REQUIRE_FALSE(parser.next(ec));
    REQUIRE_FALSE(ec);
}

TEST_CASE("lines longer than any search window are found whole", "[sse]") {
    for (const std::size_t size : {505U, 506U, 507U, 508U, 511U, 512U, 513U, 1024U, 5000U}) {
        const std::string text(size, 'x');
        for (const auto* end : {"\n", "\r", "\r\n"}) {
            const auto stream = "data:" + text + end + "data:" + text + end + end;
            REQUIRE(read_all(stream, {}) == lines{message(text + '\n' + text), "at <>"});
            REQUIRE(read_all(stream, {size, size + 5, size + 6}) == read_all(stream, {}));
        }
    }
}

// Everything at once.
