// SPDX-License-Identifier: BSL-1.0
// Signatures by HMAC: the schemes of providers, and those of one's own.
#include <tidings/webhook/shopify.hpp>
#include <tidings/webhook/signature.hpp>
#include <tidings/webhook/slack.hpp>
#include <tidings/webhook/stripe.hpp>
#include <tidings/webhook/websub.hpp>

#include "support/catch2.hpp"
#include "support/signed_request.hpp"

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using std::chrono::system_clock;
using webhook::hmac_scheme;
using webhook::hmac_signer;
using webhook::hmac_verifier;

constexpr auto refused = errc::webhook_no_matching_signature;
constexpr system_clock::time_point sent(1614265330s);

// What the scheme signs, as a verifier sees it.
signed_request sign(const hmac_scheme& scheme, const std::vector<std::string>& secrets,
                    std::string body, std::string_view id = "msg-1") {
    http::fields f;
    const auto ec = hmac_signer(scheme, secrets).sign({id, sent, body}, f);
    if (ec) return {{{"error", ec.message()}}, {}};
    signed_request r{{}, std::move(body)};
    for (const auto& [name, value] : f) r.headers[name] = value;
    return r;
}

const std::string stripe_secret = "whsec_test_secret";
const std::string stripe_body =
    R"({"id":"evt_1","object":"event","created":1614265330,"type":"charge.succeeded","data":{}})";
const std::string stripe_code = "93061112485dd96148d99618c9a53040c5368a9280fc32b1dcb3dddbdb5d86fa";

signed_request stripe_request(std::string header) {
    return {{{"stripe-signature", std::move(header)}}, stripe_body};
}

}  // namespace

TEST_CASE("a list has its time and any number of signatures", "[webhook]") {
    const hmac_verifier with(webhook::stripe_scheme(), {stripe_secret});
    const std::string zeros(64, '0');
    for (const auto& header :
         {"t=1614265330,v1=" + stripe_code, "v1=" + stripe_code + ",t=1614265330",
          "t=1614265330,v1=" + zeros + ",v1=" + stripe_code + ",v0=" + zeros,
          "t=1614265330,junk,=,,v1=" + stripe_code}) {
        CAPTURE(header);
        CHECK_FALSE(stripe_request(header).verified_by(with, sent));
    }
    CHECK(stripe_request("t=1614265330,v0=" + stripe_code).verified_by(with, sent) ==
          errc::webhook_missing_header);
    CHECK(stripe_request("v1=" + stripe_code).verified_by(with, sent) ==
          errc::webhook_missing_header);
    CHECK(stripe_request("").verified_by(with, sent) == errc::webhook_missing_header);
    CHECK(signed_request{{}, stripe_body}.verified_by(with, sent) == errc::webhook_missing_header);
    // Which of two times was signed is not guessed.
    CHECK(stripe_request("t=1614265330,t=1614265331,v1=" + stripe_code).verified_by(with, sent) ==
          errc::webhook_invalid_timestamp);
    CHECK(stripe_request("t=1614265330.0,v1=" + stripe_code).verified_by(with, sent) ==
          errc::webhook_invalid_timestamp);
    CHECK(stripe_request("t=1614265331,v1=" + stripe_code).verified_by(with, sent) == refused);
    CHECK(stripe_request("t=1614265330,v1=" + zeros).verified_by(with, sent) == refused);
    CHECK(stripe_request("t=1614265330,v1=").verified_by(with, sent) == refused);
    const auto message = stripe_request("t=1614265330,v1=" + stripe_code);
    CHECK_FALSE(message.verified_by(with, sent + 300s));
    CHECK(message.verified_by(with, sent + 301s) == errc::webhook_timestamp_too_old);
    CHECK(message.verified_by(with, sent - 301s) == errc::webhook_timestamp_too_new);
    CHECK(with.attempt_id(message).empty());
}

TEST_CASE("every secret signs a list, and the first one elsewhere", "[webhook]") {
    const auto both = sign(webhook::stripe_scheme(), {"other", stripe_secret}, stripe_body);
    CHECK(both.headers.at("stripe-signature").ends_with(",v1=" + stripe_code));
    CHECK_FALSE(both.verified_by(hmac_verifier(webhook::stripe_scheme(), {"other"}), sent));
    CHECK_FALSE(both.verified_by(hmac_verifier(webhook::stripe_scheme(), {stripe_secret}), sent));
    CHECK(both.verified_by(hmac_verifier(webhook::stripe_scheme(), {"third"}), sent) == refused);

    const auto one = sign(webhook::slack_scheme(), {"first", "second"}, "{}");
    CHECK_FALSE(one.verified_by(hmac_verifier(webhook::slack_scheme(), {"first"}), sent));
    CHECK(one.verified_by(hmac_verifier(webhook::slack_scheme(), {"second"}), sent) == refused);
}

TEST_CASE("the example of Slack's documentation holds", "[webhook]") {
    const hmac_verifier with(webhook::slack_scheme(), {"8f742231b10e8888abcd99yyyzzz85a5"});
    const signed_request example{
        {{"x-slack-request-timestamp", "1531420618"},
         {"x-slack-signature",
          "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"}},
        "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id="
        "G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-"
        "collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%"
        "2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121."
        "803a0bc887a14d10d2c447fce8b6703c"};
    constexpr system_clock::time_point then(1531420618s);
    CHECK_FALSE(example.verified_by(with, then));
    CHECK(example.verified_by(with, then + 301s) == errc::webhook_timestamp_too_old);
    CHECK(example.with("x-slack-request-timestamp", "1531420619").verified_by(with, then) ==
          refused);
    CHECK(example.with("x-slack-request-timestamp", "").verified_by(with, then) ==
          errc::webhook_missing_header);
    CHECK(with.attempt_id(example) ==
          "a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503");
}

TEST_CASE("a code may stand in base64", "[webhook]") {
    const hmac_verifier with(webhook::shopify_scheme(), {"hush"});
    const signed_request message{
        {{"x-shopify-hmac-sha256", "mD+EOWlUivlg/MgRt6x8FEO/vRgCAanwed+6s2hvL7A="}},
        R"({"order":1})"};
    CHECK_FALSE(message.verified_by(with, sent));
    CHECK(sign(webhook::shopify_scheme(), {"hush"}, R"({"order":1})").headers == message.headers);
    for (const auto* const header : {"mD-EOWlUivlg_MgRt6x8FEO_vRgCAanwed-6s2hvL7A=",
                                     "mD+EOWlUivlg/MgRt6x8FEO/vRgCAanwed+6s2hvL7A",
                                     "mD+EOWlUivlg/MgRt6x8FEO/vRgCAanwed+6s2hvL7B=", "bQ==", "="}) {
        CAPTURE(header);
        CHECK(message.with("x-shopify-hmac-sha256", header).verified_by(with, sent) == refused);
    }
}

TEST_CASE("a hub of WebSub chooses one of four hash functions", "[webhook]") {
    const hmac_verifier with(webhook::websub_schemes(), {"sub secret"});
    const std::string body = "<feed/>";
    const auto header = GENERATE(
        as<std::string>{}, "sha1=4a8d7f16384cb38648b330e9841dd3b3a93bbfd5",
        "sha256=8106651ae078258f6259899dfcd7ea421e0d6286720b10567be1c9510a0d156d",
        "sha384="
        "85ec6af4f168b4d4e2564a02aa3b06a7081a0fbb9cc01bbd4ee9e85626501897edff1ab8a339dcab7e31"
        "ccccd9f3373d",
        "sha512="
        "7f773101c3aa1ef8afb88846c84652bc1247f535623a5bc884829ddbb9b335c1400cf8069ec48e2b0f66"
        "58f86cb5108ad4542ca50c7ebafd37d84b60ce694633");
    const signed_request message{{{"x-hub-signature", header}}, body};
    CHECK_FALSE(message.verified_by(with, sent));
    CHECK(with.attempt_id(message) == header.substr(header.find('=') + 1));
    CHECK(message.with("x-hub-signature", "md5=" + header).verified_by(with, sent) == refused);
    CHECK(message.with("x-hub-signature", "").verified_by(with, sent) ==
          errc::webhook_missing_header);
    CHECK(message.with("x-hub-signature", header + "0").verified_by(with, sent) == refused);
}

TEST_CASE("a scheme of one's own signs the text of its template", "[webhook]") {
    const hmac_scheme scheme{.signature_header = "x-acme-signature",
                             .timestamp_header = "x-acme-time",
                             .id_header = "x-acme-id",
                             .signed_text = "{id}|{timestamp}|{body}",
                             .function = digest::sha512,
                             .encoding = webhook::mac_encoding::base64};
    const auto message = sign(scheme, {"k"}, "body");
    CHECK(
        message.headers.at("x-acme-signature") ==
        "bBs4VNUt4zyh/avxePqNm6AiHg8dHR3CVMUxQEozGr8KdG5i879OruDLthCXF505KBp3IBZosrd2Toh28n7S6w==");
    const hmac_verifier with(scheme, {"k"});
    CHECK_FALSE(message.verified_by(with, sent));
    CHECK(message.with("x-acme-id", "msg-2").verified_by(with, sent) == refused);
    CHECK(message.with("x-acme-id", "").verified_by(with, sent) == errc::webhook_missing_header);
    // The same signed bytes with the border moved.
    auto moved = message.with("x-acme-id", "msg-1|1614265330");
    moved.body = "x";
    CHECK(moved.verified_by(with, sent) == refused);
    const auto invalid = make_error_code(errc::invalid_argument).message();
    for (const auto id : {"", "a|b", "a b"}) {
        CAPTURE(id);
        CHECK(sign(scheme, {"k"}, "body", id).headers.at("error") == invalid);
    }
}

TEST_CASE("an id that moves the border of the signed text is refused", "[webhook]") {
    const hmac_scheme scheme{
        .signature_header = "s", .id_header = "i", .signed_text = "{id}|{body}"};
    // "a|" + "b|c" and "a|b|" + "c" are the same bytes.
    const auto message = sign(scheme, {"k"}, "b|c", "a");
    const hmac_verifier with(scheme, {"k"});
    REQUIRE_FALSE(message.verified_by(with, sent));
    signed_request moved = message.with("i", "a|b");
    moved.body = "c";
    CHECK(moved.verified_by(with, sent) == refused);
}

TEST_CASE("a scheme whose text two readers could take apart in two ways cannot be made",
          "[webhook]") {
    const hmac_scheme good{.signature_header = "s",
                           .timestamp_header = "t",
                           .id_header = "i",
                           .signed_text = "{id}.{timestamp}.{body}"};
    CHECK_NOTHROW(hmac_verifier(good, {"k"}));
    const auto text =
        GENERATE(as<std::string>{}, "", "{body}", "{id}.{timestamp}.", "{id}.{timestamp}{body}",
                 "{id}{timestamp}.{body}", "{id}.{timestamp}0{body}", "{id}.{timestamp}.{body}.",
                 "{id}.{id}.{timestamp}.{body}", "{id}.{timestamp}.{body}{body}",
                 "{id}.{time}.{body}", "{id}.{timestamp}.{", "{timestamp}.{body}");
    auto bad = good;
    bad.signed_text = text;
    CAPTURE(text);
    CHECK_THROWS_AS(hmac_verifier(bad, {"k"}), std::invalid_argument);
    CHECK_THROWS_AS(hmac_signer(bad, {"k"}), std::invalid_argument);
}

TEST_CASE("a scheme without a header, with two times or without secrets cannot be made",
          "[webhook]") {
    const auto made = [](hmac_scheme s, std::vector<std::string> secrets = {"k"}) {
        return hmac_verifier(s, secrets);
    };
    CHECK_THROWS_AS(made({}), std::invalid_argument);
    CHECK_THROWS_AS(made({.signature_header = "s", .tolerance = -1s}), std::invalid_argument);
    CHECK_THROWS_AS(made({.signature_header = "s",
                          .timestamp_member = "t=",
                          .timestamp_header = "t",
                          .signed_text = "{timestamp}.{body}"}),
                    std::invalid_argument);
    CHECK_THROWS_AS(made({.signature_header = "s", .timestamp_header = "t"}),
                    std::invalid_argument);
    CHECK_THROWS_AS(made({.signature_header = "s", .id_header = "i"}), std::invalid_argument);
    CHECK_THROWS_AS(made({.signature_header = "s"}, {}), std::invalid_argument);
    CHECK_THROWS_AS(made({.signature_header = "s"}, {"k", ""}), std::invalid_argument);
    CHECK_THROWS_AS(hmac_verifier(std::vector<hmac_scheme>(), {"k"}), std::invalid_argument);
    CHECK(sign(webhook::stripe_scheme(), {"k"}, "").headers.count("stripe-signature") == 1);
    http::fields f;
    CHECK(hmac_signer(webhook::stripe_scheme(), {"k"})
              .sign({.attempt = system_clock::time_point(-1s)}, f) == errc::invalid_argument);
}

}  // namespace tidings::test
