// SPDX-License-Identifier: BSL-1.0
// Where the places of a subscription go on, with an outbox and a history that outlive the process.
#include "support/restart_bed.hpp"

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using texts = std::vector<std::string>;

}  // namespace

TEST_CASE("what passed while a subscription did not want it does not come after a restart",
          "[rest_hook]") {
    restart_bed b;
    const auto id = b.make({"a", "b"});
    b.publish("a", "1");
    const json without = GENERATE(json{{"state", "paused"}}, json{{"topics", {"b"}}});
    b.ask("PATCH", '/' + id, without);
    b.publish("a", "2");
    b.restart();
    b.publish("a", "3");
    b.ask("PATCH", '/' + id, {{"state", "active"}, {"topics", {"a", "b"}}});
    b.publish("a", "4");
    CHECK(b.brought() == texts{"1", "4"});
    b.restart();
    b.publish("a", "5");
    CHECK(b.brought() == texts{"1", "4", "5"});
}

TEST_CASE("what passed while a target was asked does not come after a restart", "[rest_hook]") {
    restart_bed b(asking_for(rest_hook::proof::echo));
    bool agrees = true;
    b.target.answer = [&](http::exchange& x) {
        if (agrees) return agree(x);
        x.respond({.status = 503});
    };
    const auto id = b.make({"a"});
    b.publish("a", "1");
    agrees = false;
    b.ask("PATCH", '/' + id, {{"target_url", b.target.url("/hook?new")}});
    b.publish("a", "2");
    b.restart();
    b.publish("a", "3");
    agrees = true;
    for (int i = 0; i < 120; ++i) b.w.advance(1min);
    CHECK(b.ask("GET", '/' + id).at("state") == "active");
    b.publish("a", "4");
    CHECK(b.brought() == texts{"1", "4"});
}

TEST_CASE(
    "what several patterns of a subscription match comes once, whatever order they were given in",
    "[rest_hook]") {
    restart_bed b;
    const auto id = b.make({"orders.paid"});
    const auto changed = b.ask("PATCH", '/' + id, {{"topics", {"orders.*", "orders.paid"}}});
    CHECK(changed.at("topics") == json{"orders.paid", "orders.*"});
    b.publish("orders.paid", "1");
    b.restart();
    b.publish("orders.made", "2");
    CHECK(b.brought() == texts{"1", "2"});
}

TEST_CASE("what an active subscription has missed comes after a restart", "[rest_hook]") {
    restart_bed b;
    const auto id = b.make({"a"});
    b.publish("a", "1");
    b.server.reset();
    b.w.run_ready();
    b.publish("a", "2");
    b.restart();
    b.publish("a", "3");
    CHECK(b.brought() == texts{"1", "2", "3"});
}

TEST_CASE("a subscription that is deleted while its target is asked is owed nothing",
          "[rest_hook]") {
    restart_bed b(asking_for(rest_hook::proof::echo));
    bool agrees = true;
    b.target.answer = [&](http::exchange& x) {
        if (agrees && x.request().fields.find("x-hook-secret")) return agree(x);
        x.respond({.status = 503});
    };
    const auto id = b.make({"a"});
    b.publish("a", "1");
    b.publish("a", "2");
    agrees = false;
    b.ask("PATCH", '/' + id, {{"target_url", b.target.url("/hook?new")}});
    if (GENERATE(false, true)) b.restart();
    CHECK(b.outbox->stats().owed == 2);
    b.ask("DELETE", '/' + id);
    CHECK(b.outbox->stats().owed == 0);
}

}  // namespace tidings::test
