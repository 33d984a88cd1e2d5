// SPDX-License-Identifier: BSL-1.0
#include <tidings/http/impl/message/url.hpp>

#include "support/catch2.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace {

using namespace std::string_view_literals;
using tidings::errc;
using tidings::error_code;
using tidings::http::url;

url parse_ok(std::string_view text) {
    error_code ec = errc::closed;
    auto result = url::parse(text, ec);
    INFO(text);
    CHECK_FALSE(ec);
    return result;
}

TEST_CASE("a malformed URL is refused", "[http]") {
    const auto text = GENERATE(
        as<std::string_view>{},
        // not absolute, or not one of our schemes
        "", "/", "/path", "example.com", "//example.com/", "http:", "http:/", "http:example.com",
        "http:/example.com", "://example.com", "ftp://example.com/", "file:///etc/passwd",
        "htt://example.com", "https+unix://example.com", " http://example.com",
        "javascript:alert(1)", "httpss://example.com", "/?x=http://example.com",
        // no host, or none that DNS could hold
        "http://", "http:///", "http://?x", "http://#f", "http://:80/", "http://.", "http://..",
        "http://.example.com", "http://a..b/", "http://example.com..", "http://exa%6dple.com/",
        "http://ex*mple/", "http://a,b/", "http://a;b/", "http://a!b/", "http://a~b/",
        // brackets
        "http://[", "http://[]", "http://[]/", "http://[::1", "http://[::1/", "http://[::1]x/",
        "http://[::1]80/", "http://[:::1]/", "http://[::g]/", "http://[127.0.0.1]/",
        "http://[fe80::1%25eth0]/", "http://[fe80::1%eth0]/", "http://[v1.x]/", "http://::1/",
        "http://[[::1]]/", "http://a[::1]/", "http://1:2:3:4:5:6:7:8/",
        // user info
        "http://a@b@example.com/", "http://@example.com/", "http://user@", "http://user@/",
        // port
        "http://example.com:", "http://example.com:/", "http://example.com:0/",
        "http://example.com:65536/", "http://example.com:-1/", "http://example.com:+80/",
        "http://example.com:80a/", "http://example.com:0x50/", "http://example.com:99999999999/",
        "http://example.com:000080/", "http://example.com:80:80/", "http://example.com::80/",
        // bytes that readers read differently
        "http://example.com/a b", "http://exa mple.com/", "http://example.com/\n",
        "http://example.com\r\nX: y", "http://example.com/\t", "http://example.com/\x7f",
        "http://example.com/\0"sv, "http://example.com/\x80", "http://ex\xc3\xa4mple.com/",
        "http://example.com/\xc3\xa4", "http://example.com\\@evil.example/",
        "http://example.com/a\\b", "http://example.com/#a b", "http://\xe2\x91\xa0.com/");
    CAPTURE(text);
    error_code ec;
    const auto result = url::parse(text, ec);
    CHECK(ec == errc::bad_url);
    CHECK(result.scheme.empty());
    CHECK(result.host.empty());
    CHECK(result.port == 0);
}

TEST_CASE("a URL is split into its parts", "[http]") {
    const auto plain = parse_ok("https://example.com/hook?a=1&b=%zz");
    CHECK(plain.scheme == "https");
    CHECK(plain.user_info.empty());
    CHECK(plain.host == "example.com");
    CHECK(plain.port == 443);
    CHECK(plain.target == "/hook?a=1&b=%zz");
    CHECK_FALSE(plain.ipv6_literal);

    const auto full = parse_ok("WSS://Us%65r:Pa:ss@Host_1.EXAMPLE.com.:8443/A/../b#frag?x@y");
    CHECK(full.scheme == "wss");
    CHECK(full.user_info == "Us%65r:Pa:ss");
    CHECK(full.host == "host_1.example.com.");
    CHECK(full.port == 8443);
    CHECK(full.target == "/A/../b");

    const auto v6 = parse_ok("ws://u@[2001:DB8::1]:81?q");
    CHECK(v6.host == "2001:db8::1");
    CHECK(v6.ipv6_literal);
    CHECK(v6.port == 81);
    CHECK(v6.user_info == "u");
    CHECK(v6.target == "/?q");

    CHECK(parse_ok("http://[::ffff:127.0.0.1]/").host == "::ffff:127.0.0.1");
}

TEST_CASE("the target is never empty, and the fragment never in it", "[http]") {
    CHECK(parse_ok("http://h").target == "/");
    CHECK(parse_ok("http://h/").target == "/");
    CHECK(parse_ok("http://h?").target == "/?");
    CHECK(parse_ok("http://h#f").target == "/");
    CHECK(parse_ok("http://h#f/g?h").target == "/");
    CHECK(parse_ok("http://h?a/b@c:d").target == "/?a/b@c:d");
    CHECK(parse_ok("http://h/p#").target == "/p");
    CHECK(parse_ok("http://h//p").target == "//p");
    CHECK(parse_ok("http://h/http://other/").target == "/http://other/");
    CHECK(parse_ok("http://h/@x").host == "h");
    CHECK(parse_ok("http://h#@evil.example").host == "h");
}

TEST_CASE("each scheme has its own port, and its say on TLS", "[http]") {
    CHECK(parse_ok("http://h").port == 80);
    CHECK(parse_ok("ws://h").port == 80);
    CHECK(parse_ok("https://h").port == 443);
    CHECK(parse_ok("wss://h").port == 443);
    CHECK_FALSE(parse_ok("http://h").secure());
    CHECK_FALSE(parse_ok("ws://h").secure());
    CHECK(parse_ok("https://h").secure());
    CHECK(parse_ok("wss://h").secure());
    CHECK(parse_ok("http://h:1").port == 1);
    CHECK(parse_ok("http://h:65535").port == 65535);
}

TEST_CASE("the Host header names the port only where it is not the scheme's own", "[http]") {
    CHECK(parse_ok("https://u:p@Example.com:443/x").authority() == "example.com");
    CHECK(parse_ok("https://example.com:80/x").authority() == "example.com:80");
    CHECK(parse_ok("ws://[::1]:80/x").authority() == "[::1]");
    CHECK(parse_ok("http://[::1]:8080/x").authority() == "[::1]:8080");
}

TEST_CASE("the text of a URL reads back as the same URL without its user info", "[http]") {
    const auto before = parse_ok("https://user:secret@Example.com:8443/p?q#f");
    CHECK(before.text() == "https://example.com:8443/p?q");
    CHECK(parse_ok(before.text()).text() == before.text());
}

TEST_CASE("a host has at most 253 bytes", "[http]") {
    error_code ec;
    CHECK(url::parse("http://" + std::string(253, 'a') + "/", ec).host.size() == 253);
    CHECK_FALSE(ec);
    CHECK(url::parse("http://" + std::string(254, 'a') + "/", ec).host.empty());
    CHECK(ec == errc::bad_url);
}

TEST_CASE("no prefix and no changed byte of a URL makes the parser fail badly", "[http]") {
    const std::string whole = "wss://user:pw@[2001:db8::1]:8443/path?query#fragment";
    for (std::size_t n = 0; n <= whole.size(); ++n) {
        error_code ec;
        const auto result = url::parse(std::string_view(whole).substr(0, n), ec);
        CHECK(result.host.empty() == bool(ec));
        for (const char c : {'\0', '@', '[', ']', ':', '/', '%', '\xff'}) {
            auto changed = whole;
            changed[n < whole.size() ? n : 0] = c;
            const auto other = url::parse(changed, ec);
            CHECK(other.host.empty() == bool(ec));
        }
    }
}

}  // namespace
