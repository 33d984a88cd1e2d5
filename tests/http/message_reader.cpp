// SPDX-License-Identifier: BSL-1.0
#include <tidings/http/impl/message/message_reader.hpp>

#include "support/catch2.hpp"

#include <boost/asio/error.hpp>

#include <ostream>
#include <vector>

using namespace tidings;
using http::detail::message_reader;
using http::detail::read_step;
using http::detail::request_reader;
using http::detail::response_reader;

namespace {

constexpr std::size_t header_limit = 512;

template <class Message>
struct outcome_of {
    std::vector<Message> messages{};
    std::vector<http::detail::message_frame> frames{};
    error_code error{};
    std::string rest{};
};

// Feeds the pieces one after another, and reads whatever can be read.
template <class Message>
outcome_of<Message> read_pieces(const std::vector<std::string>& pieces, bool eof = false,
                                std::size_t body_limit = 4096) {
    message_reader<Message> reader(header_limit);
    outcome_of<Message> result;
    const auto drain = [&] {
        for (;;) {
            const auto step = reader.next(result.error);
            if (step == read_step::header) {
                result.frames.push_back(reader.frame());
                reader.limit_body(body_limit);
            } else if (step == read_step::complete) {
                result.messages.push_back(std::move(reader.message()));
                reader.reset();
            } else {
                CHECK((step == read_step::failed) == static_cast<bool>(result.error));
                return step == read_step::more;
            }
        }
    };
    for (const auto& piece : pieces) {
        reader.append(piece);
        if (!drain()) return result;
    }
    if (eof && reader.end(result.error) == read_step::complete)
        result.messages.push_back(std::move(reader.message()));
    result.rest = reader.take_rest();
    return result;
}

// Whole, cut in two at every byte, and byte by byte.
template <class Check>
void in_every_cut(const std::string& text, Check check) {
    check({text});
    for (std::size_t at = 1; at < text.size(); ++at) {
        INFO("cut at byte " << at);
        check({text.substr(0, at), text.substr(at)});
    }
    std::vector<std::string> bytes;
    for (const char c : text) bytes.emplace_back(1, c);
    INFO("byte by byte");
    check(bytes);
}

struct broken {
    const char* what;
    std::string text;
    errc expected;
};
std::ostream& operator<<(std::ostream& out, const broken& b) {
    return out << b.what;
}

std::string post(const std::string& fields, const std::string& body = {}) {
    return "POST /a HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n" + body;
}

}  // namespace

TEST_CASE("A request that two readers could read differently is refused, however it is cut",
          "[http]") {
    const auto row = GENERATE(
        broken{"both Content-Length and Transfer-Encoding",
               post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"),
               errc::ambiguous_framing},
        broken{"both, the other way round",
               post("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n"),
               errc::ambiguous_framing},
        broken{"two Content-Lengths that differ",
               post("Content-Length: 3\r\nContent-Length: 4\r\n"), errc::ambiguous_framing},
        broken{"two Content-Lengths that agree", post("Content-Length: 3\r\nContent-Length: 3\r\n"),
               errc::ambiguous_framing},
        broken{"a list of Content-Lengths", post("Content-Length: 3, 3\r\n"),
               errc::ambiguous_framing},
        broken{"a Content-Length with a sign", post("Content-Length: +3\r\n"),
               errc::ambiguous_framing},
        broken{"a negative Content-Length", post("Content-Length: -3\r\n"),
               errc::ambiguous_framing},
        broken{"a hexadecimal Content-Length", post("Content-Length: 0x3\r\n"),
               errc::ambiguous_framing},
        broken{"an empty Content-Length", post("Content-Length:\r\n"), errc::ambiguous_framing},
        broken{"a Content-Length over 64 bits", post("Content-Length: 18446744073709551617\r\n"),
               errc::ambiguous_framing},
        broken{"a coding before chunked", post("Transfer-Encoding: gzip, chunked\r\n"),
               errc::ambiguous_framing},
        broken{"a coding after chunked", post("Transfer-Encoding: chunked, gzip\r\n"),
               errc::ambiguous_framing},
        broken{"an unknown coding", post("Transfer-Encoding: xchunked\r\n"),
               errc::ambiguous_framing},
        broken{"identity", post("Transfer-Encoding: identity\r\n"), errc::ambiguous_framing},
        broken{"an empty coding", post("Transfer-Encoding:\r\n"), errc::ambiguous_framing},
        broken{"chunked twice",
               post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
               errc::ambiguous_framing},
        broken{"chunked twice in one", post("Transfer-Encoding: chunked, chunked\r\n"),
               errc::ambiguous_framing},
        broken{"chunked with a vertical tab", post("Transfer-Encoding: \vchunked\r\n"),
               errc::bad_request},
        broken{"chunked in HTTP/1.0", "POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
               errc::ambiguous_framing},
        broken{"a space before the colon", post("Content-Length : 3\r\n"), errc::bad_request},
        broken{"a folded field", post("X: a\r\n b\r\n"), errc::bad_request},
        broken{"a field folded with a tab", post("X: a\r\n\tb\r\n"), errc::bad_request},
        broken{"a first field that is indented", "GET / HTTP/1.1\r\n Host: h\r\n\r\n",
               errc::bad_request},
        broken{"a bare line feed after a field", "GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n",
               errc::bad_request},
        broken{"a bare line feed after the request line", "GET / HTTP/1.1\nHost: h\r\n\r\n",
               errc::bad_request},
        broken{"a bare line feed as the blank line", "GET / HTTP/1.1\r\nHost: h\r\n\n",
               errc::bad_request},
        broken{"a bare carriage return", "GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n",
               errc::bad_request},
        broken{"a NUL in a value", post(std::string("X: a\0b\r\n", 8)), errc::bad_request},
        broken{"a NUL in a name", post(std::string("X\0: a\r\n", 7)), errc::bad_request},
        broken{"an empty name", post(": a\r\n"), errc::bad_request},
        broken{"a line without a colon", post("X\r\n"), errc::bad_request},
        broken{"no Host", "GET / HTTP/1.1\r\n\r\n", errc::bad_request},
        broken{"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", errc::bad_request},
        broken{"two Hosts that agree", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n",
               errc::bad_request},
        broken{"a Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", errc::bad_request},
        broken{"a Host with user info", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", errc::bad_request},
        broken{"HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", errc::unsupported_http_version},
        broken{"the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
               errc::unsupported_http_version},
        broken{"HTTP/1.10", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", errc::bad_request},
        broken{"HTTP/1.x", "GET / HTTP/1.x\r\nHost: a\r\n\r\n", errc::bad_request},
        broken{"HTTP/0.9", "GET /\r\n\r\n", errc::bad_request},
        broken{"http in lower case", "GET / http/1.1\r\nHost: a\r\n\r\n", errc::bad_request},
        broken{"a space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", errc::bad_request},
        broken{"a fragment in the target", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n",
               errc::bad_request},
        broken{"a relative target", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", errc::bad_request},
        broken{"CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", errc::bad_request},
        broken{"* for another method", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", errc::bad_request},
        broken{"no method", " / HTTP/1.1\r\nHost: a\r\n\r\n", errc::bad_request},
        broken{"two empty lines first", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
               errc::bad_request},
        broken{"the beginning of TLS",
               std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n", 13), errc::bad_request},
        broken{"a chunk size that is none",
               post("Transfer-Encoding: chunked\r\n", "x\r\nabc\r\n0\r\n\r\n"), errc::bad_request},
        broken{"an empty chunk size",
               post("Transfer-Encoding: chunked\r\n", "\r\nabc\r\n0\r\n\r\n"), errc::bad_request},
        broken{"a chunk size over 64 bits",
               post("Transfer-Encoding: chunked\r\n", "1fffffffffffffffff\r\n"), errc::bad_request},
        broken{"a chunk longer than its size",
               post("Transfer-Encoding: chunked\r\n", "3\r\nabcd\r\n0\r\n\r\n"), errc::bad_request},
        broken{"a chunk shorter than its size",
               post("Transfer-Encoding: chunked\r\n", "4\r\nabc\r\n0\r\n\r\n"), errc::bad_request},
        broken{"a space after a chunk size",
               post("Transfer-Encoding: chunked\r\n", "3 \r\nabc\r\n0\r\n\r\n"), errc::bad_request},
        broken{"a chunk size with 0x",
               post("Transfer-Encoding: chunked\r\n", "0x3\r\nabc\r\n0\r\n\r\n"),
               errc::bad_request},
        broken{"a bare line feed after a chunk size",
               post("Transfer-Encoding: chunked\r\n", "3\nabc\r\n0\r\n\r\n"), errc::bad_request},
        broken{"a bare line feed in a chunk extension",
               post("Transfer-Encoding: chunked\r\n", "3;a\nabc\r\n0\r\n\r\n"), errc::bad_request},
        broken{"a bare carriage return in a chunk extension",
               post("Transfer-Encoding: chunked\r\n", "3;a\rb\r\nabc\r\n0\r\n\r\n"),
               errc::bad_request},
        broken{"a bare line feed after a chunk",
               post("Transfer-Encoding: chunked\r\n", "3\r\nabc\n0\r\n\r\n"), errc::bad_request},
        broken{"a bare line feed after a trailer field",
               post("Transfer-Encoding: chunked\r\n", "0\r\na: b\n\r\n"), errc::bad_request},
        broken{"a bare line feed at the end of the chunks",
               post("Transfer-Encoding: chunked\r\n", "0\r\n\n"), errc::bad_request});
    CAPTURE(row);
    in_every_cut(row.text, [&](const std::vector<std::string>& pieces) {
        const auto result = read_pieces<http::request>(pieces);
        CHECK(result.error == row.expected);
        CHECK(result.messages.empty());
    });
}

TEST_CASE("Requests come out whole and in order, however they are cut", "[http]") {
    const std::string text =
        "\r\nGET /a?b=%20c HTTP/1.1\r\nhOsT: example.org:8080\r\nX: \t one \t\r\nx: two\r\n\r\n"
        "POST /b HTTP/1.1\r\nHost:\r\nContent-Length: 5\r\n\r\nhe\r\no"
        "PUT /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: CHUNKED\r\n\r\n"
        "3;name=\"va;lue\"\r\nabc\r\n00a\r\n0123456789\r\n0\r\nX: trailer\r\nContent-Length: "
        "7\r\n\r\n"
        "\r\nDELETE http://other.example:81/d?e HTTP/1.1\r\nHost: h\r\nConnection: a, Close\r\n\r\n"
        "OPTIONS * HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
        "GET / HTTP/1.0\r\n\r\n";
    in_every_cut(text, [](const std::vector<std::string>& pieces) {
        const auto [messages, frames, error, rest] = read_pieces<http::request>(pieces);
        REQUIRE(error == error_code());
        REQUIRE(messages.size() == 6);
        CHECK(rest.empty());

        CHECK(messages[0].method == "GET");
        CHECK(messages[0].target == "/a?b=%20c");
        CHECK(messages[0].version == 11);
        CHECK(messages[0].fields.get("HOST") == "example.org:8080");
        CHECK(messages[0].fields.joined("X") == "one, two");
        CHECK(messages[0].body.empty());
        CHECK_FALSE(frames[0].has_body);
        CHECK(frames[0].keep_alive);

        CHECK(messages[1].body == "he\r\no");
        CHECK(frames[1].content_length == 5U);

        CHECK(messages[2].body == "abc0123456789");
        CHECK(frames[2].has_body);
        CHECK_FALSE(frames[2].content_length.has_value());
        CHECK_FALSE(messages[2].fields.find("X").has_value());

        CHECK(messages[3].target == "/d?e");
        CHECK(messages[3].fields.get("Host") == "other.example:81");
        CHECK(messages[3].fields.count("Host") == 1);
        CHECK_FALSE(frames[3].keep_alive);

        CHECK(messages[4].target == "*");
        CHECK(messages[4].version == 10);
        CHECK(frames[4].keep_alive);
        CHECK_FALSE(frames[5].keep_alive);
    });
}

TEST_CASE("What was read beyond a request is kept", "[http]") {
    request_reader reader(header_limit);
    reader.append("GET /ws HTTP/1.1\r\nHost: h\r\n\r\n\x81\x05hello\r\n\r\n");
    error_code ec;
    REQUIRE(reader.next(ec) == read_step::header);
    REQUIRE(reader.next(ec) == read_step::complete);
    CHECK(reader.message().target == "/ws");
    reader.reset();
    CHECK(reader.take_rest() == "\x81\x05hello\r\n\r\n");
    CHECK_FALSE(reader.begun());
}

TEST_CASE("A header may fill its limit, not one byte more", "[http]") {
    const std::string start = "GET / HTTP/1.1\r\nHost: h\r\nX: ";
    const auto padded = [&](std::size_t size) {
        return start + std::string(size - start.size() - 4, 'x') + "\r\n\r\n";
    };
    in_every_cut(padded(header_limit) + "GET", [](const std::vector<std::string>& pieces) {
        const auto result = read_pieces<http::request>(pieces);
        CHECK_FALSE(result.error);
        CHECK(result.messages.size() == 1);
    });
    in_every_cut(padded(header_limit + 1), [](const std::vector<std::string>& pieces) {
        CHECK(read_pieces<http::request>(pieces).error == errc::header_too_large);
    });
    // Without an end in sight, in one line or in many.
    CHECK(read_pieces<http::request>({"GET /" + std::string(header_limit, 'x')}).error ==
          errc::header_too_large);
    std::string many = "GET / HTTP/1.1\r\n";
    while (many.size() <= header_limit) many += "a: b\r\n";
    in_every_cut(many, [](const std::vector<std::string>& pieces) {
        CHECK(read_pieces<http::request>(pieces).error == errc::header_too_large);
    });
}

TEST_CASE("A body may fill its limit, not one byte more", "[http]") {
    const auto with_length = [](std::size_t size) {
        return post("Content-Length: " + std::to_string(size) + "\r\n", std::string(size, 'x'));
    };
    CHECK(read_pieces<http::request>({with_length(64)}, false, 64).messages.at(0).body.size() ==
          64);
    CHECK(read_pieces<http::request>({with_length(65)}, false, 64).error == errc::too_large);
    const std::string chunked = post("Transfer-Encoding: chunked\r\n");
    const auto fitting = chunked + "3f\r\n" + std::string(63, 'x') + "\r\n1\r\ny\r\n0\r\n\r\n";
    const auto over = chunked + "3f\r\n" + std::string(63, 'x') + "\r\n2\r\nyy\r\n0\r\n\r\n";
    in_every_cut(fitting, [](const std::vector<std::string>& pieces) {
        CHECK(read_pieces<http::request>(pieces, false, 64).messages.at(0).body.size() == 64);
    });
    in_every_cut(over, [](const std::vector<std::string>& pieces) {
        CHECK(read_pieces<http::request>(pieces, false, 64).error == errc::too_large);
    });
}

TEST_CASE("A body over its limit by its own word is refused before it comes", "[http]") {
    const auto result =
        read_pieces<http::request>({post("Content-Length: 999999999999\r\n")}, false, 64);
    CHECK(result.error == errc::too_large);
}

TEST_CASE("Neither a chunk's size line nor a trailer goes on for ever", "[http]") {
    const std::string chunked = post("Transfer-Encoding: chunked\r\n");
    const std::string extension = "1;" + std::string(2 * header_limit, 'x');
    CHECK(read_pieces<http::request>({chunked, extension}).error == errc::header_too_large);
    std::string trailer = "0\r\n";
    while (trailer.size() < 2 * header_limit) trailer += "a: b\r\n";
    CHECK(read_pieces<http::request>({chunked, trailer}).error == errc::header_too_large);
}

TEST_CASE("The end of a connection in the middle of a message is an error", "[http]") {
    const std::string text = post("Content-Length: 2\r\n", "ab");
    for (std::size_t at = 1; at < text.size(); ++at) {
        INFO("ended after byte " << at);
        const auto result = read_pieces<http::request>({text.substr(0, at)}, true);
        CHECK(result.error == errc::bad_request);
        CHECK(result.messages.empty());
    }
    CHECK(read_pieces<http::request>({text}, true).error == net::error::eof);
    CHECK(read_pieces<http::request>({}, true).error == net::error::eof);
}

TEST_CASE("A response ends where its framing says, however it is cut", "[http]") {
    const std::string text =
        "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"
        "HTTP/1.1 204 No Content\r\n\r\n"
        "HTTP/1.1 404\x20\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\n\r\n"
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"
        "HTTP/1.1 200 OK\r\n\r\nto the end\r\n\r\n";
    in_every_cut(text, [](const std::vector<std::string>& pieces) {
        const auto [messages, frames, error, rest] = read_pieces<http::response>(pieces, true);
        REQUIRE_FALSE(error);
        REQUIRE(messages.size() == 6);
        CHECK(messages[0].status == 103);
        CHECK(messages[0].fields.get("link") == "</x>");
        CHECK(messages[1].body == "abc");
        CHECK(frames[1].keep_alive);
        CHECK(messages[2].status == 204);
        CHECK(messages[3].status == 404);
        CHECK(messages[3].body == "de");
        CHECK(messages[4].body.empty());
        CHECK(messages[5].body == "to the end\r\n\r\n");
        CHECK_FALSE(frames[5].keep_alive);
        CHECK(frames[5].until_eof);
    });
}

TEST_CASE("A response to HEAD has no body, whatever its header says", "[http]") {
    response_reader reader(header_limit);
    reader.expect_no_body();
    reader.append("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n");
    error_code ec;
    CHECK(reader.next(ec) == read_step::header);
    CHECK(reader.next(ec) == read_step::complete);
    reader.reset();
    reader.append("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n");
    CHECK(reader.next(ec) == read_step::header);
    CHECK(reader.next(ec) == read_step::more);
}

TEST_CASE("A response that is not HTTP/1.1 is an error", "[http]") {
    const auto row = GENERATE(
        broken{"another protocol", "SSH-2.0-OpenSSH_9.2p1\r\n\r\n", errc::bad_request},
        broken{"a status of four digits", "HTTP/1.1 1000 x\r\n\r\n", errc::bad_request},
        broken{"no status", "HTTP/1.1\r\n\r\n", errc::bad_request},
        broken{"HTTP/2.0", "HTTP/2.0 200 OK\r\n\r\n", errc::unsupported_http_version},
        broken{"a first field that is indented", "HTTP/1.1 200 OK\r\n X: a\r\n\r\n",
               errc::bad_request},
        broken{"a folded length", "HTTP/1.1 200 OK\r\nContent-Length:\r\n 3\r\n\r\nabc",
               errc::ambiguous_framing},
        broken{"a folded coding",
               "HTTP/1.1 200 OK\r\ntransfer-encoding:\r\n\tchunked\r\n\r\n0\r\n\r\n",
               errc::ambiguous_framing},
        broken{"a status under 100", "HTTP/1.1 099 x\r\n\r\n", errc::bad_request},
        broken{"a status of two digits", "HTTP/1.1 20 x\r\n\r\n", errc::bad_request},
        broken{"both framings",
               "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
               errc::ambiguous_framing},
        broken{"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
               errc::ambiguous_framing},
        broken{"a bare line feed", "HTTP/1.1 200 OK\nContent-Length: 3\r\n\r\n", errc::bad_request},
        broken{"an empty line first", "\r\nHTTP/1.1 200 OK\r\n\r\n", errc::bad_request});
    CAPTURE(row);
    in_every_cut(row.text, [&](const std::vector<std::string>& pieces) {
        const auto result = read_pieces<http::response>(pieces);
        CHECK(result.error == row.expected);
        CHECK(result.messages.empty());
    });
}

TEST_CASE("a response is read as leniently as curl, node and Python read it", "[http][fault-9]") {
    const std::string text =
        "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok"
        "HTTP/1.1 999 Request denied\r\nContent-Length: 0\r\n\r\n"
        "HTTP/1.1 600 x\r\nContent-Length: 0\r\n\r\n"
        "HTTP/1.2 200 OK\r\nX: a\r\n b\r\n\tc\r\nContent-Length: 0\r\n\r\n";
    in_every_cut(text, [](const std::vector<std::string>& pieces) {
        const auto [messages, frames, error, rest] = read_pieces<http::response>(pieces);
        REQUIRE_FALSE(error);
        REQUIRE(messages.size() == 4);
        CHECK(messages[0].status == 200);
        CHECK(messages[0].body == "ok");
        CHECK(messages[1].status == 999);
        CHECK(messages[2].status == 600);
        CHECK(messages[3].fields.get("X") == "a   b  \tc");
        CHECK(frames[3].keep_alive);
    });
}

TEST_CASE("a later minor version of HTTP/1 is read as HTTP/1.1", "[http][fault-8]") {
    in_every_cut("GET /HTTP/2.0 HTTP/1.2\r\nHost: h\r\n\r\n",
                 [](const std::vector<std::string>& pieces) {
                     const auto result = read_pieces<http::request>(pieces);
                     REQUIRE_FALSE(result.error);
                     REQUIRE(result.messages.size() == 1);
                     CHECK(result.messages[0].version == 11);
                     CHECK(result.messages[0].target == "/HTTP/2.0");
                     CHECK(result.frames[0].keep_alive);
                 });
}

TEST_CASE("a field that is single may not come twice with different values", "[http][fault-6]") {
    const std::string request_start = "GET / HTTP/1.1\r\nHost: h\r\n";
    const std::string response_start = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n";
    const auto twice = [](const std::string& start, const std::string& name,
                          const std::string& second) {
        return start + name + ": a\r\nX: y\r\n" + name + ": " + second + "\r\n\r\n";
    };
    for (const auto* name : {"Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID",
                             "Origin", "Sec-WebSocket-Key", "Sec-WebSocket-Version"}) {
        INFO(name);
        CHECK(read_pieces<http::request>({twice(request_start, name, "b")}).error ==
              errc::repeated_field);
        CHECK_FALSE(read_pieces<http::request>({twice(request_start, name, "a")}).error);
    }
    for (const auto* name : {"Content-Type", "Location", "Retry-After", "Sec-WebSocket-Accept",
                             "Sec-WebSocket-Protocol"}) {
        INFO(name);
        CHECK(read_pieces<http::response>({twice(response_start, name, "b")}).error ==
              errc::repeated_field);
        CHECK_FALSE(read_pieces<http::response>({twice(response_start, name, "a")}).error);
    }
    for (const auto* name : {"Sec-WebSocket-Protocol", "Accept", "Cookie"})
        CHECK_FALSE(read_pieces<http::request>({twice(request_start, name, "b")}).error);
    for (const auto* name : {"Sec-WebSocket-Version", "Set-Cookie", "WWW-Authenticate"})
        CHECK_FALSE(read_pieces<http::response>({twice(response_start, name, "b")}).error);
}

TEST_CASE("A body that is read in parts can be taken in parts", "[http]") {
    response_reader reader(header_limit);
    reader.append("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab");
    error_code ec;
    REQUIRE(reader.next(ec) == read_step::header);
    REQUIRE(reader.next(ec) == read_step::more);
    CHECK(reader.take_body() == "ab");
    reader.append("c\r\n1\r\nd\r\n0\r\n\r\n");
    REQUIRE(reader.next(ec) == read_step::complete);
    CHECK(reader.take_body() == "cd");
}

TEST_CASE("A body takes no more memory than its limit, and its buffer is not kept",
          "[http][fault-5]") {
    const bool chunked = GENERATE(false, true);
    CAPTURE(chunked);
    constexpr std::size_t size = 100'000;
    request_reader reader(header_limit);
    reader.append("POST / HTTP/1.1\r\nHost: h\r\n");
    reader.append(chunked ? "Transfer-Encoding: chunked\r\n\r\n"
                          : "Content-Length: 100000\r\n\r\n");
    error_code ec;
    REQUIRE(reader.next(ec) == read_step::header);
    reader.limit_body(size);
    for (std::size_t sent = 0; sent < size; sent += 20'000) {
        const std::string piece(20'000, 'x');
        reader.append(chunked ? "4e20\r\n" + piece + "\r\n" : piece);
        const bool last = sent + 20'000 == size;
        REQUIRE(reader.next(ec) == (last && !chunked ? read_step::complete : read_step::more));
        const auto held = reader.held_bytes();
        CHECK(held >= sent + 20'000);
        CHECK(held <= size);
    }
}

TEST_CASE("A message that is read in the memory of another holds nothing of it", "[http]") {
    request_reader reader(header_limit);
    error_code ec;
    reader.append(
        "POST /first HTTP/1.1\r\nHost: a\r\nX-Secret: one\r\nContent-Length: 4\r\n\r\nbody");
    CHECK(reader.next(ec) == read_step::header);
    CHECK(reader.next(ec) == read_step::complete);
    auto first = std::move(reader.message());
    const auto* const memory = first.fields.begin()->first.data();
    reader.reset();
    reader.reuse(std::move(first));
    reader.append("GET /second HTTP/1.1\r\nHost: b\r\n\r\nGET /third");
    CHECK(reader.next(ec) == read_step::header);
    const auto& second = reader.message();
    CHECK(second.fields.begin()->first.data() == memory);
    CHECK(second.fields.size() == 1);
    CHECK_FALSE(second.fields.find("X-Secret"));
    CHECK(second.fields.get("host") == "b");
    CHECK(second.body.empty());
    CHECK(second.method == "GET");
    CHECK(second.target == "/second");
    // Not while the next one is being read.
    http::request late{.fields = {{"X-Late", "1"}}};
    reader.reset();
    CHECK(reader.next(ec) == read_step::more);
    reader.reuse(std::move(late));
    reader.append(" HTTP/1.1\r\nHost: c\r\n\r\n");
    CHECK(reader.next(ec) == read_step::header);
    CHECK(reader.message().fields.size() == 1);
    CHECK(reader.message().fields.get("host") == "c");
}
