// SPDX-License-Identifier: BSL-1.0
// Where a subscription goes on after a restart whose newest events were not for it: behind them.
#include "support/restart_bed.hpp"

#include <tidings/webhook/make_secret.hpp>

#include <algorithm>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using texts = std::vector<std::string>;

position mark_of(restart_bed& b, const std::string& pattern, const std::string& endpoint) {
    std::optional<position> at;
    b.outbox->start_position(
        pattern, endpoint,
        {b.w.io().get_executor(), [&](error_code, position p) { at = std::move(p); }});
    b.w.run_ready();
    return at.value();
}

std::size_t appends(const restart_bed& b) {
    return b.outbox->plan().operations("append");
}

const auto append_fails = fault{.operation = "append", .times = fault::always};

}  // namespace

TEST_CASE("a changed filter judges no event from before the change, also behind a restart",
          "[rest_hook]") {
    restart_bed b;
    const auto id = make_filtered(b);
    b.publish("a", "1");
    publish_drafts(b, 2);
    b.ask("PATCH", '/' + id, {{"filters", json::array()}});
    const bool killed = GENERATE(true, false);
    killed ? b.kill_and_restart() : b.restart();
    CHECK(b.brought() == texts{"1"});
    b.publish("a", "draft-new");
    CHECK(b.brought() == texts{"1", "draft-new"});
}

TEST_CASE("a filter changes once it is stored how far the one before it has judged",
          "[rest_hook]") {
    restart_bed b;
    const auto id = make_filtered(b);
    publish_drafts(b, 1);
    const auto before = mark_of(b, "a", id);
    http::client client(b.w.io(), {.environment = b.w.environment()});
    std::optional<http::response> answer;
    const auto change = [&] {
        answer.reset();
        client.async_request(url_of(*b.server, "/hooks/" + id),
                             {.method = "PATCH",
                              .fields = {{"Content-Type", "application/json"}},
                              .body = R"({"filters":[]})"},
                             [&](error_code, http::response r) { answer = std::move(r); });
        b.w.run_ready();
    };

    b.outbox->plan().fail(append_fails);
    change();
    REQUIRE(answer.has_value());
    CHECK(answer->status == 503);
    CHECK(b.logged->find("how far subscriptions are could not be stored") != std::string::npos);
    CHECK(b.ask("GET", '/' + id).at("filters") == no_drafts());
    b.outbox->plan().heal();

    b.outbox->plan().hold();
    change();
    CHECK_FALSE(answer.has_value());
    CHECK(b.ask("GET", '/' + id).at("filters") == no_drafts());
    b.outbox->plan().release();
    b.w.run_ready();
    REQUIRE(answer.has_value());
    CHECK(answer->status == 200);
    CHECK(mark_of(b, "a", id) != before);

    b.outbox->plan().hold();                               // an outbox that hangs
    b.ask("PATCH", '/' + id, {{"filters", no_drafts()}});  // nothing has passed: nothing is written
    publish_drafts(b, 1);
    change();
    b.w.advance(11s);
    REQUIRE(answer.has_value());
    CHECK(answer->status == 503);
    b.outbox->plan().release();
    b.w.run_ready();
    CHECK(b.ask("GET", '/' + id).at("filters") == no_drafts());
}

TEST_CASE("a bounded history that has lost unwanted events alone has lost nothing", "[rest_hook]") {
    constexpr int held = 80;
    restart_bed b({}, held);
    make_filtered(b);
    b.publish("a", "1");
    publish_drafts(b, 3 * held);
    const bool killed = GENERATE(true, false);
    if (killed) b.w.advance(1min);
    killed ? b.kill_and_restart() : b.restart();
    b.publish("a", "2");
    CHECK(b.brought() == texts{"1", "2"});
    CHECK(b.logged->find("has missed events") == std::string::npos);
}

TEST_CASE("a drain stores how far subscriptions have judged, and waits for that", "[rest_hook]") {
    restart_bed b;
    const auto id = make_filtered(b);
    publish_drafts(b, 1);
    const auto before = mark_of(b, "a", id);
    const auto written = appends(b);
    b.outbox->plan().hold();
    std::optional<error_code> drained;
    b.sender->async_drain([&](error_code ec) { drained = ec; });
    b.w.run_ready();
    CHECK_FALSE(drained.has_value());
    CHECK(appends(b) == written + 1);
    b.outbox->plan().release();
    b.w.run_ready();
    REQUIRE(drained.has_value());
    CHECK_FALSE(*drained);
    CHECK(mark_of(b, "a", id) != before);
}

TEST_CASE(
    "how far many unwanted events have come is written once a minute at most, and at rest "
    "never",
    "[rest_hook]") {
    restart_bed b;
    const auto id = make_filtered(b);
    const auto before = appends(b);
    publish_drafts(b, 63);
    CHECK(appends(b) == before);
    publish_drafts(b, 1);
    b.w.advance(1s);
    CHECK(appends(b) == before + 1);
    const auto first = mark_of(b, "a", id);
    publish_drafts(b, 1000);
    b.w.advance(50s);
    CHECK(appends(b) == before + 1);
    b.w.advance(10s);
    CHECK(appends(b) == before + 2);
    CHECK(mark_of(b, "a", id) != first);
    for (int i = 0; i < 60; ++i) b.w.advance(1min);
    CHECK(appends(b) == before + 2);
    b.publish("a", "1");
    CHECK(appends(b) == before + 3);  // with the entry
    b.restart();
    CHECK(appends(b) == before + 3);  // nothing has passed since
}

TEST_CASE("what could not be written of how far a subscription is, is written another time",
          "[rest_hook]") {
    restart_bed b;
    const auto id = make_filtered(b);
    const auto before = mark_of(b, "a", id);
    b.outbox->plan().fail({.operation = "append"});
    publish_drafts(b, 64);
    b.w.advance(1s);
    CHECK(b.outbox->plan().failures() == 1);
    CHECK(mark_of(b, "a", id) == before);
    const bool by_end = GENERATE(true, false);
    if (!by_end) publish_drafts(b, 64);
    if (!by_end) b.w.advance(1min);
    by_end ? b.restart() : b.kill_and_restart();
    CHECK(mark_of(b, "a", id) != before);
    CHECK(b.brought().empty());
}

TEST_CASE("an event that the outbox has not got yet is passed by no unwanted one behind it",
          "[rest_hook]") {
    for (int steps = 0; steps < 30; ++steps) {
        INFO(steps << " steps");
        restart_bed b;
        make_filtered(b);
        b.hub->publish("a", event("test", "/test", "1").id("1"));
        b.hub->publish("a", event("test", "/test", "draft").id("draft"));
        b.w.io().restart();
        for (int i = 0; i < steps; ++i) b.w.io().poll_one();
        b.sender.reset();
        b.w.run_ready();
        b.restart();
        b.publish("a", "2");
        const auto got = b.brought();
        // It may have arrived before its answer was read: then it comes again.
        CHECK(std::count(got.begin(), got.end(), "1") >= 1);
        CHECK(std::count(got.begin(), got.end(), "2") == 1);
        CHECK(std::count(got.begin(), got.end(), "draft") == 0);
    }
}

namespace {

struct passing_case {
    std::string name;
    webhook::endpoint_options endpoint{};
    subscribe_options subscription{};
    std::function<void(bus&, const webhook::endpoint_options&)> publish;
};

void publish_draft(bus& hub, const webhook::endpoint_options&) {
    hub.publish("a", event("test", "/test", "draft").id("draft"));
}

void publish_from_origin(bus& hub, const webhook::endpoint_options& o) {
    error_code ec;
    hub.as_subscriber()->deliver(
        publication::make("a", event("test", "/test", "x"), {.origin = o.origin}, ec));
}

std::vector<passing_case> all_passing() {
    return {{.name = "a filter of the subscription",
             .subscription = {.filter = event_filter::exact("id", "1")},
             .publish = publish_draft},
            {.name = "what came from the endpoint's own inlet",
             .endpoint = {.origin = make_origin()},
             .publish = publish_from_origin},
            {.name = "a body that cannot be made",
             .endpoint = {.form = webhook::body_form::standard},
             .publish = [](bus& hub, const webhook::endpoint_options&) {
                 hub.publish("a", event("test", "/test", "\xff", "application/x-any"));
             }}};
}

}  // namespace

TEST_CASE("whatever keeps an event from an endpoint, its place is behind the event",
          "[rest_hook]") {
    for (auto c : all_passing()) {
        INFO(c.name);
        restart_bed b;
        c.endpoint.url = b.target.url("/plain");
        c.endpoint.secret = webhook::make_secret();
        c.endpoint.id = "plain";
        auto hook = b.hub->subscribe("a", b.sender->endpoint(c.endpoint), c.subscription);
        b.w.run_ready();
        const auto before = mark_of(b, "a", "plain");
        c.publish(*b.hub, c.endpoint);
        b.w.run_ready();
        CHECK(b.brought().empty());
        const bool drains = GENERATE(true, false);
        if (drains) b.sender->async_drain([](error_code) {});
        b.w.run_ready();
        b.restart();
        const auto after = mark_of(b, "a", "plain");
        CHECK(after.number() == before.number() + 1);
    }
}

TEST_CASE("a place is behind what another pattern of its subscription brings", "[rest_hook]") {
    restart_bed b;
    const auto id = b.make({"a.b", "a.*"});
    const auto before = mark_of(b, "a.*", id);
    b.publish("a.b", "1");
    b.restart();
    CHECK(mark_of(b, "a.*", id).number() == before.number() + 1);
    CHECK(mark_of(b, "a.*", id) == mark_of(b, "a.b", id));
    CHECK(b.brought() == texts{"1"});
}

}  // namespace tidings::test
