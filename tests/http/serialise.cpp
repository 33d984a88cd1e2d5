// SPDX-License-Identifier: BSL-1.0
#include <tidings/http/impl/message/serialise.hpp>

#include "support/catch2.hpp"

#include <vector>

using namespace tidings;
using http::detail::is_sendable;
using http::detail::serialise;

namespace {

http::url url(const std::string& text) {
    error_code ec;
    auto u = http::url::parse(text, ec);
    REQUIRE_FALSE(ec);
    return u;
}

}  // namespace

TEST_CASE("A status that has no body is sent without one", "[http]") {
    const auto none = [](unsigned status) {
        return serialise({.status = status, .body = "body"}, {.date = "today"});
    };
    CHECK(none(204) == "HTTP/1.1 204 No Content\r\nDate: today\r\n\r\n");
    CHECK(none(304) == "HTTP/1.1 304 Not Modified\r\nDate: today\r\n\r\n");
    CHECK(none(299) == "HTTP/1.1 299 \r\nDate: today\r\nContent-Length: 4\r\n\r\nbody");
    for (const unsigned s : {0U, 100U, 101U, 199U, 600U})
        CHECK(none(s).starts_with("HTTP/1.1 500 Internal Server Error\r\n"));
}

TEST_CASE("An upgrade that is offered is named in Connection", "[http]") {
    const http::response r{.status = 426, .fields = {{"Upgrade", "websocket"}}};
    CHECK(serialise(r, {}) ==
          "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
          "Content-Length: 0\r\n\r\n");
    CHECK(serialise(r, {.close = true}).find("\r\nConnection: close, Upgrade\r\n") !=
          std::string::npos);
}

TEST_CASE("one place writes the heads of all kinds of answers", "[http][fault-10]") {
    using http::detail::body_framing;
    const auto head = [](unsigned status, body_framing framing, bool close) {
        return http::detail::serialise_head({.status = status, .fields = {{"X", "a\r\nb"}}},
                                            {.framing = framing, .close = close, .date = "today"});
    };
    CHECK(head(200, body_framing::chunked, true) ==
          "HTTP/1.1 200 OK\r\nDate: today\r\nX: a  b\r\nConnection: close\r\n"
          "Transfer-Encoding: chunked\r\n\r\n");
    CHECK(head(200, body_framing::until_close, true) ==
          "HTTP/1.1 200 OK\r\nDate: today\r\nX: a  b\r\nConnection: close\r\n\r\n");
    CHECK(head(101, body_framing::none, false) ==
          "HTTP/1.1 101 Switching Protocols\r\nDate: today\r\nX: a  b\r\n\r\n");
    CHECK(head(200, body_framing::length, false) ==
          "HTTP/1.1 200 OK\r\nDate: today\r\nX: a  b\r\nContent-Length: 0\r\n\r\n");
}

TEST_CASE("A service's own date stands", "[http]") {
    const auto text = serialise({.fields = {{"date", "yesterday"}}}, {.date = "today"});
    CHECK(text.find("today") == std::string::npos);
    CHECK(text.find("\r\ndate: yesterday\r\n") != std::string::npos);
}

TEST_CASE("A request is sent to the origin of its URL", "[http]") {
    const auto text = serialise({.fields = {{"Connection", "x"}, {"HOST", "y"}}},
                                url("https://[::1]:8443/a%20b?c"), "agent", true);
    CHECK(text ==
          "GET /a%20b?c HTTP/1.1\r\nHost: [::1]:8443\r\nUser-Agent: agent\r\n"
          "Accept-Encoding: identity\r\nConnection: close\r\n\r\n");
    CHECK(serialise({}, url("http://h/"), "", false) ==
          "GET / HTTP/1.1\r\nHost: h\r\nAccept-Encoding: identity\r\n\r\n");
    CHECK(serialise({.fields = {{"Authorization", "mine"}}}, url("http://a:b@h/"), "", false) ==
          "GET / HTTP/1.1\r\nHost: h\r\nAccept-Encoding: identity\r\nAuthorization: mine\r\n\r\n");
}

TEST_CASE("a head that is begun once is the head of each request that begins so", "[http]") {
    const http::request alike{.method = "POST", .fields = {{"X-Own", "1"}, {"Host", "none"}}};
    const auto begin = http::detail::serialise_begin(alike, url("http://u:p@h:81/a"), "agent");
    const http::request one{.method = "POST", .fields = {{"b", "2"}, {"Content-Length", "7"}}};
    const std::vector<http::fields::value_type> further{{"c", "3\n"}, {"Connection", "x"}};
    auto whole = alike;
    whole.fields.append("b", "2").append("c", "3 ");
    for (const bool close : {false, true}) {
        const auto text = http::detail::serialise_head(begin, one, further, close, 3);
        CHECK(text ==
              http::detail::serialise_head(whole, url("http://u:p@h:81/a"), "agent", close, 3));
        CHECK(text.find("\r\nb: 2\r\n") != std::string::npos);
        CHECK(text.ends_with("\r\nContent-Length: 3\r\n\r\n"));
    }
}

TEST_CASE("A request with a byte too many is not sent", "[http]") {
    CHECK(is_sendable({}));
    CHECK(is_sendable({.method = "M-SEARCH", .fields = {{"x!#$%&'*+-.^_`|~9", "\t\xff ,"}}}));
    for (const auto* method : {"", "GET ", "G\r\n", "G:", "\xc3\xa4"})
        CHECK_FALSE(is_sendable({.method = method}));
    for (const auto* name : {"", "a b", "a:", "a\r\nb", "\xc3\xa4"})
        CHECK_FALSE(is_sendable({.fields = {{name, "v"}}}));
    for (const auto& value : {std::string("\r"), std::string("a\nb"), std::string(1, '\0'),
                              std::string("\x7f"), std::string("\x1b[0m")})
        CHECK_FALSE(is_sendable({.fields = {{"a", value}}}));
}
