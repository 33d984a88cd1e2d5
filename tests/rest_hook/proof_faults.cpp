// SPDX-License-Identifier: BSL-1.0
// Proof of intent where a table fails, and where those that subscribe mean no good.
#include "support/proof_bed.hpp"

#include <tidings/store/memory_table.hpp>
#include <tidings/test/faulty_table.hpp>

#include <set>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using rest_hook::proof;

}  // namespace

TEST_CASE(
    "whichever operation of a table fails, a target that agrees is subscribed, and none before",
    "[rest_hook][proof][faulty]") {
    const bool after = GENERATE(false, true);
    const std::size_t times = GENERATE(1U, 4U);
    const bool later = GENERATE(false, true);
    bool failed = true;
    for (std::size_t nth = 1; failed; ++nth) {
        CAPTURE(after, times, later, nth);
        REQUIRE(nth < 50);
        world w;
        const auto sound = store::make_memory_table();
        const auto table = std::make_shared<faulty_table>(sound);
        table->plan().fail({.nth = nth, .times = times, .after = after});
        proof_bed bed(w, asking_for(proof::echo, table));
        int asked = 0;
        bed.target.answer = [&](http::exchange& x) {
            if (!x.request().fields.find("x-hook-secret") || (!later && ++asked > 1))
                return agree(x);
            x.respond({.status = 200});
        };
        std::string id;
        for (int i = 0; id.empty() && i < 20; ++i) {
            const auto r = bed.post(bed.body("a"));
            if (r.status == 201) id = json::parse(r.body).at("id");
            if (r.status != 201) w.advance(1s);
        }
        REQUIRE_FALSE(id.empty());
        w.run_ready();
        CHECK(bed.state_of(id) == "pending");
        bed.publish("a");
        CHECK(bed.deliveries() == 0);
        for (int i = 0; later && i < 20; ++i) {
            const auto status = bed.confirm(id, bed.secret_asked());
            if (status == 204 || bed.state_of(id) == "active") break;
            CHECK(status == 503);
            w.advance(1s);
        }
        for (int i = 0; i < 30; ++i) w.advance(11s);
        // A question whose beginning was written, though that was said to have failed, is the next
        // one's to repeat.
        for (int i = 0; i < 40; ++i) w.advance(5min);
        failed = table->plan().failures() != 0;

        CHECK(bed.state_of(id) == "active");
        CHECK(bed.questions().size() <= 7);
        const auto before = bed.deliveries();
        bed.publish("a");
        CHECK(bed.deliveries() == before + 1);
        store::row row;
        sound->start_get(id, {w.io().get_executor(), [&](error_code, store::row r) { row = r; }});
        w.run_ready();
        const auto value = json::parse(row.value);
        CHECK_FALSE(value.contains("state"));
        CHECK_FALSE(value.contains("question"));
    }
}

TEST_CASE("a table that does not answer a confirmation is waited for no longer than asked",
          "[rest_hook][proof][faulty]") {
    world w;
    const auto table = std::make_shared<faulty_table>();
    auto o = asking_for(proof::echo, table);
    o.table_timeout = 3s;
    proof_bed bed(w, std::move(o));
    w.run_ready();
    const auto id = bed.make("a");
    table->plan().hold();
    std::optional<http::response> answer;
    http::client client(w.io(), {.environment = w.environment()});
    client.async_request(bed.url('/' + id + "/confirm"),
                         {.method = "POST", .fields = {{"X-Hook-Secret", bed.secret_asked()}}},
                         [&](error_code, http::response r) { answer = std::move(r); });
    w.advance(2900ms);
    CHECK_FALSE(answer);
    w.advance(200ms);
    REQUIRE(answer);
    CHECK(answer->status == 503);
    table->plan().release();
    w.run_ready();
    CHECK(bed.state_of(id) == "active");
}

TEST_CASE("a host is asked no more often than its share, however many subscriptions name it",
          "[rest_hook][proof]") {
    world w;
    auto o = asking_for(proof::echo);
    o.proof.max_per_host = 5;
    o.proof.waits = {1s, 1s, 1s, 1s, 1s, 1s};
    proof_bed bed(w, std::move(o));
    for (int i = 0; i < 40; ++i) bed.make("a" + std::to_string(i), "/hook?" + std::to_string(i));
    std::size_t seen = bed.questions().size();
    CHECK(seen <= 5);
    for (int minute = 0; minute < 10; ++minute) {
        for (int i = 0; i < 60; ++i) w.advance(1s);
        CHECK(bed.questions().size() - seen <= 10);  // a minute here may touch two of its own
        seen = bed.questions().size();
    }
    CHECK(seen >= 40);
    CHECK(seen <= 60);
    // Nobody is forgotten for that.
    for (int i = 0; i < 60 * 60; ++i) w.advance(1s);
    std::set<std::string> asked;
    for (const auto& r : bed.questions()) asked.emplace(r.query());
    CHECK(asked.size() == 40);
}

TEST_CASE("names do not hide an address that was asked often enough", "[rest_hook][proof]") {
    world w;
    auto o = asking_for(proof::echo);
    o.proof.max_per_host = 4;
    proof_bed bed(w, std::move(o));
    const auto port = bed.target.url().substr(std::string("http://127.0.0.1").size());
    for (int i = 0; i < 20; ++i) {
        const auto name = "n" + std::to_string(i) + ".attacker.example";
        w.sim().add_name(name, {"127.0.0.1"});
        const auto r = bed.post(json{{"event", "a"}, {"url", "http://" + name + port}}.dump());
        REQUIRE(r.status == 201);
        w.run_ready();
    }
    CHECK(bed.questions().size() == 4);
    w.advance(61s);
    CHECK(bed.questions().size() <= 9);
}

TEST_CASE("a question that an address has no room for is asked in the next minute",
          "[rest_hook][proof]") {
    world w;
    auto o = asking_for(proof::echo);
    o.proof.max_per_host = 4;
    o.proof.waits.clear();
    proof_bed bed(w, std::move(o));
    const auto port = bed.target.url().substr(std::string("http://127.0.0.1").size());
    std::string id;
    for (int i = 0; i < 20; ++i) {
        const auto name = "n" + std::to_string(i) + ".example";
        w.sim().add_name(name, {"127.0.0.1"});
        const auto r = bed.post(json{{"event", "a"}, {"url", "http://" + name + port}}.dump());
        REQUIRE(r.status == 201);
        w.run_ready();
        id = json::parse(r.body).at("id");
    }
    CHECK(bed.questions().size() == 4);
    CHECK_FALSE(bed.shown(id).contains("reason"));
    w.advance(61s);
    CHECK(bed.questions().size() <= 8);
    for (int i = 0; i < 6; ++i) w.advance(61s);
    CHECK(bed.questions().size() == 20);
    CHECK(bed.shown(id).at("reason") == "the target's answer is no agreement");
}

TEST_CASE("the guard stands before a subscription and before each question", "[rest_hook][proof]") {
    world w;
    proof_bed bed(w, asking_for(proof::echo));
    CHECK(bed.post(json{{"event", "a"}, {"url", "http://10.0.0.7/"}}.dump()).status == 422);
    CHECK(bed.post(json{{"event", "a"}, {"url", "http://169.254.169.254/"}}.dump()).status == 422);
    // A name that leads elsewhere now and then.
    w.sim().add_name("moving.example", {"10.0.0.7", "169.254.169.254"});
    const auto port = bed.target.url().substr(std::string("http://127.0.0.1").size());
    const auto made =
        bed.post(json{{"event", "a"}, {"url", "http://moving.example" + port}}.dump());
    REQUIRE(made.status == 201);
    w.run_ready();
    const std::string id = json::parse(made.body).at("id");
    CHECK(bed.shown(id).at("reason") == "the target's address is not one that may be called");
    CHECK(bed.questions().empty());
    bed.target.answer = agree;
    w.sim().add_name("moving.example", {"127.0.0.1"});
    for (int i = 0; i < 10; ++i) w.advance(11s);
    CHECK(bed.state_of(id) == "active");
}

TEST_CASE("targets that never answer keep nobody else's from being asked", "[rest_hook][proof]") {
    world w;
    auto o = asking_for(proof::echo);
    o.proof.max_questions = 8;
    o.proof.max_per_host = 1000;
    o.authenticator = [](const credentials& c, error_code&) -> principal {
        return {.name = std::string(c.authorization), .anonymous = false};
    };
    o.authorizer = allow_all();
    proof_bed bed(w, std::move(o));
    std::vector<http::exchange> held;
    bed.target.answer = [&](http::exchange& x) {
        if (x.request().query() == "good") return agree(x);
        held.push_back(std::move(x));
    };
    const auto subscribe = [&](std::string_view who, const std::string& query) {
        const auto r = bed.post(bed.body("a", "/hook?" + query), {{"Authorization", who}});
        REQUIRE(r.status == 201);
        w.run_ready();
        return json::parse(r.body).at("id").get<std::string>();
    };
    for (int i = 0; i < 30; ++i) subscribe("eve", std::to_string(i));
    CHECK(held.size() == 2);
    const auto id = subscribe("ann", "good");
    const auto shown = w.request("GET", bed.url('/' + id), {}, {{"Authorization", "ann"}});
    CHECK(json::parse(shown.body).at("state") == "active");
    held.clear();
}

TEST_CASE("a pending row that others have written is asked for, or ends, and harms nobody",
          "[rest_hook][proof]") {
    world w;
    const auto table = store::make_memory_table();
    const auto question = GENERATE(
        as<std::string>(), "", R"(,"question":{})", R"(,"question":{"token":"","asked":1})",
        R"(,"question":{"token":"t","asked":4000000000,"next":"2020-01-01T00:00:00Z"})",
        R"(,"question":{"token":"t","next":"9999-01-01T00:00:00Z"})");
    CAPTURE(question);
    proof_bed bed(w, asking_for(proof::echo, table));
    table->start_put("hook_1",
                     R"({"event":"a","target_url":")" + bed.target.url() + R"(","secret":"whsec_)" +
                         std::string(32, 'A') + R"(","state":"pending")" + question + '}',
                     0, {w.io().get_executor(), [](error_code, std::uint64_t) {}});
    w.advance(1min);
    bed.publish("a");
    CHECK(bed.target.requests.empty());
    CHECK(bed.confirm("hook_1", "") == 404);
    bed.target.answer = agree;
    CHECK(bed.ask("POST", "/hook_1/resume").status == 200);
    w.run_ready();
    CHECK(bed.state_of("hook_1") == "active");
}

}  // namespace tidings::test
