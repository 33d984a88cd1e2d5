// SPDX-License-Identifier: BSL-1.0
// What a subscription's owner has sent to its target, and what became of what was sent.
#include "support/careless_store.hpp"
#include "support/rest_hook_bed.hpp"

#include <tidings/store/memory_outbox.hpp>
#include <tidings/test/faulty_outbox.hpp>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;

/// A sender whose deliveries fail after one attempt, and a bed that asks about them.
struct delivery_bed : hook_bed {
    explicit delivery_bed(world& in, rest_hook::manager_options o = {},
                          std::shared_ptr<store::outbox> outbox = nullptr)
        : hook_bed(in, std::move(o), failing_at_once(in, std::move(outbox))) {
        target.answer = [this](http::exchange& x) {
            x.respond({.status = status, .fields = {{"X-Who", "me"}}, .body = "an answer"});
        };
    }
    static webhook::sender_options failing_at_once(world& in, std::shared_ptr<store::outbox> box) {
        auto o = hook_sender_options(in);
        o.retry.delays = {0s};
        o.outbox = std::move(box);
        return o;
    }
    http::response ask(std::string method, std::string_view path, const json& body = nullptr,
                       http::fields fields = {}) {
        fields.set("Content-Type", "application/json");
        const auto r = w.request(std::move(method), url(path), body.is_null() ? "" : body.dump(),
                                 std::move(fields));
        w.run_ready();
        return r;
    }
    json list(std::string_view path) { return json::parse(ask("GET", path).body); }

    unsigned status = 204;
};

const http::fields ann{{"Authorization", "ann"}}, root{{"Authorization", "root"}};

rest_hook::manager_options of_owners() {
    return {.authenticator =
                [](const credentials& c, error_code&) {
                    return principal{.name = std::string(c.authorization), .anonymous = false};
                },
            .authorizer = allow_all(),
            .is_operator = [](const principal& p) { return p.name == "root"; }};
}

}  // namespace

TEST_CASE("a ping goes the way of events, to this target alone", "[rest_hook]") {
    world w;
    delivery_bed bed(w);
    const std::string id = bed.create("orders.>").at("id");
    bed.create("hook.>", "/other");
    const auto r = bed.ask("POST", '/' + id + "/ping");
    CHECK(r.status == 202);
    REQUIRE(bed.target.requests.size() == 1);
    const auto& sent = bed.target.requests[0];
    CHECK(sent.fields.get("ce-type") == "hook.ping");
    CHECK(sent.fields.get("ce-id") == json::parse(r.body).at("event").get<std::string>());
    CHECK(sent.fields.get("x-hook-subscription") == id);
    CHECK_FALSE(sent.fields.get("webhook-signature").empty());
    CHECK(json::parse(sent.body).at("hook") == id);
    CHECK(bed.ask("POST", "/none/ping").status == 404);
    // One that is paused can be tried.
    CHECK(bed.ask("POST", '/' + id + "/pause").status == 200);
    CHECK(bed.ask("POST", '/' + id + "/ping").status == 202);
    CHECK(bed.target.requests.size() == 2);
}

TEST_CASE("a test is an event of a topic that the subscription matches", "[rest_hook]") {
    world w;
    delivery_bed bed(w);
    const std::string id = bed.create("orders.*.>").at("id");
    CHECK(bed.ask("POST", '/' + id + "/test").status == 202);
    CHECK(bed.ask("POST", '/' + id + "/test",
                  {{"topic", "orders.1.paid"}, {"type", "com.acme"}, {"data", {{"total", 9}}}})
              .status == 202);
    REQUIRE(bed.target.requests.size() == 2);
    CHECK(bed.target.requests[0].fields.get("ce-topic") == "orders.test.test");
    CHECK(bed.target.requests[0].fields.get("ce-test") == "true");
    CHECK(bed.target.requests[1].fields.get("ce-topic") == "orders.1.paid");
    CHECK(bed.target.requests[1].fields.get("ce-type") == "com.acme");
    CHECK(json::parse(bed.target.requests[1].body) == json{{"total", 9}});
    struct row {
        json body;
        unsigned status;
        std::string member;
    };
    for (const auto& r : std::vector<row>{{{{"topic", "users"}}, 422, "topic"},
                                          {{{"topic", "orders.*.x"}}, 422, "topic"},
                                          {{{"topic", "tidings.x.y"}}, 422, "topic"},
                                          {{{"topic", 7}}, 400, "topic"},
                                          {{{"type", "tidings.gap"}}, 422, "type"},
                                          {{{"other", 7}}, 422, "other"}}) {
        CAPTURE(r.body.dump());
        const auto no = bed.ask("POST", '/' + id + "/test", r.body);
        CHECK(no.status == r.status);
        CHECK(json::parse(no.body).at("member") == r.member);
    }
    CHECK(bed.target.requests.size() == 2);
}

TEST_CASE("what failed is listed, and sent again", "[rest_hook]") {
    world w;
    delivery_bed bed(w);
    const std::string id = bed.create("a").at("id");
    const std::string other = bed.create("b", "/other").at("id");
    bed.status = 500;
    for (const auto* const topic : {"a", "a", "a", "b"}) bed.publish(topic);
    CHECK(bed.list('/' + other + "/deliveries").size() == 1);
    const auto dead = bed.list('/' + id + "/deliveries?state=dead");
    REQUIRE(dead.size() == 3);
    CHECK(dead[0].at("state") == "dead");
    CHECK(dead[0].at("attempts") == 1);
    CHECK(dead[0].at("event").at("topic") == "a");
    CHECK_FALSE(dead[0].at("error").get<std::string>().empty());
    CHECK(bed.list('/' + id + "/deliveries?state=pending").empty());

    const auto page = bed.ask("GET", '/' + id + "/deliveries?limit=2");
    CHECK(json::parse(page.body).size() == 2);
    const std::string link(page.fields.get("link"));
    REQUIRE(link.starts_with("</hooks/" + id + "/deliveries?limit=2&after="));
    CHECK(
        json::parse(w.request("GET", bed.url() + link.substr(7, link.find('>') - 7)).body).size() ==
        1);

    bed.target.requests.clear();
    bed.status = 204;
    auto r = bed.ask("POST", '/' + id + "/redeliver", {{"delivery", dead[0].at("id")}});
    CHECK(r.status == 202);
    CHECK(json::parse(r.body).at("count") == 1);
    REQUIRE(bed.target.requests.size() == 1);
    CHECK(bed.target.requests[0].fields.get("webhook-id") ==
          dead[0].at("webhook_id").get<std::string>());
    CHECK(bed.ask("POST", '/' + id + "/redeliver", {{"delivery", dead[0].at("id")}}).status == 404);
    const auto foreign = bed.list('/' + other + "/deliveries")[0].at("id");
    CHECK(bed.ask("POST", '/' + id + "/redeliver", {{"delivery", foreign}}).status == 404);
    r = bed.ask("POST", '/' + id + "/redeliver", {{"until", "2025-01-01T00:00:00Z"}});
    CHECK(json::parse(r.body).at("count") == 0);
    r = bed.ask("POST", '/' + id + "/redeliver", {{"as_new", true}});
    CHECK(json::parse(r.body).at("count") == 2);
    REQUIRE(bed.target.requests.size() == 3);
    CHECK(bed.target.requests[2].fields.get("webhook-id") !=
          dead[2].at("webhook_id").get<std::string>());
    CHECK(bed.list('/' + id + "/deliveries").empty());
    CHECK(bed.list('/' + other + "/deliveries").size() == 1);
}

TEST_CASE("attempts are listed, and what one sent is sent again", "[rest_hook]") {
    world w;
    delivery_bed bed(w);
    const std::string id = bed.create("a").at("id");
    const std::string other = bed.create("b", "/other").at("id");
    bed.status = 500;
    bed.publish("a", "what was sent");
    bed.publish("b");
    const auto attempts = bed.list('/' + id + "/attempts");
    REQUIRE(attempts.size() == 1);
    const auto& a = attempts[0];
    CHECK(a.at("status") == 500);
    CHECK(a.at("number") == 1);
    CHECK(a.at("event").at("topic") == "a");
    CHECK(a.at("response_body") == "an answer");
    CHECK(a.at("response_head").get<std::string>().find("X-Who: me") != std::string::npos);
    CHECK(a.at("timings").contains("total_us"));

    bed.target.requests.clear();
    bed.status = 204;
    CHECK(bed.ask("POST", '/' + id + "/redeliver", {{"attempt", a.at("id")}}).status == 202);
    REQUIRE(bed.target.requests.size() == 1);
    CHECK(bed.target.requests[0].body == "what was sent");
    const auto foreign = bed.list('/' + other + "/attempts")[0].at("id");
    CHECK(bed.ask("POST", '/' + id + "/redeliver", {{"attempt", foreign}}).status == 410);
    CHECK(bed.ask("POST", '/' + id + "/redeliver", {{"attempt", 99999}}).status == 410);
    CHECK(bed.target.requests.size() == 1);
}

TEST_CASE("how often was attempted is listed by minute", "[rest_hook]") {
    world w;
    delivery_bed bed(w);
    const std::string id = bed.create("a").at("id");
    const std::string other = bed.create("b", "/other").at("id");
    const auto path = '/' + id + "/attempt-counts";
    CHECK(bed.list(path).empty());
    for (const auto status : {204U, 500U, 204U}) {
        bed.status = status;
        bed.publish("a");
        bed.publish("a");
        w.advance(60s);
    }
    bed.publish("b");
    const auto all = bed.list(path);
    REQUIRE(all.size() == 3);
    CHECK(all[0] == json{{"minute", "2026-01-01T00:00:00Z"},
                         {"succeeded", 2},
                         {"failed", 0},
                         {"total_us", 0},
                         {"longest_us", 0},
                         {"latencies", {2}}});
    CHECK(all[1] == json{{"minute", "2026-01-01T00:01:00Z"},
                         {"succeeded", 0},
                         {"failed", 2},
                         {"total_us", 0},
                         {"longest_us", 0},
                         {"latencies", json::array()}});
    CHECK(bed.list('/' + other + "/attempt-counts").size() == 1);
    CHECK(bed.list(path + "?after=2026-01-01T00:00:00Z") == json{all[1], all[2]});
    CHECK(bed.list(path + "?after=2026-01-01T01:00:30%2B01:00") == json{all[1], all[2]});
    CHECK(bed.list(path + "?before=2026-01-01T00:01:30Z") == json{all[0], all[1]});
    CHECK(bed.list(path + "?after=2026-01-01T00:02:00Z").empty());

    const auto page = bed.ask("GET", path + "?limit=1&before=2026-01-01T00:02:00Z");
    CHECK(json::parse(page.body) == json::array({all[0]}));
    const std::string link(page.fields.get("link"));
    REQUIRE(link.starts_with("</hooks" + path + "?limit=1&before="));
    const auto next = w.request("GET", bed.url() + link.substr(7, link.find('>') - 7));
    CHECK(json::parse(next.body) == json::array({all[1]}));
    CHECK(next.fields.get("link").empty());
    CHECK(bed.ask("POST", path).status == 405);
    CHECK(bed.ask("GET", path + "/1").status == 404);
    CHECK(bed.ask("GET", "/none/attempt-counts").status == 404);
}

TEST_CASE("an owner does not see what a private address answered", "[rest_hook]") {
    world w;
    delivery_bed bed(w, of_owners());
    const std::string id = json::parse(bed.post(bed.body("a"), ann).body).at("id");
    bed.status = 500;
    bed.publish("a");
    const auto seen = bed.ask("GET", '/' + id + "/attempts", nullptr, ann).body;
    CHECK(json::parse(seen).at(0).at("status") == 500);
    CHECK(seen.find("an answer") == std::string::npos);
    CHECK(seen.find("127.0.0.1") == std::string::npos);
    CHECK(bed.ask("GET", '/' + id + "/attempts", nullptr, root).body.find("an answer") !=
          std::string::npos);
}

TEST_CASE("an owner sees by which rule an address was refused, and not the address",
          "[rest_hook]") {
    world w;
    auto o = of_owners();
    o.proof.takes = {rest_hook::proof::none};
    delivery_bed bed(w, std::move(o));
    w.sim().add_name("inner.example", {"10.1.2.3"});
    const json wanted{{"event", "a"}, {"target_url", "http://inner.example/hook"}};
    const std::string id = json::parse(bed.post(wanted.dump(), ann).body).at("id");
    bed.publish("a");
    const auto seen = bed.ask("GET", '/' + id + "/attempts", nullptr, ann).body;
    const auto cause = json::parse(seen).at(0).at("cause").get<std::string>();
    CHECK(cause.find(": a private network (allow_private)") != std::string::npos);
    CHECK(seen.find("10.1.2.3") == std::string::npos);
}

TEST_CASE("a request about deliveries that cannot be is refused with the member", "[rest_hook]") {
    world w;
    delivery_bed bed(w);
    const std::string id = bed.create("a").at("id");
    for (const auto* const query :
         {"/deliveries?state=lost", "/deliveries?after=x", "/deliveries?limit=0",
          "/deliveries?page=1", "/attempts?after=-1", "/attempts?state=dead",
          "/attempt-counts?after=7", "/attempt-counts?before=yesterday", "/attempt-counts?limit=0",
          "/attempt-counts?since=2026-01-01T00:00:00Z"})
        CHECK(bed.ask("GET", '/' + id + query).status == 400);
    struct row {
        json body;
        unsigned status;
    };
    for (const auto& r : std::vector<row>{
             {{{"attempt", 0}}, 400},
             {{{"attempt", "1"}}, 400},
             {{{"attempt", -1}}, 400},
             {{{"attempt", 1}, {"delivery", 1}}, 400},
             {{{"since", "yesterday"}}, 400},
             {{{"since", "2027-01-02T00:00:00Z"}, {"until", "2027-01-01T00:00:00Z"}}, 400},
             {{{"as_new", 1}}, 400},
             {{{"all", true}}, 422},
             {json::array(), 400}}) {
        CAPTURE(r.body.dump());
        CHECK(bed.ask("POST", '/' + id + "/redeliver", r.body).status == r.status);
    }
}

TEST_CASE("an outbox that fails, hangs or drops its handler is answered 503", "[rest_hook]") {
    world w;
    const auto outbox = std::make_shared<faulty_outbox>();
    delivery_bed bed(w, {.table_timeout = 3s}, outbox);
    const std::string id = bed.create("a").at("id");
    struct row {
        const char *operation, *method, *path;
    };
    const auto r = GENERATE(values<row>({{"append", "POST", "/ping"},
                                         {"append", "POST", "/test"},
                                         {"list", "GET", "/deliveries"},
                                         {"list_attempts", "GET", "/attempts"},
                                         {"list_attempt_counts", "GET", "/attempt-counts"},
                                         {"redeliver", "POST", "/redeliver"}}));
    CAPTURE(r.operation);
    outbox->plan().fail({.operation = r.operation});
    CHECK(bed.ask(r.method, '/' + id + r.path).status == 503);
    outbox->plan().heal();
    outbox->plan().hold();
    http::client client(w.io(), {.environment = w.environment()});
    std::optional<http::response> answer;
    client.async_request(bed.url('/' + id + r.path), {.method = r.method},
                         [&](error_code, http::response got) { answer = std::move(got); });
    w.advance(3100ms);
    REQUIRE(answer);
    CHECK(answer->status == 503);
    outbox->plan().release();
    w.run_ready();
    CHECK(bed.ask(r.method, '/' + id + r.path).status < 300);
}

}  // namespace tidings::test
