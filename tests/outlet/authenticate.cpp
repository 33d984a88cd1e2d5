// SPDX-License-Identifier: BSL-1.0
#include <tidings/http/server.hpp>
#include <tidings/outlet/impl/authenticate.hpp>

#include "support/catch2.hpp"
#include "support/http_bed.hpp"

using namespace tidings;
using namespace tidings::test;
using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;

namespace {

std::string ask(const authenticator& a, const std::string& fields = {},
                const std::string& from = "127.0.0.1", const std::string& host = "127.0.0.1") {
    http_bed bed;
    bed.sim().set_link({.client_address = from});
    auto server = bed.server();
    server.mount("/", [&](http::exchange& x) {
        principal who{.name = "nobody yet", .anonymous = false};
        if (auto refusal = http::authenticate(x, a, who)) {
            CHECK(who.anonymous);
            return x.respond(std::move(*refusal));
        }
        x.respond({.body = who.anonymous ? "anonymous" : who.name});
    });
    server.start();
    return bed.ask("GET /?q HTTP/1.1\r\nHost: " + host + "\r\n" + fields + "\r\n");
}

}  // namespace

TEST_CASE("Without an authenticator only this machine is served", "[http]") {
    CHECK_THAT(ask({}), EndsWith("\r\nanonymous"));
    CHECK_THAT(ask({}, {}, "127.9.9.9"), EndsWith("\r\nanonymous"));
    CHECK_THAT(ask({}, {}, "::1"), EndsWith("\r\nanonymous"));
    for (const auto* stranger : {"192.0.2.1", "10.0.0.1", "2001:db8::1"}) {
        const auto answer = ask({}, "X-Forwarded-For: 127.0.0.1\r\n", stranger);
        CHECK_THAT(answer, StartsWith("HTTP/1.1 401 Unauthorized\r\n") &&
                               Contains("\r\nWWW-Authenticate: Bearer\r\n") &&
                               Contains("\r\nContent-Type: application/problem+json\r\n"));
    }
    CHECK_THAT(ask(allow_anonymous(), {}, "192.0.2.1"), EndsWith("\r\nanonymous"));
}

TEST_CASE("Without an authenticator this machine is served under its own names alone", "[http]") {
    for (const auto* ours : {"localhost", "LocalHost:8080", "127.0.0.1:80", "127.9.9.9", "[::1]",
                             "[::1]:8080", "[0:0:0:0:0:0:0:1]"}) {
        INFO(ours);
        CHECK_THAT(ask({}, {}, "127.0.0.1", ours), EndsWith("\r\nanonymous"));
        // A site whose name was rebound is its own origin.
        CHECK_THAT(ask({}, "Origin: http://rebound.example\r\n", "127.0.0.1", ours),
                   EndsWith("\r\nanonymous"));
    }
    for (const auto* foreign :
         {"rebound.example", "rebound.example:8080", "localhost.rebound.example", "127.0.0.1.x",
          "192.0.2.1", "[2001:db8::1]", "0.0.0.0", "127.1", "2130706433", "h", ""}) {
        INFO(foreign);
        for (const auto* from : {"127.0.0.1", "::1"})
            CHECK_THAT(ask({}, {}, from, foreign),
                       StartsWith("HTTP/1.1 421 Misdirected Request\r\n") &&
                           Contains("\r\nContent-Type: application/problem+json\r\n") &&
                           Contains("localhost"));
        CHECK_THAT(ask(loopback_only(), {}, "127.0.0.1", foreign), StartsWith("HTTP/1.1 421 "));
        CHECK_THAT(ask(allow_anonymous(), {}, "127.0.0.1", foreign), EndsWith("\r\nanonymous"));
        CHECK_THAT(ask({}, {}, "192.0.2.1", foreign), StartsWith("HTTP/1.1 401 "));
    }
}

TEST_CASE("without an authenticator what a proxy forwards is not this machine's",
          "[http][fault-28]") {
    for (const auto* field :
         {"Forwarded: for=192.0.2.1", "X-Forwarded-For: 192.0.2.1", "x-forwarded-proto: https",
          "X-Real-IP: 192.0.2.1", "Via: 1.1 proxy"}) {
        INFO(field);
        const auto line = std::string(field) + "\r\n";
        CHECK_THAT(ask({}, line), StartsWith("HTTP/1.1 403 ") && Contains("proxy"));
        CHECK_THAT(ask(allow_anonymous(), line), EndsWith("\r\nanonymous"));
    }
    CHECK_THAT(ask({}, "X-Forwarded: no\r\nX-Real: no\r\n"), EndsWith("\r\nanonymous"));
    http_bed bed;
    auto server = bed.server();
    server.mount("/", [](http::exchange& x) {
        principal who;
        auto refused = http::authenticate(x, {}, who);
        x.respond(refused ? std::move(*refused) : http::response{.body = "local"});
    });
    server.start();
    CHECK_THAT(bed.ask("GET / HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n"), StartsWith("HTTP/1.1 403 "));
    CHECK_THAT(bed.ask("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"), EndsWith("local"));
}

TEST_CASE("A bearer of the token is known by name, nobody else", "[http]") {
    const auto a = bearer_token("s3cret", "ci");
    CHECK_THAT(ask(a, "Authorization: Bearer s3cret\r\n", "192.0.2.1"), EndsWith("\r\nci"));
    CHECK_THAT(ask(a, "authorization: bEARER  s3cret\r\n"), EndsWith("\r\nci"));
    CHECK_THAT(ask(a), StartsWith("HTTP/1.1 401 ") && Contains("\r\nWWW-Authenticate: Bearer\r\n"));
    for (const auto* wrong :
         {"Bearer s3cre", "Bearer s3cret2", "Bearer S3CRET", "Bearer", "Bearer ", "Basic s3cret",
          "s3cret", "Bearers3cret", "Bearer s3cret x", "xBearer s3cret"}) {
        INFO(wrong);
        CHECK_THAT(ask(a, std::string("Authorization: ") + wrong + "\r\n"),
                   StartsWith("HTTP/1.1 401 ") &&
                       Contains("\r\nWWW-Authenticate: Bearer error=\"invalid_token\"\r\n") &&
                       !Contains("s3cret"));
    }
    CHECK_THAT(ask(a, "Authorization: Bearer s3cret\r\nAuthorization: Bearer s3cret\r\n"),
               StartsWith("HTTP/1.1 401 "));
}

TEST_CASE("An authenticator sees what it needs", "[http]") {
    credentials seen;
    std::string cookie, query, origin, remote;
    const authenticator a = [&](const credentials& c, error_code&) {
        seen.loopback = c.loopback;
        cookie = c.cookie;
        query = c.query;
        origin = c.origin;
        remote = c.remote_address;
        return principal{.name = "x", .anonymous = false};
    };
    CHECK_THAT(ask(a, "Cookie: a=b\r\nOrigin: http://o\r\n", "192.0.2.1"), EndsWith("\r\nx"));
    CHECK(cookie == "a=b");
    CHECK(query == "q");
    CHECK(origin == "http://o");
    CHECK_THAT(remote, StartsWith("192.0.2.1:"));
    CHECK_FALSE(seen.loopback);
}

TEST_CASE("An authenticator that throws lets nobody in", "[http]") {
    const authenticator a = [](const credentials&, error_code&) -> principal { throw 1; };
    CHECK_THAT(ask(a), StartsWith("HTTP/1.1 500 "));
}
