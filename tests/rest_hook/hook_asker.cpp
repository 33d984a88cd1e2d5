// SPDX-License-Identifier: BSL-1.0
// Proof of intent: what a target is asked before anything is delivered to it, and what counts.
#include "support/proof_bed.hpp"

#include <tidings/store/memory_table.hpp>
#include <tidings/test/faulty_table.hpp>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using rest_hook::proof;

constexpr std::size_t most_questions = 7;  // of a subscription, by default

}  // namespace

TEST_CASE("a target that agrees at once is subscribed, however it is asked", "[rest_hook][proof]") {
    const auto kind = GENERATE(proof::echo, proof::consent, proof::challenge);
    world w;
    proof_bed bed(w, asking_for(kind));
    bed.target.answer = agree;
    const auto made = bed.create("a", "/hook?key=1");
    CHECK(made.at("state") == "pending");
    CHECK(made.at("active") == false);
    CHECK(made.at("confirm_by") == "2026-01-02T00:00:00Z");
    w.run_ready();
    const std::string id = made.at("id");
    CHECK(bed.state_of(id) == "active");
    CHECK_FALSE(bed.shown(id).contains("confirm_by"));
    REQUIRE(bed.target.requests.size() == 1);
    const auto& asked = bed.target.requests[0];
    CHECK(asked.fields.get("x-hook-subscription") == id);
    CHECK(asked.body.empty());
    CHECK(asked.query().starts_with("key=1"));
    bed.publish("a");
    CHECK(bed.deliveries() == 1);
    w.advance(48h);
    CHECK(bed.questions().size() == 1);
}

TEST_CASE("a question is asked as its standard says", "[rest_hook][proof]") {
    world w;
    const auto kind = GENERATE(proof::echo, proof::consent, proof::challenge);
    auto o = asking_for(kind);
    o.proof.public_url = "https://hub.example/hooks/";
    proof_bed bed(w, std::move(o));
    const auto made = bed.post(json{
        {"topics", {"a", "b.>"}},
        {"target_url", bed.target.url("/hook?hub.topic=mine#part")},
        {"headers", {{"Authorization", "Bearer x"}}},
        {"lease_seconds", 3600}}.dump());
    REQUIRE(made.status == 201);
    const std::string id = json::parse(made.body).at("id");
    w.run_ready();
    REQUIRE(bed.target.requests.size() == 1);
    const auto& r = bed.target.requests[0];
    CHECK(r.fields.get("authorization") == "Bearer x");
    if (kind == proof::echo) {
        CHECK(r.method == "POST");
        CHECK(r.query() == "hub.topic=mine");
        CHECK(r.fields.get("x-hook-secret").size() == 64);
    } else if (kind == proof::consent) {
        CHECK(r.method == "OPTIONS");
        CHECK(r.fields.get("webhook-request-origin") == "hub.example");
        const auto callback = r.fields.get("webhook-request-callback");
        CHECK(callback.starts_with("https://hub.example/hooks/" + id + "/confirm?token="));
        CHECK(r.fields.find("x-hook-secret") == std::nullopt);
    } else {
        CHECK(r.method == "GET");
        CHECK(
            r.query().starts_with("hub.topic=mine&hub.mode=subscribe&hub.topic=a%2Cb.%3E&"
                                  "hub.challenge="));
        CHECK(r.query().ends_with("&hub.lease_seconds=3600"));
        CHECK(r.fields.find("x-hook-secret") == std::nullopt);
    }
}

TEST_CASE("nothing is delivered to a subscription that is pending", "[rest_hook][proof]") {
    world w;
    auto o = asking_for(proof::echo);
    o.max_hooks_per_principal = 1;
    proof_bed bed(w, std::move(o));
    const auto id = bed.make("a");
    CHECK(bed.hub->subscriptions() == 0);
    bed.publish("a");
    const auto ping = bed.ask("POST", '/' + id + "/ping");
    CHECK(ping.status == 409);
    CHECK(json::parse(ping.body).at("detail") == "the target has not agreed yet");
    CHECK(bed.ask("POST", '/' + id + "/test").status == 409);
    CHECK(bed.ask("POST", '/' + id + "/redeliver").status == 202);
    w.advance(1h);
    CHECK(bed.deliveries() == 0);
    CHECK(bed.questions().size() > 1);

    CHECK(bed.shown(id).at("reason") == "the target's answer is no agreement");
    CHECK(json::parse(bed.get("?state=pending").body).size() == 1);
    CHECK(bed.get("?state=active").body == "[]");
    CHECK(bed.get("?state=disabled").body == "[]");
    CHECK(bed.post(bed.body("b")).status == 429);
    CHECK(bed.post(bed.body("a")).status == 409);
    CHECK(bed.del(id).status == 204);
    const auto before = bed.target.requests.size();
    w.advance(24h);
    CHECK(bed.target.requests.size() == before);
}

TEST_CASE("a target may agree later, by the secret that it was asked by", "[rest_hook][proof]") {
    world w;
    auto o = asking_for(proof::echo);
    o.authenticator = bearer_token("of-the-api");
    o.authorizer = allow_all();
    proof_bed bed(w, std::move(o));
    const auto made =
        w.request("POST", bed.url(), bed.body("a"),
                  {{"Content-Type", "application/json"}, {"Authorization", "Bearer of-the-api"}});
    REQUIRE(made.status == 201);
    const std::string id = json::parse(made.body).at("id");
    w.advance(5min);
    REQUIRE(bed.questions().size() > 1);
    const auto secret = bed.secret_asked();
    CHECK(bed.secret_asked(1) == secret);
    CHECK(bed.get('/' + id).status == 401);
    CHECK(bed.confirm(id, std::string(64, '0')) == 404);
    CHECK(bed.confirm(id, "") == 404);
    CHECK(bed.confirm(id, secret.substr(1)) == 404);
    CHECK(bed.confirm("hook_0", secret) == 404);
    CHECK(bed.ask("PUT", '/' + id + "/confirm", {}, {{"X-Hook-Secret", secret}}).status == 401);
    bed.publish("a");
    CHECK(bed.deliveries() == 0);
    CHECK(bed.confirm(id, secret) == 204);
    bed.publish("a");
    CHECK(bed.deliveries() == 1);
    CHECK(bed.confirm(id, secret) == 404);  // it waits no more
    const auto asked = bed.questions().size();
    w.advance(24h);
    CHECK(bed.questions().size() == asked);
}

TEST_CASE("what is no agreement is none", "[rest_hook][proof]") {
    world w;
    auto o = asking_for(proof::echo);
    proof_bed bed(w, std::move(o));
    const auto other = bed.make("other", "/hook?other");
    const auto others = bed.secret_asked();
    const auto [what, answer] =
        GENERATE_COPY(values<std::pair<std::string, std::function<void(http::exchange&)>>>({
            {"nothing", [](http::exchange& x) { x.respond({.status = 200}); }},
            {"someone else's secret",
             [others](http::exchange& x) {
                 x.respond({200, {{"X-Hook-Secret", others}}, {}});
             }},
            {"two secrets",
             [](http::exchange& x) {
                 const std::string secret(x.request().fields.get("x-hook-secret"));
                 x.respond({200, {{"X-Hook-Secret", secret}, {"X-Hook-Secret", "more"}}, {}});
             }},
            {"the secret in an error",
             [](http::exchange& x) {
                 x.respond({500, {{"X-Hook-Secret", x.request().fields.get("x-hook-secret")}}, {}});
             }},
            {"the secret in the body",
             [](http::exchange& x) {
                 x.respond({200, {}, std::string(x.request().fields.get("x-hook-secret"))});
             }},
            {"a redirect to one that agrees",
             [](http::exchange& x) {
                 if (x.request().query() == "there") return agree(x);
                 x.respond({307,
                            {{"X-Hook-Secret", x.request().fields.get("x-hook-secret")},
                             {"Location", "/hook?there"}},
                            {}});
             }},
            {"an answer that is too large",
             [](http::exchange& x) {
                 x.respond({200,
                            {{"X-Hook-Secret", x.request().fields.get("x-hook-secret")}},
                            std::string(1 << 20, 'x')});
             }},
        }));
    CAPTURE(what);
    bed.target.answer = answer;
    const auto id = bed.make("a");
    w.advance(24h);
    bed.publish("a");
    CHECK(bed.deliveries() == 0);
    CHECK(bed.state_of(id) == "disabled");
    CHECK_FALSE(bed.shown(id).at("reason").get<std::string>().empty());
    for (const auto& r : bed.target.requests) CHECK(r.query() != "there");
    CHECK(bed.state_of(other) == "disabled");
}

TEST_CASE("a consent to another origin, and a challenge repeated wrongly, are no agreement",
          "[rest_hook][proof]") {
    const auto kind = GENERATE(proof::consent, proof::challenge);
    const auto wrong = GENERATE(0, 1, 2, 3);
    world w;
    proof_bed bed(w, asking_for(kind));
    bed.target.answer = [&](http::exchange& x) {
        http::response r{.status = 200};
        const std::string of_other[]{"hub.example.attacker.tld", "example", "xhub.example", ""};
        if (kind == proof::consent) {
            r.fields.set("WebHook-Allowed-Origin", of_other[wrong]);
        } else {
            const auto at = x.request().query().find("hub.challenge=") + 14;
            const std::string challenge(x.request().query().substr(at, 64));
            const std::string bodies[]{challenge + '\n', challenge.substr(1), "",
                                       std::string(64, '0')};
            r.body = bodies[wrong];
        }
        x.respond(std::move(r));
    };
    const auto id = bed.make("a");
    CHECK(bed.state_of(id) == "pending");
    // No secret was sent that could be repeated later.
    if (kind == proof::challenge) {
        const std::string query(bed.questions().at(0).query());
        CHECK(bed.confirm(id, query.substr(query.find("hub.challenge=") + 14, 64)) == 404);
    }
    w.advance(24h);
    CHECK(bed.state_of(id) == "disabled");
    bed.publish("a");
    CHECK(bed.deliveries() == 0);
}

TEST_CASE("a challenge is another one each time", "[rest_hook][proof]") {
    world w;
    proof_bed bed(w, asking_for(proof::challenge));
    std::string first;
    bed.target.answer = [&](http::exchange& x) {  // repeats what it was asked before
        const auto at = x.request().query().find("hub.challenge=") + 14;
        const auto before = std::exchange(first, std::string(x.request().query().substr(at, 64)));
        x.respond({.status = 200, .body = before});
    };
    const auto id = bed.make("a");
    for (int i = 0; i < 10; ++i) w.advance(11s);
    CHECK(bed.questions().size() >= 3);
    CHECK(bed.state_of(id) == "pending");
}

TEST_CASE("a consent by the callback is one, and its rate and origin are kept to",
          "[rest_hook][proof]") {
    world w;
    auto o = asking_for(proof::consent, store::make_memory_table());
    o.proof.public_url = "http://127.0.0.1/hooks";
    proof_bed bed(w, o);
    w.run_ready();
    const auto id = bed.make("a");
    const std::string callback(bed.questions().at(0).fields.get("webhook-request-callback"));
    const auto path = callback.substr(callback.find("/hooks") + 6);
    const auto method = GENERATE(as<std::string>(), "GET", "POST");
    CHECK(bed.ask(method, path.substr(0, path.size() - 1)).status == 404);
    CHECK(bed.ask(method, path, {}, {{"WebHook-Allowed-Rate", "many"}}).status == 404);
    CHECK(bed.state_of(id) == "pending");
    CHECK(bed.ask(method, path, {}, {{"WebHook-Allowed-Rate", "1"}}).status == 204);
    CHECK(bed.state_of(id) == "active");
    bed.publish("a");
    bed.publish("a");
    CHECK(bed.deliveries() == 1);
    CHECK(bed.target.requests.back().fields.get("webhook-request-origin") == "hub.example");
    w.advance(61s);
    CHECK(bed.deliveries() == 2);
    CHECK(bed.questions().size() == 1);
}

TEST_CASE("a target that wants nothing is not asked again", "[rest_hook][proof]") {
    const auto [kind, status] = GENERATE(values<std::pair<proof, unsigned>>(
        {{proof::echo, 410}, {proof::consent, 410}, {proof::challenge, 404}}));
    world w;
    proof_bed bed(w, asking_for(kind));
    bed.target.answer = [status = status](http::exchange& x) { x.respond({.status = status}); };
    const auto id = bed.make("a");
    CHECK(bed.state_of(id) == "disabled");
    CHECK(bed.shown(id).at("reason") == "the target does not want it");
    w.advance(24h);
    CHECK(bed.questions().size() == 1);
}

TEST_CASE("a question is repeated on a schedule that ends, and again where the owner asks",
          "[rest_hook][proof]") {
    world w;
    proof_bed bed(w, asking_for(proof::echo));
    const auto began = w.clock().wall_now();
    std::vector<std::chrono::seconds> asked;
    bed.target.answer = [&](http::exchange& x) {
        asked.push_back(std::chrono::floor<std::chrono::seconds>(w.clock().wall_now() - began));
        x.respond({.status = 503});
    };
    const auto id = bed.make("a");
    for (int i = 0; i < 30; ++i) w.advance(11s);
    for (int i = 0; i < 23 * 12; ++i) w.advance(5min);
    CHECK(bed.state_of(id) == "pending");
    REQUIRE(asked.size() == most_questions);
    CHECK(asked[0] == 0s);
    const std::chrono::seconds waits[]{10s, 1min, 5min, 30min, 2h, 6h};
    for (std::size_t i = 1; i < most_questions; ++i) {
        CHECK(asked[i] - asked[i - 1] >= waits[i - 1]);
        CHECK(asked[i] - asked[i - 1] <= waits[i - 1] + 5min);
    }
    const auto secret = bed.secret_asked();
    w.advance(1h);
    CHECK(bed.state_of(id) == "disabled");
    CHECK(bed.shown(id).at("active") == false);
    CHECK(bed.confirm(id, secret) == 404);  // too late
    bed.publish("a");
    w.advance(48h);
    CHECK(bed.target.requests.size() == most_questions);
    CHECK(json::parse(bed.get("?state=disabled").body).size() == 1);

    bed.target.answer = agree;
    CHECK(bed.ask("PATCH", '/' + id, R"({"description":"x"})").status == 200);
    w.run_ready();
    CHECK(bed.state_of(id) == "disabled");
    const auto resumed = bed.ask("POST", '/' + id + "/resume");
    CHECK(resumed.status == 200);
    CHECK(json::parse(resumed.body).at("state") == "pending");
    w.run_ready();
    CHECK(bed.state_of(id) == "active");
    CHECK(bed.secret_asked(most_questions) != secret);
    bed.publish("a");
    CHECK(bed.deliveries() == 1);
}

TEST_CASE("the owner's state waits with the subscription", "[rest_hook][proof]") {
    world w;
    proof_bed bed(w, asking_for(proof::echo));
    const auto id = bed.make("a");
    const auto change = GENERATE(as<std::string>(), R"({"state":"paused"})", R"({"active":false})");
    CHECK(bed.ask("PATCH", '/' + id, change).status == 200);
    CHECK(bed.state_of(id) == "pending");
    CHECK(bed.ask("POST", '/' + id + "/resume").status == 200);
    CHECK(bed.state_of(id) == "pending");
    CHECK(bed.ask("POST", '/' + id + "/pause").status == 200);
    // What was read may be written.
    CHECK(bed.ask("PATCH", '/' + id, bed.shown(id).dump()).status == 200);
    CHECK(bed.ask("PATCH", '/' + id, R"({"state":"disabled"})").status == 422);
    CHECK(bed.state_of(id) == "pending");
    CHECK(bed.questions().size() == 1);
    CHECK(bed.confirm(id, bed.secret_asked()) == 204);
    CHECK(bed.state_of(id) == "paused");
    bed.publish("a");
    CHECK(bed.deliveries() == 0);
    CHECK(bed.ask("POST", '/' + id + "/resume").status == 200);
    bed.publish("a");
    CHECK(bed.deliveries() == 1);
    CHECK(bed.questions().size() == 1);
}

TEST_CASE("a new target is asked, and neither gets anything until it agrees",
          "[rest_hook][proof]") {
    world w;
    proof_bed bed(w, asking_for(proof::echo));
    bed.target.answer = [](http::exchange& x) {
        if (x.request().fields.find("x-hook-secret")) return agree(x);
        x.respond({.status = x.request().query() == "second" ? 204U : 500U});
    };
    const auto id = bed.make("a", "/hook?first");
    REQUIRE(bed.state_of(id) == "active");
    const auto first_secret = bed.secret_asked();
    bed.publish("a", "owed");
    REQUIRE(bed.deliveries() == 1);

    bed.target.answer = [](http::exchange& x) { x.respond({.status = 204}); };
    const auto patched =
        bed.ask("PATCH", '/' + id, json{{"target_url", bed.target.url("/hook?second")}}.dump());
    CHECK(patched.status == 200);
    CHECK(json::parse(patched.body).at("state") == "pending");
    w.run_ready();
    REQUIRE(bed.questions().size() == 2);
    CHECK(bed.questions().at(1).query() == "second");
    CHECK(bed.secret_asked(1) != first_secret);
    bed.publish("a", "meanwhile");
    w.advance(1h);
    CHECK(bed.deliveries() == 1);
    CHECK(bed.confirm(id, first_secret) == 404);
    CHECK(bed.confirm(id, bed.secret_asked(1)) == 204);
    w.advance(1min);
    // What was owed before is the new target's; what came meanwhile was nobody's.
    REQUIRE(bed.deliveries() == 2);
    CHECK(bed.target.requests.back().query() == "second");
    CHECK(bed.target.requests.back().body == "owed");
    bed.publish("a", "after");
    CHECK(bed.target.requests.back().body == "after");
}

TEST_CASE("the answer of the target before does not end a new one's question",
          "[rest_hook][proof]") {
    world w;
    proof_bed bed(w, asking_for(proof::echo));
    std::vector<http::exchange> held;
    bed.target.answer = [&](http::exchange& x) {
        if (x.request().query() == "first") return held.push_back(std::move(x));
        x.respond({.status = 204});
    };
    const auto id = bed.make("a", "/hook?first");
    REQUIRE(held.size() == 1);
    CHECK(bed.ask("PATCH", '/' + id, json{{"url", bed.target.url("/hook?second")}}.dump()).status ==
          200);
    w.run_ready();
    CHECK(bed.questions().size() == 2);
    agree(held[0]);
    w.run_ready();
    CHECK(bed.state_of(id) == "pending");
    CHECK(bed.shown(id).at("target_url") == bed.target.url("/hook?second"));
    bed.publish("a");
    CHECK(bed.deliveries() == 0);
}

TEST_CASE("an answer counts although the subscription changed meanwhile", "[rest_hook][proof]") {
    world w;
    proof_bed bed(w, asking_for(proof::echo));
    std::vector<http::exchange> held;
    bed.target.answer = [&](http::exchange& x) { held.push_back(std::move(x)); };
    const auto id = bed.make("a");
    CHECK(bed.ask("PATCH", '/' + id, R"({"topics":["b"]})").status == 200);
    CHECK(bed.ask("POST", '/' + id + "/rotate").status == 200);
    REQUIRE(held.size() == 1);
    agree(held[0]);
    w.run_ready();
    CHECK(bed.state_of(id) == "active");
    CHECK(bed.shown(id).at("topics") == json::array({"b"}));
    bed.target.answer = nullptr;
    bed.publish("a");
    bed.publish("b");
    CHECK(bed.deliveries() == 1);
}

TEST_CASE("an answer to a subscription that was deleted makes none", "[rest_hook][proof]") {
    world w;
    const auto table = store::make_memory_table();
    proof_bed bed(w, asking_for(proof::echo, table));
    w.run_ready();
    std::vector<http::exchange> held;
    bed.target.answer = [&](http::exchange& x) { held.push_back(std::move(x)); };
    const auto id = bed.make("a");
    CHECK(bed.del(id).status == 204);
    REQUIRE(held.size() == 1);
    agree(held[0]);
    w.advance(1min);
    CHECK(bed.get().body == "[]");
    CHECK(bed.hub->subscriptions() == 0);
    CHECK(bed.confirm(id, bed.secret_asked()) == 404);
}

TEST_CASE("an answer that comes when nobody waits for it any more is too late",
          "[rest_hook][proof]") {
    world w;
    auto sending = hook_sender_options(w);
    sending.request_timeout = 5s;
    proof_bed bed(w, asking_for(proof::echo), std::move(sending));
    std::vector<http::exchange> held;
    bed.target.answer = [&](http::exchange& x) { held.push_back(std::move(x)); };
    const auto id = bed.make("a");
    w.advance(6s);
    REQUIRE(held.size() == 1);
    agree(held[0]);
    w.run_ready();
    CHECK(bed.state_of(id) == "pending");
    CHECK(bed.shown(id).at("reason") == "the target did not answer");
}

TEST_CASE("a manager may end while it asks", "[rest_hook][proof]") {
    world w;
    const auto table = store::make_memory_table();
    std::vector<http::exchange> held;
    std::string id;
    {
        proof_bed bed(w, asking_for(proof::echo, table));
        w.run_ready();
        bed.target.answer = [&](http::exchange& x) { held.push_back(std::move(x)); };
        id = bed.make("a");
        REQUIRE(held.size() == 1);
        bed.server.reset();
        const auto orderly = GENERATE(false, true);
        if (orderly) w.run_ready();
        if (!held.empty() && orderly) agree(held[0]);
        held.clear();
    }
    w.run_ready();
    store::row left;
    table->start_get(id, {w.io().get_executor(), [&](error_code, store::row r) { left = r; }});
    w.run_ready();
    CHECK(json::parse(left.value).at("state") == "pending");
}

TEST_CASE("a restart goes on with a question, and repeats none that was answered",
          "[rest_hook][proof]") {
    world w;
    const auto table = store::make_memory_table();
    world_sink target(w);
    target.answer = [](http::exchange& x) {
        if (x.request().query() == "yes") return agree(x);
        x.respond({.status = 204});
    };
    std::string confirmed, waiting, secret;
    {
        proof_bed bed(w, asking_for(proof::echo, table));
        w.run_ready();
        const auto make = [&](std::string_view path) {
            const auto r = bed.post(json{{"event", "a"}, {"url", target.url(path)}}.dump());
            REQUIRE(r.status == 201);
            w.run_ready();
            return json::parse(r.body).at("id").get<std::string>();
        };
        confirmed = make("/hook?yes");
        waiting = make("/hook?no");
        REQUIRE(target.requests.size() == 2);
        secret = target.requests[1].fields.get("x-hook-secret");
    }
    for (int restarts = 0; restarts < 3; ++restarts) {
        proof_bed bed(w, asking_for(proof::echo, table));
        w.run_ready();
        CHECK(bed.state_of(confirmed) == "active");
        CHECK(bed.state_of(waiting) == "pending");
        CHECK(target.requests.size() == 2);  // none is due
    }
    proof_bed bed(w, asking_for(proof::echo, table));
    w.advance(11s);
    REQUIRE(target.requests.size() == 3);
    CHECK(target.requests[2].query() == "no");
    CHECK(target.requests[2].fields.get("x-hook-secret") == secret);
    CHECK(bed.confirm(waiting, secret) == 204);
    CHECK(bed.state_of(waiting) == "active");
}

TEST_CASE("of several managers on one table one sends each question", "[rest_hook][proof]") {
    world w;
    const auto table = store::make_memory_table();
    proof_bed one(w, asking_for(proof::echo, table));
    proof_bed other(w, asking_for(proof::echo, table));
    proof_bed third(w, asking_for(proof::echo, table));
    w.run_ready();
    const auto id = one.make("a");
    w.advance(11s);
    CHECK(one.questions().size() == 2);
    for (int i = 0; i < 24 * 12; ++i) w.advance(5min);
    CHECK(one.questions().size() == most_questions);
    for (auto* bed : {&one, &other, &third}) CHECK(bed->state_of(id) == "disabled");
    one.target.answer = agree;
    CHECK(other.ask("POST", '/' + id + "/resume").status == 200);
    w.run_ready();
    for (auto* bed : {&one, &other, &third}) CHECK(bed->state_of(id) == "active");
    CHECK(one.questions().size() == most_questions + 1);
}

TEST_CASE("what a target was asked by is shown to nobody else", "[rest_hook][proof]") {
    world w;
    proof_bed bed(w, asking_for(proof::echo));
    const http::fields key{{"Idempotency-Key", "k"}};
    const auto made = bed.post(bed.body("a"), key);
    w.run_ready();
    const std::string id = json::parse(made.body).at("id");
    const auto secret = bed.secret_asked();
    REQUIRE(secret.size() == 64);
    std::string all = made.body + bed.post(bed.body("a"), key).body + bed.get().body;
    for (const auto* const part : {"", "/deliveries", "/attempts"})
        all += bed.get('/' + id + part).body;
    all += bed.ask("PATCH", '/' + id, R"({"description":"x"})").body;
    all += bed.ask("POST", '/' + id + "/rotate").body;
    all += *bed.logged;
    CHECK(all.find(secret) == all.npos);
    CHECK(all.find("pending") != all.npos);
}

TEST_CASE("targets that nobody asked for proof, and rows from before there was any, go on",
          "[rest_hook][proof]") {
    world w;
    const auto table = store::make_memory_table();
    table->start_put("hook_1",
                     R"({"event":"a","target_url":"http://127.0.0.1:9/hook","secret":"whsec_)" +
                         std::string(32, 'A') + R"(","created_at":"2026-01-01T00:00:00Z"})",
                     0, {w.io().get_executor(), [](error_code, std::uint64_t) {}});
    proof_bed bed(w, asking_for(proof::echo, table));
    w.run_ready();
    const auto shown = bed.shown("hook_1");
    CHECK(shown.at("state") == "active");
    CHECK(shown.at("proof") == "none");
    const auto change = GENERATE(0, 1, 2);
    if (change == 0) CHECK(bed.ask("PATCH", "/hook_1", R"({"topics":["b"]})").status == 200);
    if (change == 1) CHECK(bed.ask("PUT", "/hook_1", shown.dump()).status == 200);
    if (change == 2) CHECK(bed.ask("POST", "/hook_1/rotate").status == 200);
    CHECK(bed.state_of("hook_1") == "active");
    CHECK(bed.ask("PATCH", "/hook_1", json{{"url", bed.target.url()}}.dump()).status == 200);
    CHECK(bed.state_of("hook_1") == "pending");
    CHECK(bed.shown("hook_1").at("proof") == "echo");
}

TEST_CASE("less proof than the server asks for is refused, and more is taken",
          "[rest_hook][proof]") {
    world w;
    rest_hook::manager_options o;
    o.proof.origin = "hub.example";
    o.proof.rules = {{.principal = "ann", .takes = {proof::none}},
                     {.takes = {proof::challenge, proof::consent}}};
    o.authenticator = [](const credentials& c, error_code&) -> principal {
        return {.name = std::string(c.authorization), .anonymous = false};
    };
    o.authorizer = allow_all();
    proof_bed bed(w, std::move(o));
    bed.target.answer = agree;
    const auto make = [&](std::string_view who, const char* kind) {
        auto body = json{{"event", "a"}, {"url", bed.target.url()}};
        if (kind != nullptr) body["proof"] = kind;
        const auto r = bed.post(body.dump(), {{"Authorization", who}});
        if (r.status != 201) return r;
        const std::string id = json::parse(r.body).at("id");
        CHECK(w.request("DELETE", bed.url('/' + id), {}, {{"Authorization", who}}).status == 204);
        return r;
    };
    for (const auto* const kind : {"none", "echo"}) {
        const auto refused = make("bob", kind);
        CHECK(refused.status == 422);
        CHECK(json::parse(refused.body).at("member") == "proof");
    }
    CHECK(json::parse(make("bob", nullptr).body).at("proof") == "challenge");
    CHECK(json::parse(make("bob", "consent").body).at("proof") == "consent");
    CHECK(json::parse(make("ann", nullptr).body).at("state") == "active");
    CHECK(json::parse(make("ann", "echo").body).at("state") == "pending");
    CHECK(make("ann", "handshake").status == 422);
}

}  // namespace tidings::test
