// SPDX-License-Identifier: BSL-1.0
#include <tidings/authorizer.hpp>

#include "support/catch2.hpp"

#include <stdexcept>

using namespace tidings;

TEST_CASE("A bearer token is not empty", "[authorizer]") {
    CHECK_THROWS_AS(bearer_token(""), std::invalid_argument);
}

TEST_CASE("An authenticator leaves no error of an earlier call", "[authorizer]") {
    error_code ec = errc::closed;
    CHECK(bearer_token("t")({.authorization = "Bearer t"}, ec).name == "token");
    CHECK_FALSE(ec);
    ec = errc::closed;
    CHECK(allow_anonymous()({}, ec).anonymous);
    CHECK_FALSE(ec);
    ec = errc::closed;
    CHECK(loopback_only()({.loopback = true}, ec).anonymous);
    CHECK_FALSE(ec);
}

TEST_CASE("A stranger is told why", "[authorizer]") {
    error_code ec;
    bearer_token("t")({}, ec);
    CHECK(ec == errc::unauthorized);
    loopback_only()({.authorization = "Bearer t"}, ec);
    CHECK(ec == errc::address_not_loopback);
}

TEST_CASE("By default one may subscribe and, only where granted, do more", "[authorizer]") {
    const auto a = subscribe_only();
    const principal known{.name = "x", .anonymous = false};
    for (const auto& p : {principal{}, known}) {
        CHECK(a(p, action::subscribe, "a.>"));
        CHECK_FALSE(a(p, action::publish, "a"));
        CHECK_FALSE(a(p, action::manage, ""));
    }
    CHECK(a({.grants = {"publish"}}, action::publish, "a"));
    CHECK_FALSE(a({.grants = {"publish"}}, action::manage, ""));
    CHECK(a({.grants = {"x", "manage"}}, action::manage, ""));
    CHECK_FALSE(a({.grants = {"publisher", "Publish", ""}}, action::publish, "a"));
}

TEST_CASE("Everything may be allowed", "[authorizer]") {
    const auto a = allow_all();
    for (const auto what : {action::subscribe, action::publish, action::manage})
        CHECK(a({}, what, "a"));
}
