// SPDX-License-Identifier: BSL-1.0
#include <tidings/authorizer.hpp>
#include <tidings/topic.hpp>

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

TEST_CASE("A stranger gets the reason", "[authorizer]") {
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

TEST_CASE("what the library publishes may be read only where managing is granted", "[authorizer]") {
    const auto a = subscribe_only();
    const principal operates{.name = "x", .anonymous = false, .grants = {"manage"}};
    for (const auto pattern : {"tidings", "tidings.>", "tidings.webhook.attempt.failed"}) {
        CHECK_FALSE(a({.name = "x", .anonymous = false}, action::subscribe, pattern));
        CHECK(a(operates, action::subscribe, pattern));
        CHECK_FALSE(per_principal("*.{}")(operates, action::subscribe, "tidings.x"));
    }
}

TEST_CASE("Everything may be allowed", "[authorizer]") {
    const auto a = allow_all();
    for (const auto what : {action::subscribe, action::publish, action::manage})
        CHECK(a({}, what, "a"));
}

TEST_CASE("a principal reads its own topics and nobody else's", "[authorizer][fault-18]") {
    const auto a = per_principal("users.{}.>");
    const principal bob{.name = "a.b", .anonymous = false};
    CHECK(a(bob, action::subscribe, "users.a~2eb.>"));
    CHECK(a(bob, action::subscribe, "users.a~2eb.inbox"));
    CHECK(a(bob, action::subscribe, "users." + topic_token(bob.name) + ".*.read"));
    for (const auto* const other : {"users.a_b.>", "users.a.b", "users.a.b.>", "users.*.inbox", ">",
                                    "users.>", "users.a~2eb", "users.a~7e2eb.inbox", "*", ""})
        CHECK_FALSE(a(bob, action::subscribe, other));
    // A name that is a wildcard is a name.
    CHECK_FALSE(a({.name = ">", .anonymous = false}, action::subscribe, "users.a~2eb.inbox"));
    CHECK_FALSE(a({.name = "*", .anonymous = false}, action::subscribe, "users.a~2eb.inbox"));
    // No name, no topics.
    CHECK_FALSE(a({}, action::subscribe, "users.~.inbox"));
    CHECK_FALSE(a({.name = "", .anonymous = false}, action::subscribe, "users.~.inbox"));
    CHECK_FALSE(a({.name = "a.b", .anonymous = true}, action::subscribe, "users.a~2eb.inbox"));
}

TEST_CASE("a principal publishes to its own topics only where granted", "[authorizer][fault-18]") {
    const auto a = per_principal("chat.{}.to.{}");
    const principal reader{.name = "eve", .anonymous = false};
    const principal writer{.name = "eve", .anonymous = false, .grants = {"publish"}};
    CHECK(a(reader, action::subscribe, "chat.eve.to.eve"));
    CHECK_FALSE(a(reader, action::publish, "chat.eve.to.eve"));
    CHECK(a(writer, action::publish, "chat.eve.to.eve"));
    CHECK_FALSE(a(writer, action::publish, "chat.eve.to.bob"));
    CHECK_FALSE(a(writer, action::manage, ""));
    CHECK(a({.name = "eve", .anonymous = false, .grants = {"manage"}}, action::manage, ""));
    CHECK_FALSE(a({.grants = {"manage"}}, action::manage, ""));
}

TEST_CASE("a pattern per principal holds the place of the principal", "[authorizer][fault-18]") {
    for (const auto* const bad :
         {"users.>", "", "users.{", "users.u{}.>", "users..{}", ">.{}", "users.{}.#", "{}.a b"}) {
        try {
            per_principal(bad);
            FAIL(bad);
        } catch (const std::invalid_argument& e) {
            CHECK(std::string(e.what()).find(std::string("\"") + bad + '"') != std::string::npos);
        }
    }
    CHECK_NOTHROW(per_principal("{}"));
}
