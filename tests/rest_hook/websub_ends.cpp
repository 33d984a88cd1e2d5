// SPDX-License-Identifier: BSL-1.0
// What is over of a WebSub hub's subscriptions, and what begins again under the same key.
#include "support/websub_bed.hpp"

#include <tidings/rest_hook/impl/websub_round.hpp>
#include <tidings/store/memory_outbox.hpp>
#include <tidings/test/faulty_table.hpp>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;

rest_hook::manager_options on(std::shared_ptr<store::table> table) {
    return {.table = std::move(table)};
}

/// A table that another manager writes too, and whose answers to a get may be held back.
class shared_table final : public store::table {
 public:
    void start_get(std::string key, get_handler h) override {
        if (!holds) return inner->start_get(std::move(key), std::move(h));
        inner->start_get(std::move(key),
                         get_handler(inline_executor(),
                                     [this, h = std::move(h)](error_code ec, store::row r) mutable {
                                         held.push_back([h = std::move(h), ec, r]() mutable {
                                             std::move(h)(ec, std::move(r));
                                         });
                                     }));
    }
    void start_put(std::string key, std::string value, std::uint64_t expected,
                   put_handler h) override {
        if (auto f = std::exchange(before_put, nullptr)) f(key);
        inner->start_put(std::move(key), std::move(value), expected, std::move(h));
    }
    void start_erase(std::string key, std::uint64_t expected, erase_handler h) override {
        inner->start_erase(std::move(key), expected, std::move(h));
    }
    void start_scan(std::string after, std::size_t max, scan_handler h) override {
        inner->start_scan(std::move(after), max, std::move(h));
    }
    store::watch_handle watch(std::function<void(const store::row_change&)> f) override {
        return inner->watch(std::move(f));
    }

    const std::shared_ptr<store::table> inner = store::make_memory_table();
    std::function<void(const std::string& key)> before_put{};
    bool holds = false;
    std::vector<unique_function<void()>> held{};
};

}  // namespace

TEST_CASE("what is owed of a subscription that has ended is not for one that follows it",
          "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    const auto outbox = store::make_memory_outbox();
    websub_bed bed(w, target, hub_options(), {}, {.outbox = outbox});
    const bool lapses = GENERATE(false, true);
    REQUIRE(bed.subscribe({{"hub.lease_seconds", "100"}}) == 202);
    target.answer = [](http::exchange& x) {
        if (x.request().method == "GET") return callbacks::confirm(x);
        x.respond({.status = 503});
    };
    bed.publish("orders", "1");
    w.advance(6s);
    w.advance(1s);
    REQUIRE(bed.texts() == "1 1 ");  // the next attempt is minutes away
    if (lapses) {
        w.advance(100s);
    } else {
        CHECK(bed.ask("unsubscribe") == 202);
    }
    CHECK(bed.shown().empty());
    target.answer = nullptr;
    REQUIRE(bed.subscribe() == 202);
    bed.publish("orders", "2");
    for (int i = 0; i < 60; ++i) w.advance(10min);
    CHECK(bed.texts() == "1 1 2 ");
}

TEST_CASE("what was owed when a lease ended while nothing ran is not for a later subscription",
          "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    const auto stored = store::make_memory_table();
    const auto outbox = store::make_memory_outbox();
    {
        websub_bed bed(w, target, hub_options(), on(stored), {.outbox = outbox});
        REQUIRE(bed.subscribe({{"hub.lease_seconds", "100"}}) == 202);
        target.answer = [](http::exchange& x) { x.respond({.status = 503}); };
        bed.publish("orders", "1");
        REQUIRE(bed.texts() == "1 ");
        bed.server.reset();
        bed.sender.reset();
        bed.hub.reset();
        w.run_ready();
    }
    target.answer = nullptr;
    w.advance(200s);
    websub_bed bed(w, target, hub_options(), on(stored), {.outbox = outbox});
    CHECK(bed.shown().empty());
    REQUIRE(bed.subscribe() == 202);
    for (int i = 0; i < 60; ++i) w.advance(10s);
    bed.publish("orders", "2");
    CHECK(bed.texts() == "1 2 ");
}

TEST_CASE("one that has renewed is tried again at once", "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    websub_bed bed(w, target);
    REQUIRE(bed.subscribe() == 202);
    target.answer = [](http::exchange& x) { x.respond({.status = 503}); };
    for (int i = 0; i < 10 * 24; ++i) {
        if (i % 2 == 0) bed.publish("orders", "lost");
        w.advance(1h);
        if (bed.shown().empty() || bed.shown()[0]["state"] == "disabled") break;
    }
    REQUIRE(bed.shown().size() == 1);
    REQUIRE(bed.shown()[0]["state"] == "disabled");
    target.answer = nullptr;
    const auto before = target.brought().size();
    REQUIRE(bed.subscribe() == 202);
    CHECK(bed.shown()[0]["state"] == "active");
    bed.publish("orders", "new");
    w.advance(1s);
    CHECK(target.brought().size() > before);
}

TEST_CASE("one that is over is over by any clock", "[rest_hook][websub]") {
    namespace hooks = rest_hook::detail;
    using mode = hooks::websub_mode;
    const auto what = GENERATE(mode::subscribe, mode::unsubscribe, mode::denied);
    hooks::hook_record h{.id = "websub_1", .topics = {"orders"}, .target_url = "https://a.example"};
    h.state = hooks::hook_state::pending;
    h.websub.emplace().wish = {.mode = what, .pattern = "orders", .lease = 1h};
    const io::system_time now = std::chrono::sys_days(std::chrono::year(2026) / 1 / 1);
    if (what == mode::subscribe)
        hooks::drop_wish(h);
    else
        hooks::grant_wish(h, now);
    REQUIRE(h.ends().has_value());
    CHECK(*h.ends() < now - std::chrono::hours(24 * 365));
}

TEST_CASE("a request that its callback refuses is no failure", "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    websub_bed bed(w, target);
    REQUIRE(bed.subscribe() == 202);
    CHECK(bed.ask("unsubscribe") == 202);
    target.answer = [](http::exchange& x) { x.respond({.status = 404}); };
    CHECK(bed.subscribe() == 202);
    CHECK(bed.shown().empty());
    CHECK(bed.logged->find("cannot be served") == std::string::npos);
}

TEST_CASE("a row that is made while its end is read is not given up", "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    const auto stored = std::make_shared<shared_table>();
    websub_bed bed(w, target, hub_options(), on(stored));
    REQUIRE(bed.subscribe() == 202);
    const auto id = bed.shown()[0].at("id").get<std::string>();
    const auto before = w.request("GET", url_of(*bed.server, "/hooks/" + id));
    const std::string tag_text(before.fields.get("etag"));
    // Another manager erases it, and this one sees that only by its own write.
    stored->before_put = [&](const std::string& key) {
        stored->inner->start_erase(
            key, 0, store::table::erase_handler(inline_executor(), [](error_code) {}));
    };
    stored->holds = true;
    http::client client(w.io(), {.environment = w.environment()});
    std::optional<http::response> answer;
    client.async_request(url_of(*bed.server, "/hooks/" + id),
                         {.method = "DELETE", .fields = {{"If-Match", tag_text}}},
                         [&](error_code, http::response r) { answer = std::move(r); });
    w.run_ready();
    stored->holds = false;
    REQUIRE(stored->held.size() == 1);
    REQUIRE(bed.subscribe() == 202);
    REQUIRE(bed.shown().size() == 1);
    REQUIRE(bed.shown()[0]["state"] == "active");
    stored->held.front()();
    w.run_ready();
    REQUIRE(answer);
    CHECK(answer->status == 412);
    CHECK(bed.shown().size() == 1);
    bed.publish("orders");
    CHECK(target.brought().size() == 1);
}

TEST_CASE("the end of one whose callback had gone does not end what follows it",
          "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    const auto stored = std::make_shared<faulty_table>();
    websub_bed bed(w, target, hub_options(), on(stored));
    REQUIRE(bed.subscribe() == 202);
    target.answer = [](http::exchange& x) { x.respond({.status = 410}); };
    stored->plan().fail({.operation = "erase"});
    bed.publish("orders", "1");
    CHECK(bed.texts() == "1 ");
    target.answer = nullptr;
    REQUIRE(bed.subscribe() == 202);  // before the erasure is tried again
    REQUIRE(bed.shown()[0]["state"] == "active");
    w.advance(2s);
    REQUIRE(bed.shown().size() == 1);
    bed.publish("orders", "2");
    CHECK(bed.texts() == "1 2 ");
}

TEST_CASE("what stands goes by the hub that verified it", "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    const auto stored = store::make_memory_table();
    {
        websub_bed bed(w, target, hub_options(), on(stored));
        REQUIRE(bed.subscribe({{"hub.secret", "s"}}) == 202);
        bed.server.reset();
        bed.sender.reset();
        bed.hub.reset();
        w.run_ready();
    }
    auto o = hub_options();
    o.public_url = "https://other.example/hub";
    o.signature = digest::sha512;
    websub_bed bed(w, target, std::move(o), on(stored));
    target.answer = [](http::exchange& x) {
        if (x.request().method == "GET") return x.respond({.status = 404});
        x.respond({.status = 200});
    };
    CHECK(bed.ask(GENERATE(as<std::string>(), "subscribe", "unsubscribe")) == 202);
    bed.publish("orders");
    REQUIRE(target.brought().size() == 1);
    CHECK(target.brought()[0].fields.get("x-hub-signature").starts_with("sha256="));
    CHECK(target.brought()[0].fields.get("link").starts_with("<https://hub.example/hub>"));
    target.answer = nullptr;
    CHECK(bed.subscribe({{"hub.secret", "s"}}) == 202);
    bed.publish("orders");
    REQUIRE(target.brought().size() == 2);
    CHECK(target.brought()[1].fields.get("x-hub-signature").starts_with("sha512="));
    CHECK(target.brought()[1].fields.get("link").starts_with("<https://other.example/hub>"));
}

TEST_CASE("nothing comes behind the end of a lease whose renewal waits for its turn to be asked",
          "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    rest_hook::manager_options m;
    m.proof.max_per_host = 2;
    m.proof.waits = {5s, 5s, 5s, 5s};
    websub_bed bed(w, target, hub_options(), std::move(m));
    REQUIRE(bed.subscribe({{"hub.lease_seconds", "130"}}) == 202);
    w.advance(100s);
    target.answer = [](http::exchange& x) {
        x.respond({.status = x.request().method == "GET" ? 503U : 200U});
    };
    REQUIRE(bed.subscribe({{"hub.lease_seconds", "130"}}) == 202);
    for (int i = 0; i < 25; ++i) w.advance(1s);
    CHECK(target.asked().size() == 3);
    bed.publish("orders", "1");
    for (int i = 0; i < 6; ++i) w.advance(1s);
    bed.publish("orders", "2");
    CHECK(bed.texts() == "1 ");
}

TEST_CASE(
    "nothing comes behind the end of a lease, also where the table does not take that it is over",
    "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    const auto table = std::make_shared<faulty_table>();
    rest_hook::manager_options m;
    m.table = table;
    websub_bed bed(w, target, hub_options(), std::move(m));
    REQUIRE(bed.subscribe({{"hub.lease_seconds", "130"}}) == 202);
    w.advance(100s);
    target.answer = [](http::exchange& x) {
        x.respond({.status = x.request().method == "GET" ? 503U : 200U});
    };
    REQUIRE(bed.subscribe({{"hub.lease_seconds", "130"}}) == 202);
    w.advance(25s);
    bed.publish("orders", "1");
    table->plan().fail({.operation = "put", .times = fault::always});
    for (int i = 0; i < 10; ++i) w.advance(1s);
    bed.publish("orders", "2");
    CHECK(bed.texts() == "1 ");
    table->plan().heal();
    for (int i = 0; i < 3; ++i) w.advance(1s);
    CHECK(bed.shown()[0].at("state") == "pending");
    target.answer = nullptr;
    for (int i = 0; i < 60; ++i) w.advance(1s);
    bed.publish("orders", "3");
    CHECK(bed.texts() == "1 3 ");
}

}  // namespace tidings::test
