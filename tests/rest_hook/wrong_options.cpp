// SPDX-License-Identifier: BSL-1.0
// Options that cannot be are refused where they are given.
#include "support/rest_hook_bed.hpp"

namespace tidings::test {

namespace {

/// Why options are refused; empty: they are taken.
template <class F>
std::string refusal_of(F f) {
    try {
        f();
        return {};
    } catch (const std::invalid_argument& e) {
        return e.what();
    }
}

}  // namespace

TEST_CASE("a public URL of a manager that is none is refused, with an origin and without",
          "[rest_hook]") {
    world w;
    bus hub(w.io());
    webhook::sender sender(w.io(), hook_sender_options(w));
    const auto origin = GENERATE(as<std::string>(), "", "hub.example.com");
    for (const std::string_view url :
         {"hub.example.com/hooks", "ftp://x/", "http://", "https://a b"}) {
        CAPTURE(origin, url);
        rest_hook::manager_options o{.authorizer = allow_all()};
        o.proof.origin = origin;
        o.proof.public_url = url;
        CHECK(refusal_of([&] { rest_hook::manager made(hub, sender, o); }) ==
              "tidings::rest_hook::proof_options: public_url is no http or https URL");
        o.proof.public_url = "https://hub.example.com/hooks/";
        CHECK_NOTHROW(rest_hook::manager(hub, sender, o));
    }
}

TEST_CASE("no connections at all are no bound", "[webhook][http]") {
    world w;
    auto o = hook_sender_options(w);
    o.max_connections = 0;
    CHECK(refusal_of([&] { webhook::sender made(w.io(), o); }) ==
          "tidings::webhook::sender_options: max_connections is 0");
    const http::server_options none{.max_connections = 0, .environment = w.environment()};
    CHECK(refusal_of([&] { http::server made(w.io(), none); }) ==
          "tidings::http::server_options: max_connections is 0");
}

}  // namespace tidings::test
