// SPDX-License-Identifier: BSL-1.0
// The lease of a subscriber's client: ends that do not move, and ends that cannot be.
#include "support/proof_bed.hpp"
#include "support/subscriber_bed.hpp"
#include "support/websub_bed.hpp"

#include <tidings/rest_hook/impl/hook_record.hpp>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using rest_hook::stop_action;
using state = subscriber_bed::state;

/// What an API answers, whose subscription has this end.
http::response subscription(unsigned status, const std::string& end,
                            const std::string& phase = "active") {
    return {.status = status,
            .body = json{{"id", "i"}, {"state", phase}, {"expiration_date", end}}.dump()};
}

std::size_t count_of(const world_sink& server, std::string_view method) {
    std::size_t n = 0;
    for (const auto& r : server.requests) n += r.method == method ? 1U : 0U;
    return n;
}

}  // namespace

TEST_CASE("a renewal that does not move the end is not repeated all the time",
          "[rest_hook][subscriber]") {
    world w;
    subscriber_bed here(w);
    world_sink server(w);
    const auto begun = w.clock().wall_now();
    auto end = rest_hook::detail::to_text(begun + 4h);
    server.answer = [&](http::exchange& x) {
        x.respond(subscription(x.request().method == "POST" ? 201 : 200, end));
    };
    here.begin(rest_options(here, server.url()));
    REQUIRE(here.client().status().until == begun + 4h);
    while (w.clock().wall_now() < begun + 4h - 1s) w.advance(1s);
    CHECK(count_of(server, "PATCH") >= 2);
    CHECK(count_of(server, "PATCH") < 30);
    CHECK(count_of(server, "POST") == 1);
    CHECK(here.now() == state::active);
    // Behind the end it is subscribed to anew.
    end = rest_hook::detail::to_text(begun + 40h);
    w.advance(10s);
    w.advance(10s);
    CHECK(count_of(server, "POST") == 2);
    CHECK(here.client().status().until == begun + 40h);
    server.requests.clear();
    for (int i = 0; i < 60; ++i) w.advance(10s);
    CHECK(server.requests.empty());
}

TEST_CASE("a lease that its permission cuts short is taken anew at its end",
          "[rest_hook][subscriber]") {
    world w;
    rest_hook::manager_options m{.max_lease = 24h};
    m.authorizer = [&w](const principal&, action what, std::string_view) -> permission {
        if (what != action::subscribe) return true;
        return {true, w.clock().wall_now() + 1h};
    };
    proof_bed there(w, std::move(m));
    subscriber_bed here(w);
    auto o = rest_options(here, there.url());
    o.lease = 10h;
    here.begin(o);
    const auto first = here.client().status().until;
    REQUIRE(first == w.clock().wall_now() + 1h);
    const std::string id = json::parse(there.get().body).at(0).at("id");
    for (int i = 0; i < 3660; ++i) w.advance(1s);
    CHECK(here.count(state::active) < 40);  // each renewal says so again
    const auto hooks = json::parse(there.get().body);
    REQUIRE(hooks.size() == 1);
    CHECK(hooks.at(0).at("id") != id);
    CHECK(here.now() == state::active);
    CHECK(here.client().status().until > first);
    there.publish("orders.1", "a");
    CHECK(here.seen == "a ");
}

TEST_CASE("a server whose clock is behind is asked ever more seldom", "[rest_hook][subscriber]") {
    world w;
    subscriber_bed here(w);
    world_sink server(w);
    server.answer = [&](http::exchange& x) {
        const auto end = rest_hook::detail::to_text(w.clock().wall_now() - 1h);
        x.respond(subscription(x.request().method == "POST" ? 201 : 200, end));
    };
    here.begin(rest_options(here, server.url()));
    for (int i = 0; i < 3600; ++i) w.advance(1s);
    CHECK(server.requests.size() > 60);
    CHECK(server.requests.size() < 300);
}

TEST_CASE("an end that cannot be leaves a row that can be read", "[rest_hook][subscriber]") {
    world w;
    subscriber_bed here(w);
    world_sink server(w);
    const std::string end =
        GENERATE("9999-12-31T23:59:59Z", "1980-01-01T00:00:00Z", "0001-01-01T00:00:00Z");
    CAPTURE(end);
    server.answer = [&](http::exchange& x) {
        x.respond(subscription(x.request().method == "POST" ? 201 : 200, end));
    };
    auto o = rest_options(here, server.url());
    o.at_stop = stop_action::keep;
    here.begin(o);
    REQUIRE(here.now() == state::active);
    for (int i = 0; i < 5; ++i) w.advance(2s);
    here.end();
    here.begin(o);
    CHECK(here.now() == state::active);
    for (int i = 0; i < 5; ++i) w.advance(2s);
    for (const auto& r : server.requests) CHECK(r.body.find(R"("lease_seconds":-)") == r.body.npos);
    CHECK(here.stop() == error_code());
}

TEST_CASE("a lease in a row that is none counts as none", "[rest_hook][subscriber]") {
    world w;
    subscriber_bed here(w);
    world_sink server(w);
    const auto end = rest_hook::detail::to_text(w.clock().wall_now() + 1h);
    server.answer = [&](http::exchange& x) { x.respond(subscription(200, end)); };
    const std::string lease = GENERATE("-1", "251585999999", "\"1\"", "1.5", "null");
    CAPTURE(lease);
    const auto o = rest_options(here, server.url());
    here.begin(o);
    auto row = json::parse(here.row());
    here.end();
    row.at("lease") = json::parse(lease);
    here.put_row(row.dump());
    server.requests.clear();
    here.begin(o);
    CHECK(here.now() == state::active);
    REQUIRE(server.requests.size() == 1);
    CHECK(server.requests[0].method == "GET");
    w.advance(47min);
    REQUIRE(server.requests.size() >= 2);
    CHECK(server.requests[1].method == "PATCH");
    CHECK(server.requests[1].body.find("lease_seconds") == std::string::npos);
}

TEST_CASE("the end of an earlier lease delays no question", "[rest_hook][subscriber]") {
    world w;
    subscriber_bed here(w);
    world_sink server(w);
    const auto end = rest_hook::detail::to_text(w.clock().wall_now() + 4h);
    std::string now = "active";
    server.answer = [&](http::exchange& x) { x.respond(subscription(200, end, now)); };
    auto o = rest_options(here, server.url());
    o.at_stop = stop_action::keep;
    here.begin(o);
    REQUIRE(here.now() == state::active);
    CHECK(here.stop() == error_code());
    now = "pending";
    here.client().start();
    w.run_ready();
    REQUIRE(here.now() == state::pending);
    now = "active";
    w.advance(2s);
    CHECK(here.now() == state::active);
}

TEST_CASE("a hub that is asked again behind its denial is asked in time",
          "[rest_hook][subscriber][websub]") {
    world w;
    subscriber_bed here(w);
    world_sink hub(w);
    hub.answer = [](http::exchange& x) { x.respond({.status = 202}); };
    auto o = here.options();
    o.topic_url = "https://hub.example/topics/orders";
    o.hub_url = hub.url();
    here.begin(o);
    const auto say = [&](std::string_view mode) {
        const auto answer = w.request(
            "GET", here.url(here.path() + "?hub.challenge=c&hub.lease_seconds=36000&hub.topic=" +
                            http::percent_encode(o.topic_url) + "&hub.mode=" + std::string(mode)));
        w.run_ready();
        return answer.status;
    };
    CHECK(say("subscribe") == 200);
    REQUIRE(here.now() == state::active);
    CHECK(say("denied") == 200);
    REQUIRE(here.now() == state::denied);
    here.client().start();
    w.run_ready();
    REQUIRE(hub.requests.size() == 2);
    w.advance(5min + 1s);
    CHECK(hub.requests.size() == 3);
}

}  // namespace tidings::test
