// SPDX-License-Identifier: BSL-1.0
#include <tidings/outlet/impl/origin.hpp>

#include "support/catch2.hpp"

using namespace tidings;

namespace {

bool allowed(const std::string& origin, const std::string& host,
             const std::vector<std::string>& list = {}) {
    return http::origin_allowed({.fields = {{"Origin", origin}, {"Host", host}}}, list);
}

}  // namespace

TEST_CASE("A page may speak to the host it came from and to no other", "[http]") {
    CHECK(allowed("http://example.org", "example.org"));
    CHECK(allowed("http://example.org:8080", "example.org:8080"));
    CHECK(allowed("http://example.org", "example.org:80"));
    CHECK(allowed("https://example.org", "example.org"));  // behind a proxy that ends TLS
    CHECK(allowed("https://example.org:443", "EXAMPLE.org"));
    CHECK(allowed("http://[::1]:8080", "[::1]:8080"));

    CHECK_FALSE(allowed("http://example.org:8080", "example.org"));
    CHECK_FALSE(allowed("http://example.org", "example.org:8080"));
    CHECK_FALSE(allowed("https://example.org", "example.org:80"));
    CHECK_FALSE(allowed("http://evil.example", "example.org"));
    CHECK_FALSE(allowed("http://example.org.evil.example", "example.org"));
    CHECK_FALSE(allowed("http://evil.example#example.org", "example.org"));
    CHECK_FALSE(allowed("http://example.org#.evil.example", "example.org"));
    CHECK_FALSE(allowed("http://example.org@evil.example", "evil.example"));
    CHECK_FALSE(allowed("http://example.org/path", "example.org"));
    CHECK_FALSE(allowed("http://example.org/", "example.org"));
    CHECK_FALSE(allowed("http://example.org?x", "example.org"));
    CHECK_FALSE(allowed("chrome-extension://example.org", "example.org"));
    CHECK_FALSE(allowed("example.org", "example.org"));
    CHECK_FALSE(allowed("null", "example.org"));
    CHECK_FALSE(allowed("null", "null"));
    CHECK_FALSE(allowed("", ""));
    CHECK_FALSE(allowed("http://", ""));
    CHECK_FALSE(allowed("http://example.org", ""));
}

TEST_CASE("A list of origins is all that counts", "[http]") {
    const std::vector<std::string> list{"https://app.example", "null"};
    CHECK(allowed("https://app.example", "example.org", list));
    CHECK(allowed("null", "example.org", list));
    CHECK_FALSE(allowed("http://example.org", "example.org", list));
    CHECK_FALSE(allowed("https://app.example:443", "example.org", list));
    CHECK_FALSE(allowed("https://APP.example", "example.org", list));
    CHECK_FALSE(allowed("https://app.example.evil", "example.org", list));
}

TEST_CASE("Who is no page needs no leave, who claims to be two gets none", "[http]") {
    const std::vector<std::string> list{"https://app.example"};
    CHECK(http::origin_allowed({}, {}));
    CHECK(http::origin_allowed({.fields = {{"Host", "h"}}}, list));
    CHECK_FALSE(http::origin_allowed(
        {.fields = {{"Host", "h"}, {"Origin", "http://h"}, {"origin", "http://h"}}}, {}));
    CHECK_FALSE(http::origin_allowed({.fields = {{"Origin", list[0]}, {"Origin", list[0]}}}, list));
    CHECK_FALSE(http::origin_allowed({.fields = {{"Origin", "http://h"}}}, {}));
}
