// SPDX-License-Identifier: BSL-1.0
// What an endpoint adds to its requests, and what it may not.
#include "support/webhook_bed.hpp"

#include <tidings/diagnostics.hpp>
#include <tidings/store/memory_outbox.hpp>
#include <tidings/text/impl/base64.hpp>
#include <tidings/webhook/github.hpp>
#include <tidings/webhook/hmac_signer.hpp>
#include <tidings/webhook/no_signature.hpp>

#include <boost/asio/bind_executor.hpp>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;

/// Why an endpoint is refused.
struct refusal {
    error_code error{};
    std::string text{};
};

struct refusing_bed {
    refusal add(webhook::endpoint_options o) {
        refusal r;
        diagnostics detail;
        if (o.url.empty()) o.url = "http://127.0.0.1/hook";
        if (!o.signer) o.secret = webhook_secret;
        bed.sender->endpoint(std::move(o), r.error, detail);
        r.text = detail.message();
        return r;
    }
    world w;
    send_bed bed{w};
};

}  // namespace

TEST_CASE("a field that the sender makes is refused among an endpoint's own, by its name",
          "[webhook]") {
    refusing_bed b;
    for (const auto* name :
         {"Host", "content-length", "Content-Type", "Content-Encoding", "Transfer-Encoding",
          "Connection", "Keep-Alive", "TE", "Trailer", "Upgrade", "Expect", "Proxy-Authorization",
          "webhook-id", "Webhook-Signature", "WebHook-Request-Origin", "ce-id", "CE-mine"}) {
        CAPTURE(name);
        const auto r = b.add({.fields = {{"X-Mine", "1"}, {name, "x"}}});
        CHECK(r.error == errc::webhook_reserved_field);
        CHECK(r.text == "the field " + std::string(name));
    }
    try {
        b.bed.sender->endpoint({.url = "http://127.0.0.1/hook?hidden",
                                .secret = webhook_secret,
                                .fields = {{"Host", "elsewhere"}}});
        FAIL("it was taken");
    } catch (const std::invalid_argument& e) {
        const std::string text = e.what();
        CHECK(text.find("the field Host") != std::string::npos);
        CHECK(text.find("hidden") == std::string::npos);
        CHECK(text.find("elsewhere") == std::string::npos);
    }
    CHECK_FALSE(
        b.add({.fields = {{"Webhooks", "1"}, {"X-Webhook-Id", "1"}, {"Accept", "*/*"}}}).error);
}

TEST_CASE("a field that the endpoint's signer sets is refused among its own", "[webhook]") {
    refusing_bed b;
    const auto github = std::make_shared<webhook::hmac_signer>(webhook::github_scheme(),
                                                               std::vector<std::string>{"secret"});
    const auto r = b.add({.signer = github, .fields = {{"X-Hub-Signature-256", "x"}}});
    CHECK(r.error == errc::webhook_reserved_field);
    CHECK(r.text == "the field X-Hub-Signature-256");
    CHECK_FALSE(b.add({.fields = {{"X-Hub-Signature-256", "x"}}}).error);
}

TEST_CASE("a field that cannot stand in a request is refused", "[webhook]") {
    refusing_bed b;
    CHECK(b.add({.fields = {{"X Mine", "1"}}}).error == errc::invalid_argument);
    CHECK(b.add({.fields = {{"", "1"}}}).error == errc::invalid_argument);
    const auto r = b.add({.fields = {{"X-Mine", "1\r\nHost: elsewhere"}}});
    CHECK(r.error == errc::invalid_argument);
    CHECK(r.text == "the value of the field X-Mine");
}

TEST_CASE("a bearer token and a name with a password are sent as their specifications have it",
          "[webhook]") {
    world w;
    send_bed bed(w);
    world_sink target(w);
    std::string expected;
    webhook::endpoint_options o;
    SECTION("bearer") {
        o.bearer_token = "mF_9.B5f-4.1JqM~+/==";
        expected = "Bearer mF_9.B5f-4.1JqM~+/==";
    }
    SECTION("basic") {
        o.basic = {"Aladdin", "open sesame"};  // RFC 7617 2
        expected = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";
    }
    SECTION("basic, UTF-8") {
        o.basic = {"test", "123\xc2\xa3"};  // RFC 7617 2.1
        expected = "Basic dGVzdDoxMjPCow==";
    }
    SECTION("basic, with a password alone that has a colon") {
        o.basic = {"", "a:b"};
        expected = "Basic " + detail::base64_encode(":a:b");
    }
    SECTION("of the user's own") {
        o.fields.set("Authorization", "Own abc");
        expected = "Own abc";
    }
    bed.add(target.url(), o);
    bed.publish();
    REQUIRE(target.requests.size() == 1);
    CHECK(target.requests[0].fields.get("authorization") == expected);
    CHECK(target.requests[0].fields.count("authorization") == 1);
}

TEST_CASE("credentials of a wrong form, or of two kinds, are refused and not repeated",
          "[webhook]") {
    refusing_bed b;
    const auto refused = [&](webhook::endpoint_options o) {
        const auto r = b.add(std::move(o));
        CHECK(r.error == errc::webhook_bad_credentials);
        CHECK_FALSE(r.text.empty());
        CHECK(r.text.find("hidden") == std::string::npos);
    };
    refused({.bearer_token = "hidden token"});
    refused({.bearer_token = "hidden\r\n"});
    refused({.bearer_token = "hidden=more"});
    refused({.bearer_token = "=="});
    refused({.basic = {"hidden:x", "y"}});
    refused({.basic = {"hidden", "y\n"}});
    refused({.basic = {"hidden\x7f", "y"}});
    refused({.bearer_token = "hidden", .basic = {"hidden", "y"}});
    refused({.fields = {{"authorization", "hidden"}}, .bearer_token = "hidden"});
    refused({.fields = {{"authorization", "hidden"}}, .basic = {"hidden", "y"}});
}

TEST_CASE("a rate that is none is refused", "[webhook]") {
    refusing_bed b;
    for (const auto rate :
         {-1.0, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()})
        CHECK(b.add({.rate = {.per_second = rate}}).error == errc::invalid_argument);
}

TEST_CASE("credentials stand in no log, whatever a target answers", "[webhook]") {
    world w;
    auto o = webhook_options(w);
    const auto outbox = store::make_memory_outbox();
    o.outbox = outbox;
    o.attempts.successes = true;
    send_bed bed(w, std::move(o));
    world_sink target(w);
    target.answer = [](http::exchange& x) {
        const auto of = std::string(x.request().fields.get("authorization"));
        x.respond({.status = 500,
                   .fields = {{"X-Repeated", of}},
                   .body = "you sent " + of + ", a token of mF_9.B5f-4.1JqM or open sesame"});
    };
    bed.add(target.url("/hook?1"), {.id = "1", .bearer_token = "mF_9.B5f-4.1JqM"});
    bed.add(target.url("/hook?2"), {.id = "2", .basic = {"Aladdin", "open sesame"}});
    bed.publish();
    REQUIRE(target.requests.size() == 2);
    std::vector<store::outbox_attempt> found;
    for (const auto* id : {"1", "2"}) {
        outbox->async_list_attempts(id, 0, 10,
                                    net::bind_executor(w.io(), [&](error_code, auto all) {
                                        found.insert(found.end(), all.begin(), all.end());
                                    }));
        w.run_ready();
    }
    REQUIRE(found.size() == 2);
    const auto& one = found[0].endpoint == "1" ? found[0] : found[1];
    const auto& two = found[0].endpoint == "1" ? found[1] : found[0];
    for (const auto& text : {one.response_head, one.response_body, one.cause})
        CHECK(text.find("mF_9") == std::string::npos);
    for (const auto& text : {two.response_head, two.response_body, two.cause}) {
        CHECK(text.find("QWxhZGRpbjpvcGVuIHNlc2FtZQ") == std::string::npos);
        CHECK(text.find("open sesame") == std::string::npos);
    }
    for (const auto* secret : {"mF_9", "QWxhZ", "sesame"})
        CHECK(bed.logged.find(secret) == std::string::npos);
}

}  // namespace tidings::test
