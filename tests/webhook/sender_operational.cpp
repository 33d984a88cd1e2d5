// SPDX-License-Identifier: BSL-1.0
// What a sender publishes about itself, and that it never feeds on that.
#include "support/webhook_bed.hpp"

#include <tidings/event_json.hpp>
#include <tidings/store/memory_history.hpp>
#include <tidings/test/faulty_history.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using texts = std::vector<std::string>;

/// A sender that publishes on the bus of its endpoints, and what that publishes.
struct operational_bed {
    explicit operational_bed(bool successes = false, const webhook::health_options& health = {})
        : bed(w) {
        auto o = webhook_options(w);
        o.retry.delays = {0s, 5s};
        o.health = health;
        o.operational = {.bus = &*bed.hub, .successes = successes};
        o.log = [this](const log_record& r) {
            logged += std::string(r.message) + ": " + r.error.message() + '\n';
        };
        bed.sender.emplace(w.io(), std::move(o));
        watch = bed.hub->subscribe("tidings.>", [this](const event_ptr& e) { told.push_back(e); });
    }
    /// A subscriber of these events at the target.
    webhook::endpoint watched_by(const std::string& id, std::string_view path,
                                 std::string_view pattern = "tidings.webhook.>") {
        auto e =
            bed.sender->endpoint({.url = target.url(path), .secret = webhook_secret, .id = id});
        bed.hooks.push_back(bed.hub->subscribe(pattern, e));
        return e;
    }
    texts topics() const {
        texts all;
        for (const auto& e : told) all.emplace_back(e->topic().substr(16));
        return all;
    }

    world w;
    send_bed bed;
    world_sink target{w};
    subscription watch;
    std::vector<event_ptr> told;
    std::string logged;
};

}  // namespace

TEST_CASE("a bus has an event of each attempt that failed, and of what was given up", "[webhook]") {
    operational_bed b;
    const auto e = b.bed.add(b.target.url("/hook?token=hidden"), {.id = "customer-7"});
    b.target.answer = answering({503, 500});
    b.bed.publish("1", "orders.1");
    b.w.advance(5s);
    REQUIRE(b.topics() == texts{"attempt.failed", "attempt.failed", "exhausted"});
    for (const auto& one : b.told) {
        CHECK(one->type() == one->topic());
        CHECK(one->source() == "/tidings/webhook");
        CHECK(one->subject() == "customer-7");
        CHECK(one->content_type() == "application/json");
        CHECK(std::string(one->text()).find("hidden") == std::string::npos);
    }
    const auto& sent = b.target.requests.at(0);
    json common{
        {"endpoint", "customer-7"},
        {"target", b.target.url("")},
        {"event", {{"id", "id-1"}, {"source", "/test"}, {"type", "test"}, {"topic", "orders.1"}}},
        {"webhook_id", std::string(sent.fields.get("webhook-id"))},
        {"error", make_error_code(errc::http_status).message()}};
    auto first = common;
    first["attempt"] = 1;
    first["status"] = 503;
    first["next_attempt"] = b.told[0]->json()["next_attempt"];
    CHECK(b.told[0]->json() == first);
    CHECK(first["next_attempt"].get<std::string>() > std::string(b.told[0]->time()));
    auto last = common;
    last["attempt"] = 2;
    last["status"] = 500;
    CHECK(b.told[1]->json() == last);
    last.erase("error");
    last["reason"] = make_error_code(errc::webhook_exhausted).message();
    CHECK(b.told[2]->json() == last);
}

TEST_CASE("an attempt without an answer is told with its cause", "[webhook]") {
    operational_bed b;
    const auto e = b.bed.add("http://127.0.0.1:1/hook", {.id = "e"});
    b.bed.publish();
    REQUIRE(b.topics() == texts{"attempt.failed"});
    const auto data = b.told[0]->json();
    CHECK_FALSE(data.contains("status"));
    CHECK_FALSE(data["error"].get<std::string>().empty());
}

TEST_CASE("an attempt at a refused address is told with the rule, and without the address",
          "[webhook]") {
    operational_bed b;
    b.w.sim().add_name("inner.example", {"10.1.2.3"});
    const auto e = b.bed.add("http://inner.example/hook", {.id = "e"});
    b.bed.publish();
    REQUIRE(b.topics() == texts{"attempt.failed"});
    const auto cause = b.told[0]->json().at("cause").get<std::string>();
    CHECK(cause ==
          make_error_code(errc::address_refused).message() + ": a private network (allow_private)");
}

TEST_CASE("attempts that succeeded are told where that is asked for", "[webhook]") {
    const bool asked = GENERATE(false, true);
    operational_bed b(asked);
    const auto e = b.bed.add(b.target.url(), {.id = "e"});
    b.bed.publish();
    CHECK(b.topics() == (asked ? texts{"attempt.succeeded"} : texts{}));
    if (asked) CHECK(b.told[0]->json()["status"] == 204);
    CHECK(bodies_of(b.target) == texts{"x"});  // and none came to the endpoint, which has ">"
}

TEST_CASE("a bus is told that an endpoint is disabled, and that it recovered", "[webhook]") {
    operational_bed b(
        false,
        {.open_after = 0, .disable_after = 1, .disable_after_time = 0s, .disabled_probe = 60s});
    b.target.answer = answering({500, 204});
    const auto e = b.bed.add(b.target.url(), {.id = "e"});
    b.bed.publish();
    b.w.advance(61s);
    REQUIRE(b.topics() == texts{"attempt.failed", "endpoint.disabled", "endpoint.recovered"});
    CHECK(b.told[1]->subject() == "e");
    CHECK(b.told[1]->json()["reason"] == make_error_code(errc::webhook_disabled).message());
    CHECK(b.told[2]->subject() == "e");
}

TEST_CASE("a bus is told that an endpoint has ended", "[webhook]") {
    operational_bed b;
    b.target.answer = answering({410});
    const auto e = b.bed.add(b.target.url(), {.id = "e"});
    b.bed.publish();
    REQUIRE(b.topics() == texts{"attempt.failed", "exhausted", "endpoint.disabled"});
    const auto gone = make_error_code(errc::webhook_gone).message();
    CHECK(b.told[1]->json()["reason"] == gone);
    CHECK(b.told[2]->json()["reason"] == gone);
}

TEST_CASE("a bus is told of what expired before it could be sent", "[webhook]") {
    operational_bed b;
    b.target.answer = answering({500});
    const auto e = b.bed.add(b.target.url(), {.id = "e"});
    b.bed.hub->publish("a",
                       event("test", "/test", "x").extension("expirytime", "1970-01-01T00:00:00Z"));
    b.w.run_ready();
    REQUIRE(b.topics() == texts{"exhausted"});
    CHECK(b.told[0]->json()["reason"] == make_error_code(errc::webhook_expired).message());
    CHECK(b.told[0]->json()["attempt"] == 0);
}

TEST_CASE("a bus is told of what a bound of the outbox drops, and of what a closed endpoint leaves",
          "[webhook]") {
    const bool closes = GENERATE(false, true);
    operational_bed b;
    b.target.answer = answering({500});
    const store::outbox_limits two{.max_entries = 2};
    auto e = b.bed.add(b.target.url(), {.id = "e", .limits = two});
    b.bed.publish();
    REQUIRE(b.topics() == texts{"attempt.failed"});
    b.bed.publish();
    b.told.clear();
    if (closes)
        e.close();
    else
        b.bed.publish();
    b.w.run_ready();
    const auto why = closes ? errc::closed : errc::outbox_full;
    std::vector<json> given_up;
    for (const auto& one : b.told)
        if (one->topic() == "tidings.webhook.exhausted") given_up.push_back(one->json());
    REQUIRE(given_up.size() == (closes ? 2 : 1));
    CHECK(given_up[0]["event"]["id"] == "id-1");
    for (const auto& one : given_up) {
        CHECK(one["reason"] == make_error_code(why).message());
        CHECK(one["attempt"] == 1);
        CHECK(one["endpoint"] == "e");
    }
    CHECK(e.counters().dead == given_up.size());
}

TEST_CASE("a bus is told of what became too old in the outbox", "[webhook]") {
    operational_bed b;
    b.target.answer = answering({503}, {{"Retry-After", "20000"}});
    const store::outbox_limits aging{.max_age = 2h};
    const auto e = b.bed.add(b.target.url(), {.id = "e", .limits = aging});
    const auto other = b.watched_by("other", "/other", "b");
    b.bed.publish();
    REQUIRE(b.topics() == texts{"attempt.failed"});
    b.told.clear();
    b.w.advance(3h);
    // Any delivery lets the sender look.
    b.bed.hub->publish(
        "b",
        event("test", "/test", "x").id("late").extension("expirytime", "1970-01-01T00:00:00Z"));
    b.w.run_ready();
    texts ids;
    for (const auto& one : b.told)
        if (one->subject() == "e") {
            CHECK(one->topic() == "tidings.webhook.exhausted");
            CHECK(one->json()["reason"] == make_error_code(errc::webhook_expired).message());
            ids.push_back(one->json()["event"]["id"]);
        }
    std::sort(ids.begin(), ids.end());
    CHECK(ids == texts{"id-1", "late"});
}

TEST_CASE("an endpoint without an id is told by no more of its URL than its host", "[webhook]") {
    operational_bed b;
    b.target.answer = answering({500});
    const auto one = b.bed.add(b.target.url("/a-secret"));
    const auto two = b.bed.add(b.target.url("/b-secret"));
    b.bed.publish();
    REQUIRE(b.told.size() == 2);
    CHECK(b.told[0]->subject() != b.told[1]->subject());
    for (const auto& e : b.told) {
        CHECK(e->subject().starts_with(b.target.url("") + '#'));
        CHECK(std::string(e->subject()).find("secret") == std::string::npos);
        CHECK(std::string(e->text()).find("secret") == std::string::npos);
    }
}

TEST_CASE("no endpoint is told of itself, and those that watch each other come to an end",
          "[webhook]") {
    operational_bed b(true, {.open_after = 0, .disable_after = 0});
    b.watched_by("a", "/hook");
    b.watched_by("b", "/hook");
    b.target.answer = answering({500});
    const auto failing = b.bed.add(b.target.url(), {.id = "c"});
    b.bed.publish("orders", "orders");
    for (int i = 0; i < 5; ++i) b.w.advance(10s);
    CHECK(b.topics() == texts{"attempt.failed", "attempt.failed", "exhausted"});
    // Two attempts of the order, and two for each of the two watchers of each of the three events.
    CHECK(b.target.requests.size() == 2 + 2 * 2 * 3);

    b.target.requests.clear();
    b.watched_by("d", "/hook", "orders");
    auto watches_itself = b.watched_by("d2", "/hook", "orders");
    b.bed.hooks.push_back(b.bed.hub->subscribe("tidings.webhook.>", watches_itself));
    b.bed.hub->publish("orders", event("test", "/test", "to-itself"));
    for (int i = 0; i < 5; ++i) b.w.advance(10s);
    std::size_t about_itself = 0;
    for (const auto& e : b.told) about_itself += e->subject() == "d2";
    CHECK(about_itself == 3);
    CHECK(watches_itself.counters().accepted == 1 + 3 * 2);  // the order, and of c and of d
}

TEST_CASE("without a bus nothing is published", "[webhook]") {
    world w;
    send_bed bed(w);
    world_sink target(w);
    target.answer = answering({500});
    std::size_t told = 0;
    const auto watch = bed.hub->subscribe("tidings.>", [&](const event_ptr&) { ++told; });
    bed.add(target.url());
    bed.publish();
    CHECK(bed.attempts.size() == 1);
    CHECK(told == 0);
}

TEST_CASE("the bus of a sender may end first", "[webhook]") {
    operational_bed b;
    b.target.answer = answering({500, 204});
    bus other(b.w.io(), bus_options{.clock = &b.w.clock()});
    auto e = b.bed.sender->endpoint({.url = b.target.url(), .secret = webhook_secret, .id = "e"});
    const auto hook = other.subscribe("a", e);
    other.publish("a", event("test", "/test", "x"));
    b.w.run_ready();
    CHECK(b.topics() == texts{"attempt.failed"});
    b.bed.hooks.clear();
    b.bed.hub.reset();
    b.w.advance(5s);
    CHECK(e.counters().delivered == 1);
    CHECK(b.told.size() == 1);
}

TEST_CASE("a callback of an operational event may end the sender", "[webhook]") {
    operational_bed b;
    b.target.answer = answering({410});
    const auto e = b.bed.add(b.target.url(), {.id = "e"});
    std::size_t calls = 0;
    const auto ends = b.bed.hub->subscribe("tidings.>", immediate, [&](const event_ptr&) {
        ++calls;
        b.bed.sender.reset();
    });
    b.bed.publish();
    b.w.run_ready();
    CHECK(calls == 1);  // of three: it had ended
}

TEST_CASE("a callback of an operational event may publish to the endpoint again", "[webhook]") {
    operational_bed b;
    b.target.answer = answering({500, 204});
    const auto e = b.bed.add(b.target.url(), {.id = "e"});
    const auto again = b.bed.hub->subscribe("tidings.>", immediate, [&](const event_ptr&) {
        b.bed.hub->publish("a", event("test", "/test", "again"));
    });
    b.bed.publish("first");
    CHECK(bodies_of(b.target) == texts{"first", "again"});
}

TEST_CASE("an operational event that is refused is logged, and holds up no delivery", "[webhook]") {
    operational_bed b;
    world& w = b.w;
    const auto kept = std::make_shared<faulty_history>(
        make_memory_history({{.pattern = "tidings.>", .max_events = 10}}));
    bus full(w.io(), bus_options{.history = {.implementation = kept}, .clock = &w.clock()});
    auto o = webhook_options(w);
    o.retry.delays = {0s, 5s};
    o.operational = {.bus = &full};
    o.log = [&](const log_record& r) {
        b.logged += std::string(r.message) + ": " + r.error.message() + '\n';
    };
    webhook::sender sender(w.io(), std::move(o));
    auto e = sender.endpoint({.url = b.target.url(), .secret = webhook_secret, .id = "e"});
    const auto hook = full.subscribe("a", e);
    b.target.answer = answering({500, 204});
    kept->plan().fail({.operation = "append", .times = fault::always});
    full.publish("a", event("test", "/test", "x"));
    w.advance(5s);
    CHECK(b.logged.find("tidings.webhook.attempt.failed: ") != std::string::npos);
    CHECK(e.counters().delivered == 1);
}

TEST_CASE("nobody but the library publishes operational events", "[webhook]") {
    operational_bed b;
    const auto e = b.bed.add(b.target.url("/hook"), {.id = "e"});
    b.target.answer = answering({500});
    b.bed.publish();
    REQUIRE(b.told.size() == 1);
    const auto& real = b.told[0];
    const std::string topic(real->topic());
    CHECK(b.bed.hub->publish(topic, real).error == errc::reserved_topic);
    CHECK(b.bed.hub->publish(topic, event(topic, "/forged")).error == errc::reserved_topic);
    CHECK(b.bed.hub->publish("a", real).error == errc::event_reserved_type);
    CHECK(b.bed.hub->as_subscriber()->deliver(real) == outcome::dropped);
    b.w.run_ready();
    CHECK(b.told.size() == 1);
}

TEST_CASE("a queue group gives what is about one endpoint to another of its members", "[webhook]") {
    operational_bed b;
    b.target.answer = [](http::exchange& x) {
        x.respond({.status = x.request().query() == "customer" ? 400U : 204U});
    };
    const auto join = [&](const std::string& id, const char* pattern, const char* group) {
        auto e = b.bed.sender->endpoint({.url = b.target.url("/hook?" + id),
                                         .secret = webhook_secret,
                                         .id = id,
                                         .replace = true});
        b.bed.hooks.push_back(b.bed.hub->subscribe(pattern, e, {.group = group}));
        return e;
    };
    const auto customer = join("customer", "tidings.webhook.attempt.failed", "operators");
    b.bed.hooks.push_back(b.bed.hub->subscribe("orders", webhook::endpoint(customer)));
    std::size_t expected = 0;
    SECTION("where there is another") {
        join("operator", "tidings.webhook.attempt.failed", "operators");
        expected = 4;
    }
    SECTION("and else to none") {}
    for (int i = 0; i < 4; ++i) b.bed.publish("x", "orders");
    b.w.run_ready();
    const auto to = [&](std::string_view query) {
        return static_cast<std::size_t>(
            std::count_if(b.target.requests.begin(), b.target.requests.end(),
                          [&](const auto& r) { return r.query() == query; }));
    };
    CHECK(to("customer") == 4);  // the orders
    CHECK(to("operator") == expected);
}

}  // namespace tidings::test
