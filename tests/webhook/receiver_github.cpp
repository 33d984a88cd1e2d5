// SPDX-License-Identifier: BSL-1.0
// Webhooks of GitHub.
#include "support/receive_bed.hpp"

#include <tidings/event_json.hpp>
#include <tidings/test/recorder.hpp>
#include <tidings/webhook/github.hpp>
#include <tidings/webhook/hmac_signer.hpp>

namespace tidings::test {

namespace {

using nlohmann::json;

std::string github_signature(std::string_view secret, std::string_view body) {
    http::fields f;
    CHECK_FALSE(webhook::hmac_signer(webhook::github_scheme(), {std::string(secret)})
                    .sign({.body = body}, f));
    return std::string(f.get("x-hub-signature-256"));
}

}  // namespace

TEST_CASE("GitHub's webhooks become events by name and action", "[webhook]") {
    world w;
    const auto seen = std::make_shared<recorder>();
    const std::string key = "It's a Secret to Everybody";
    receive_bed bed(w, seen, webhook::from_github({key}));
    const auto post = [&](std::string_view name, std::string_view id, std::string body) {
        http::fields f{{"X-Hub-Signature-256", github_signature(key, body)},
                       {"X-GitHub-Event", std::string(name)},
                       {"X-GitHub-Delivery", std::string(id)},
                       {"Content-Type", "application/json"}};
        if (name.empty()) f.erase("X-GitHub-Event");
        if (id.empty()) f.erase("X-GitHub-Delivery");
        return bed.post(std::move(body), std::move(f));
    };
    const std::string body =
        R"({ "action" : "opened", "repository": {"full_name":"octo\/cat"}, "n":1.0 })";
    CHECK(post("pull_request", "guid-1", body).status == 202);
    CHECK(post("push", "guid-2", "{}").status == 202);
    CHECK(post("push", "guid-2", "{}").status == 202);
    // A stranger's text adds no token.
    CHECK(post("a.b>*", "guid-3", R"({"action":"x.y"})").status == 202);
    CHECK(post("", "guid-4", "{}").status == 400);
    CHECK(post("push", "", "{}").status == 400);
    CHECK(post("push", "guid-5", "{").status == 400);
    for (const auto* const doubled :
         {R"({"action":"opened","action":"closed"})", R"({"action":"opened","\u0061ction":1})",
          R"({"repository":{"full_name":"a/b"},"repository":{"full_name":"c/d"}})",
          R"({"repository":{"full_name":"a/b","full_name":"c/d"}})"}) {
        INFO(doubled);
        CHECK(post("issues", "guid-7", doubled).status == 400);
    }
    http::fields f{{"X-GitHub-Event", "push"}, {"X-GitHub-Delivery", "guid-6"}};
    CHECK(bed.post("{}", f).status == 401);
    f.set("X-Hub-Signature-256", "sha256=" + std::string(64, '0'));
    const auto forged = bed.post("{}", f);
    CHECK(forged.status == 401);
    CHECK(json::parse(forged.body).at("detail") ==
          make_error_code(errc::webhook_no_matching_signature).message());

    REQUIRE(seen->count() == 3);
    const auto e = seen->events()[0];
    CHECK(e->topic() == "github.pull_request.opened");
    CHECK(e->type() == "com.github.pull_request.opened");
    CHECK(e->source() == "https://github.com/octo/cat");
    CHECK(e->id() == "guid-1");
    CHECK(e->text() == body);
    CHECK(seen->events()[1]->topic() == "github.push");
    CHECK(seen->events()[2]->topic() == "github.a~2eb~3e~2a.x~2ey");
}

TEST_CASE("a topic of GitHub's has the tokens of an event and an action, and no more",
          "[webhook][fault-29]") {
    const auto rule = webhook::github_topic();
    const auto topic_of = [&](std::string_view type) {
        error_code ec;
        auto topic = rule.resolve(event(type, "/s"), {}, ec);
        return ec ? ec.message() : topic;
    };
    CHECK(topic_of("com.github.push") == "github.push");
    CHECK(topic_of("com.github.issues.opened") == "github.issues.opened");
    for (const auto* const other : {"com.github.issues.opened.closed", "com.github.", "com.github",
                                    "x", "com.gitlab.push", "com.github.a..b"})
        CHECK(topic_of(other) == make_error_code(errc::bad_topic).message());
}

TEST_CASE("no body that GitHub signed once brings a second event", "[webhook]") {
    world w;
    const auto seen = std::make_shared<recorder>();
    receive_bed bed(w, seen, webhook::from_github({"old", "new"}));
    const std::string body = R"({"action":"opened"})";
    http::fields f{{"X-Hub-Signature-256", github_signature("new", body)},
                   {"X-GitHub-Event", "issues"},
                   {"X-GitHub-Delivery", "guid-1"}};
    seen->answer(outcome::dropped);
    CHECK(bed.post(body, f).status == 503);
    seen->answer(outcome::queued);
    CHECK(bed.post(body, f).status == 202);
    // GitHub delivers an event again under the same id.
    const auto again = bed.post(body, f);
    CHECK(again.status == 202);
    CHECK(json::parse(again.body) == json{{"duplicate", true}});
    SECTION("under another id") {
        f.set("X-GitHub-Delivery", "guid-2");
    }
    SECTION("of another kind") {
        f.set("X-GitHub-Delivery", "guid-2");
        f.set("X-GitHub-Event", "pull_request");
    }
    SECTION("with its signature in other letters") {
        auto signature = github_signature("new", body);
        for (auto& c : signature)
            if (c >= 'a' && c <= 'f') c = static_cast<char>(c - 'a' + 'A');
        signature.replace(0, 7, "sha256=");
        f.set("X-Hub-Signature-256", signature);
        f.set("X-GitHub-Delivery", "guid-2");
    }
    const auto replayed = bed.post(body, f);
    CHECK(replayed.status == 401);
    CHECK(seen->count() == 1);
}

}  // namespace tidings::test
