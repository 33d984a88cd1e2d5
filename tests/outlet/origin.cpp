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

TEST_CASE("every answer to a listed origin may be read by its pages", "[http][fault-10]") {
    const std::vector<std::string> list{"https://app.example"};
    const auto listed = http::cors_fields({.fields = {{"Origin", list[0]}}}, list);
    CHECK(listed.get("Vary") == "Origin");
    CHECK(listed.get("Access-Control-Allow-Origin") == list[0]);
    CHECK(listed.get("Access-Control-Allow-Credentials") == "true");
    for (const auto* other : {"https://evil.example", "null", ""}) {
        const auto f = http::cors_fields({.fields = {{"Origin", other}}}, list);
        CHECK(f.get("Vary") == "Origin");
        CHECK_FALSE(f.find("Access-Control-Allow-Origin").has_value());
    }
    CHECK(http::cors_fields({.fields = {{"Origin", list[0]}, {"Origin", list[0]}}}, list).size() ==
          1);
    CHECK(http::cors_fields({.fields = {{"Origin", list[0]}}}, {}).empty());
}

TEST_CASE("a preflight is answered 204 with what a listed origin may send", "[http][fault-10]") {
    const std::vector<std::string> list{"https://app.example"};
    const auto ask = [&](const std::string& origin) {
        return http::preflight({.method = "OPTIONS",
                                .fields = {{"Origin", origin},
                                           {"Access-Control-Request-Method", "POST"},
                                           {"Access-Control-Request-Headers", "content-type, x"}}},
                               list, "GET, POST");
    };
    const auto listed = ask(list[0]);
    CHECK(listed.status == 204);
    CHECK(listed.fields.get("Allow") == "GET, POST");
    CHECK(listed.fields.get("Access-Control-Allow-Methods") == "GET, POST");
    CHECK(listed.fields.get("Access-Control-Allow-Headers") == "content-type, x");
    const auto other = ask("https://evil.example");
    CHECK(other.status == 204);
    CHECK(other.fields.get("Allow") == "GET, POST");
    CHECK_FALSE(other.fields.find("Access-Control-Allow-Methods").has_value());
}
