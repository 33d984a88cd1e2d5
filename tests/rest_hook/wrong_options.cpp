// SPDX-License-Identifier: BSL-1.0
// Options that cannot be are refused where they are given.
#include "support/rest_hook_bed.hpp"

#include <catch2/matchers/catch_matchers_exception.hpp>

namespace tidings::test {

namespace {

using Catch::Matchers::Message;

}  // namespace

TEST_CASE("a public URL of a manager that is none is refused, with an origin and without",
          "[rest_hook]") {
    world w;
    bus hub(w.io());
    webhook::sender sender(w.io(), hook_sender_options(w));
    const auto origin = GENERATE(as<std::string>(), "", "hub.example.com");
    for (const std::string_view url : {"hub.example.com/hooks", "ftp://x/", "http://", "https://a b"}) {
        CAPTURE(origin, url);
        rest_hook::manager_options o{.authorizer = allow_all()};
        o.proof.origin = origin;
        o.proof.public_url = url;
        CHECK_THROWS_MATCHES(
            rest_hook::manager(hub, sender, o), std::invalid_argument,
            Message("tidings::rest_hook::proof_options: public_url is no http or https URL"));
        o.proof.public_url = "https://hub.example.com/hooks/";
        CHECK_NOTHROW(rest_hook::manager(hub, sender, o));
    }
}

TEST_CASE("no connections at all are no bound", "[webhook][http]") {
    world w;
    auto o = hook_sender_options(w);
    o.max_connections = 0;
    CHECK_THROWS_MATCHES(webhook::sender(w.io(), o), std::invalid_argument,
                         Message("tidings::webhook::sender_options: max_connections is 0"));
    CHECK_THROWS_MATCHES(
        http::server(w.io(), {.max_connections = 0, .environment = w.environment()}),
        std::invalid_argument, Message("tidings::http::server_options: max_connections is 0"));
}

}  // namespace tidings::test
