// SPDX-License-Identifier: BSL-1.0
#include <tidings/webhook/twilio_verifier.hpp>

#include "support/catch2.hpp"
#include "support/signed_request.hpp"

#include <stdexcept>
#include <string>

namespace tidings::test {

namespace {

using webhook::twilio_verifier;

constexpr auto refused = errc::webhook_no_matching_signature;

// The examples of Twilio's own libraries, auth token 12345.
const signed_request form{
    {{"x-twilio-signature", "RSOYDt4T1cUTdK1PDd93/VVr8B8="}, {":path", "/myapp.php?foo=1&bar=2"}},
    "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%"
    "2B18005551212"};
const signed_request json{{{"x-twilio-signature", "a9nBmqA0ju/hNViExpshrM61xv4="},
                           {":path",
                            "/myapp.php?foo=1&bar=2&bodySHA256="
                            "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"}},
                          R"({"property": "value", "boolean": true})"};

error_code verify(const signed_request& r, const std::vector<std::string>& tokens = {"12345"},
                  const std::string& origin = "https://mycompany.com") {
    return r.verified_by(twilio_verifier(tokens, origin), {});
}

}  // namespace

TEST_CASE("the examples of Twilio's libraries hold", "[webhook]") {
    CHECK_FALSE(verify(form));
    CHECK_FALSE(verify(json));
    CHECK_FALSE(verify(form, {"old", "12345"}));
    // What the sender was given may name the port, and what the receiver knows of it too.
    CHECK_FALSE(verify(form, {"12345"}, "https://mycompany.com:443"));
    CHECK_FALSE(verify(form, {"12345"}, "https://MyCompany.com"));
}

TEST_CASE("a request to Twilio's receiver of which anything was changed is refused", "[webhook]") {
    CHECK(verify(form, {"12346"}) == refused);
    CHECK(verify(form, {"12345"}, "http://mycompany.com") == refused);
    CHECK(verify(form, {"12345"}, "https://mycompany.com:8443") == refused);
    CHECK(verify(form.with(":path", "/myapp.php?foo=1&bar=3")) == refused);
    CHECK(verify(form.with("x-twilio-signature", "")) == errc::webhook_missing_header);
    CHECK(verify(form.with("x-twilio-signature", "RSOYDt4T1cUTdK1PDd93_VVr8B8=")) == refused);
    auto changed = form;
    changed.body += "&x=y";
    CHECK(verify(changed) == refused);
    changed.body = "%zz";
    CHECK(verify(changed) == errc::bad_request);
    changed = json;
    changed.body += ' ';
    CHECK(verify(changed) == refused);
    CHECK(verify(json.with(":path", json.headers.at(":path") + "&bodySHA256=00")) ==
          errc::bad_request);
    CHECK(verify(json.with(":path", "/myapp.php?foo=1&bar=2&bodySHA256=no")) == refused);
}

TEST_CASE("the members of a form are signed in their order, whatever order they come in",
          "[webhook]") {
    auto shuffled = form;
    shuffled.body =
        "To=%2B18005551212&Digits=1234&From=%2B14158675309&Caller=%2B14158675309&CallSid="
        "CA1234567890ABCDE";
    CHECK_FALSE(verify(shuffled));
}

TEST_CASE("Twilio's verifier needs a token and the origin of its URL", "[webhook]") {
    using wrong = std::invalid_argument;
    CHECK_THROWS_AS(twilio_verifier({}, "https://a.example"), wrong);
    CHECK_THROWS_AS(twilio_verifier({""}, "https://a.example"), wrong);
    for (const auto* const origin :
         {"", "a.example", "https://", "https://a.example/", "https://a.example/path",
          "ftp://a.example", "https://user@a.example"}) {
        CAPTURE(origin);
        CHECK_THROWS_AS(twilio_verifier({"12345"}, origin), wrong);
    }
}

}  // namespace tidings::test
