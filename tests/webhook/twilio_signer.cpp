// SPDX-License-Identifier: BSL-1.0
// What is signed as Twilio signs is what Twilio's libraries, and the receiver, take.
#include <tidings/webhook/twilio_signer.hpp>

#include "support/webhook_bed.hpp"

#include <tidings/event_json.hpp>
#include <tidings/webhook/receiver.hpp>
#include <tidings/webhook/twilio.hpp>

#include <stdexcept>

namespace tidings::test {

namespace {

using webhook::twilio_signer;

constexpr std::string_view form_type = "application/x-www-form-urlencoded";

// The examples of Twilio's own libraries, auth token 12345.
const std::string form_body =
    "To=%2B18005551212&CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&"
    "From=%2B14158675309";
const std::string json_body = R"({"property": "value", "boolean": true})";

struct signed_as {
    error_code error;
    http::fields fields;
    std::string query = "left from another";
};

signed_as sign(std::string_view body, std::string_view type,
               std::string_view url = "https://mycompany.com/myapp.php?foo=1&bar=2") {
    signed_as s;
    s.error = twilio_signer("12345").sign_with_query(
        {.id = "msg_1", .body = body, .content_type = type, .url = url}, s.fields, s.query);
    return s;
}

}  // namespace

TEST_CASE("the examples of Twilio's libraries are signed as they are there", "[webhook]") {
    const auto form = sign(form_body, form_type);
    CHECK_FALSE(form.error);
    CHECK(form.fields.get("x-twilio-signature") == "RSOYDt4T1cUTdK1PDd93/VVr8B8=");
    CHECK(form.fields.get("i-twilio-idempotency-token") == "msg_1");
    CHECK(form.query.empty());
    const auto json = sign(json_body, "application/json");
    CHECK_FALSE(json.error);
    CHECK(json.query ==
          "bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620");
    CHECK(json.fields.get("x-twilio-signature") == "a9nBmqA0ju/hNViExpshrM61xv4=");
    // The same URL, as its parts are read.
    for (const auto* const url : {"https://mycompany.com:443/myapp.php?foo=1&bar=2",
                                  "https://MyCompany.com/myapp.php?foo=1&bar=2#part"}) {
        CAPTURE(url);
        CHECK(sign(json_body, "", url).fields.get("x-twilio-signature") ==
              json.fields.get("x-twilio-signature"));
    }
    CHECK(sign("", "", "https://mycompany.com/").query.empty());
}

TEST_CASE("what cannot be signed as Twilio does is an error", "[webhook]") {
    CHECK_THROWS_AS(twilio_signer(""), std::invalid_argument);
    CHECK(sign("%zz", form_type).error == errc::bad_request);
    CHECK(sign("a=b", form_type, "mycompany.com").error == errc::bad_url);
    CHECK(sign("a=b", form_type, "https://mycompany.com/?bodySHA256=00").error == errc::bad_url);
    http::fields out;
    const twilio_signer signer("12345");
    const std::string_view url = "https://mycompany.com/";
    CHECK_FALSE(signer.sign({.body = form_body, .content_type = form_type, .url = url}, out));
    CHECK(signer.sign({.body = json_body, .url = url}, out) == errc::invalid_argument);
}

TEST_CASE("the receiver takes what a sender signs as Twilio does", "[webhook]") {
    world w;
    bus received(w.io(), {.clock = &w.clock()});
    http::server server(w.io(), {.environment = w.environment()});
    const auto origin = url_of(server, "");
    auto options = webhook::from_twilio({"12345"}, origin);
    options.environment = w.environment();
    server.mount("/hook", webhook::receiver(received, std::move(options)));
    server.start();
    std::vector<std::string> events;
    const auto watch = received.subscribe(">", [&](const event_ptr& e) {
        events.push_back(std::string(e->id()) + ' ' + std::string(e->topic()) + ' ' +
                         std::string(e->text()));
    });
    send_bed bed(w);
    const auto signer = std::make_shared<twilio_signer>("12345");
    auto e = bed.sender->endpoint({.url = origin + "/hook?x=y",
                                   .signer = signer,
                                   .id = "e",
                                   .form = webhook::body_form::raw});
    const auto hook = bed.hub->subscribe(">", e);
    event form("com.twilio.message", "/test");
    form.data("MessageSid=SM1&Body=100%25+Zo%C3%AB", form_type);
    bed.hub->publish("a", std::move(form));
    bed.hub->publish("a", event("com.acme.created", "/test", {{"total", 99}}));
    bed.hub->publish("a", event("com.acme.created", "/test", {{"total", 100}}));
    w.run_until([&] { return bed.attempts.size() == 3; });
    for (const auto& a : bed.attempts) CHECK(a.status == 202);
    REQUIRE(events.size() == 3);
    CHECK_THAT(events[0],
               Catch::Matchers::EndsWith(" twilio.message MessageSid=SM1&Body=100%25+Zo%C3%AB"));
    CHECK_THAT(events[1], Catch::Matchers::EndsWith(" twilio.event {\"total\":99}"));
    CHECK_THAT(events[1], Catch::Matchers::StartsWith("msg_"));

    // One connection is enough for URLs that differ in their query alone.
    CHECK(w.sim().connections() == 1);
    error_code ec;
    std::string why;
    bed.sender->endpoint(
        {.url = origin + "/other", .signer = signer, .fields = {{"X-Twilio-Signature", "x"}}}, ec);
    CHECK(ec == errc::webhook_reserved_field);
}

}  // namespace tidings::test
