// SPDX-License-Identifier: BSL-1.0
// A WebSub hub across restarts, races, and answers to its verifications that are none.
#include "support/websub_bed.hpp"

#include <tidings/store/memory_outbox.hpp>
#include <tidings/test/faulty_table.hpp>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;

/// Holds what it was asked until it is let go.
struct held_answers {
    explicit held_answers(callbacks& of) {
        of.answer = [this](http::exchange& x) {
            if (x.request().method == "GET") return open.push_back(std::move(x));
            x.respond({.status = 200});
        };
    }
    void confirm(std::size_t nth) { callbacks::confirm(open.at(nth)); }

    std::vector<http::exchange> open{};
};

/// A table whose writes begin when they are released.
class late_table final : public store::table {
 public:
    void start_get(std::string key, get_handler h) override {
        inner_->start_get(std::move(key), std::move(h));
    }
    void start_put(std::string key, std::string value, std::uint64_t expected,
                   put_handler h) override {
        puts.push_back([this, key = std::move(key), value = std::move(value), expected,
                        h = std::move(h)]() mutable {
            inner_->start_put(std::move(key), std::move(value), expected, std::move(h));
        });
        if (!late) release();
    }
    void start_erase(std::string key, std::uint64_t expected, erase_handler h) override {
        inner_->start_erase(std::move(key), expected, std::move(h));
    }
    void start_scan(std::string after, std::size_t max, scan_handler h) override {
        inner_->start_scan(std::move(after), max, std::move(h));
    }
    store::watch_handle watch(std::function<void(const store::row_change&)> f) override {
        return inner_->watch(std::move(f));
    }
    void release() {
        late = false;
        for (auto& put : std::exchange(puts, {})) put();
    }

    bool late = false;
    std::vector<unique_function<void()>> puts{};

 private:
    const std::shared_ptr<store::table> inner_ = store::make_memory_table();
};

rest_hook::manager_options on(std::shared_ptr<store::table> table) {
    return {.table = std::move(table)};
}

}  // namespace

TEST_CASE("an answer that is no confirmation ends the request, and is not asked for again",
          "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    websub_bed bed(w, target);
    const auto [what, wrong] =
        GENERATE(table<std::string, std::function<void(http::exchange&)>>({
            {"nothing", [](http::exchange& x) { x.respond({.status = 200}); }},
            {"a refusal", [](http::exchange& x) { x.respond({.status = 404}); }},
            {"gone", [](http::exchange& x) { x.respond({.status = 410}); }},
            {"another challenge",
             [](http::exchange& x) { x.respond({.status = 200, .body = std::string(64, '0')}); }},
            {"the challenge and more",
             [](http::exchange& x) {
                 const auto c = callbacks::parameter(x.request(), "hub.challenge");
                 x.respond({.status = 200, .body = c + "\n"});
             }},
            {"the challenge with an error",
             [](http::exchange& x) {
                 const auto c = callbacks::parameter(x.request(), "hub.challenge");
                 x.respond({.status = 403, .body = c});
             }},
            {"the challenge and a megabyte",
             [](http::exchange& x) {
                 const auto c = callbacks::parameter(x.request(), "hub.challenge");
                 x.respond({.status = 200, .body = c + std::string(1 << 20, 'x')});
             }},
            {"a redirect to one that confirms",
             [](http::exchange& x) {
                 if (x.request().query().ends_with("there")) return callbacks::confirm(x);
                 const auto c = callbacks::parameter(x.request(), "hub.challenge");
                 x.respond({302, {{"Location", "/hook?hub.challenge=" + c + "&there"}}, c});
             }},
        }));
    CAPTURE(what);
    target.answer = wrong;
    CHECK(bed.subscribe() == 202);
    CHECK(bed.shown().empty());
    w.advance(2h);
    CHECK(target.sink.requests.size() == 1);
    bed.publish("orders");
    CHECK(target.brought().empty());
    target.answer = nullptr;
    CHECK(bed.subscribe() == 202);
    CHECK(bed.shown().size() == 1);
}

TEST_CASE("a callback that cannot answer is asked again, until the request is forgotten",
          "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    auto o = hub_options();
    o.verify_within = 120s;
    websub_bed bed(w, target, std::move(o));
    const auto status = GENERATE(500U, 503U, 429U);
    target.answer = [status](http::exchange& x) { x.respond({.status = status}); };
    CHECK(bed.subscribe() == 202);
    for (int i = 0; i < 11; ++i) w.advance(10s);
    CHECK(target.asked().size() == 3);
    CHECK(bed.shown().size() == 1);
    w.advance(10s);
    CHECK(bed.shown().empty());
    w.advance(2h);
    CHECK(target.asked().size() == 3);
}

TEST_CASE("an answer that comes too late confirms nothing", "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    websub_bed bed(w, target);
    held_answers held(target);
    CHECK(bed.subscribe() == 202);
    REQUIRE(held.open.size() == 1);
    for (int i = 0; i < 20; ++i) w.advance(1s);
    CHECK(held.open.size() == 2);
    held.confirm(0);
    w.run_ready();
    CHECK(bed.shown()[0]["state"] == "pending");
    held.confirm(1);
    w.run_ready();
    CHECK(bed.shown()[0]["state"] == "active");
}

TEST_CASE("the last request counts, whichever verification is answered last",
          "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    websub_bed bed(w, target);
    const bool stands = GENERATE(false, true);
    if (stands) REQUIRE(bed.subscribe() == 202);
    const auto first = GENERATE(as<std::string>(), "subscribe", "unsubscribe");
    const std::string last = first == "subscribe" ? "unsubscribe" : "subscribe";
    const bool in_order = GENERATE(true, false);
    held_answers held(target);
    CHECK(bed.ask(first) == 202);
    CHECK(bed.ask(last) == 202);
    REQUIRE(held.open.size() == 2);
    held.confirm(in_order ? 0 : 1);
    w.run_ready();
    held.confirm(in_order ? 1 : 0);
    w.run_ready();
    bed.publish("orders", "1");
    CHECK(bed.texts() == (last == "subscribe" ? "1 " : ""));
    CHECK(bed.shown().size() == (last == "subscribe" ? 1 : 0));
    w.advance(2h);
    CHECK(held.open.size() == 2);
}

TEST_CASE("requests of one key at the same moment make one subscription, of the last of them",
          "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    websub_bed bed(w, target);
    http::client client(w.io(), {.environment = w.environment()});
    std::vector<unsigned> answers;
    for (int i = 0; i < 4; ++i) {
        auto all = bed.wanted("subscribe");
        all.emplace_back("hub.lease_seconds", std::to_string(1000 + i));
        client.async_request(url_of(*bed.server, "/hub"),
                             {.method = "POST",
                              .fields = {{"Content-Type", "application/x-www-form-urlencoded"}},
                              .body = websub_bed::form(all)},
                             [&](error_code, http::response r) { answers.push_back(r.status); });
    }
    w.run_ready();
    CHECK(answers == std::vector<unsigned>(4, 202));
    CHECK(bed.shown().size() == 1);
    const auto id = bed.shown()[0].at("id").get<std::string>();
    CHECK(bed.shown()[0].at("expiration_date") == "2026-01-01T00:16:43Z");
    bed.publish("orders");
    CHECK(target.brought().size() == 1);
    CHECK(w.request("DELETE", url_of(*bed.server, "/hooks/" + id)).status == 204);
    CHECK(bed.subscribe() == 202);
}

TEST_CASE("a renewal that is verified behind the end of the lease is a subscription again",
          "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    const auto stored = store::make_memory_table();
    auto o = hub_options();
    websub_bed bed(w, target, std::move(o), on(stored));
    REQUIRE(bed.subscribe({{"hub.lease_seconds", "100"}}) == 202);
    w.advance(95s);
    held_answers held(target);
    REQUIRE(bed.subscribe({{"hub.lease_seconds", "100"}}) == 202);
    bed.publish("orders", "1");
    w.advance(5s + websub_bed::tick);
    CHECK(bed.shown()[0]["state"] == "pending");
    bed.publish("orders", "2");  // the lease has ended
    CHECK(bed.texts() == "1 ");
    REQUIRE_FALSE(held.open.empty());
    held.confirm(0);
    w.run_ready();
    CHECK(bed.shown()[0]["state"] == "active");
    bed.publish("orders", "3");
    CHECK(bed.texts() == "1 3 ");
    target.answer = nullptr;
    w.advance(99s);
    bed.publish("orders", "4");
    w.advance(1s + websub_bed::tick);
    bed.publish("orders", "5");
    CHECK(bed.texts() == "1 3 4 ");
    CHECK(bed.shown().empty());
}

TEST_CASE("what is owed behind the end of a lease is given up, also where a renewal is open",
          "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    websub_bed bed(w, target);
    REQUIRE(bed.subscribe({{"hub.lease_seconds", "100"}}) == 202);
    w.advance(98s);
    target.answer = [](http::exchange& x) { x.respond({.status = 503}); };
    bed.publish("orders", "1");
    REQUIRE(bed.subscribe() == 202);
    w.advance(2s + websub_bed::tick);
    CHECK(bed.shown()[0]["state"] == "pending");
    target.answer = nullptr;
    w.advance(10s);
    CHECK(bed.shown()[0]["state"] == "active");
    w.advance(1h);
    CHECK(bed.texts() == "1 ");
    bed.publish("orders", "2");
    CHECK(bed.texts() == "1 2 ");
}

TEST_CASE("a renewal that is refused behind the end of the lease ends it", "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    websub_bed bed(w, target);
    REQUIRE(bed.subscribe({{"hub.lease_seconds", "100"}}) == 202);
    w.advance(95s);
    held_answers held(target);
    REQUIRE(bed.subscribe() == 202);
    w.advance(10s);
    REQUIRE_FALSE(held.open.empty());
    held.open.front().respond({.status = 404});
    w.run_ready();
    CHECK(bed.shown().empty());
    bed.publish("orders");
    CHECK(target.brought().empty());
}

TEST_CASE("a restart between a request and its verification goes on with that",
          "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    const auto stored = store::make_memory_table();
    const auto mode = GENERATE(as<std::string>(), "subscribe", "unsubscribe", "renewal");
    const auto close = [&](websub_bed& bed) {
        bed.server.reset();
        bed.sender.reset();
        bed.hub.reset();
        w.run_ready();
    };
    if (mode != "subscribe") {
        websub_bed bed(w, target, hub_options(), on(stored));
        REQUIRE(bed.subscribe({{"hub.secret", "old"}}) == 202);
        close(bed);
    }
    target.answer = [](http::exchange& x) { x.respond({.status = 503}); };
    {
        websub_bed bed(w, target, hub_options(), on(stored));
        CHECK(bed.ask(mode == "unsubscribe" ? mode : "subscribe", {{"hub.lease_seconds", "100"}}) ==
              202);
        close(bed);
    }
    const auto asked = target.asked().size();
    target.answer = nullptr;
    websub_bed bed(w, target, hub_options(), on(stored));
    CHECK(target.asked().size() == asked);  // what was asked is not asked at once
    bed.publish("orders", "1");
    CHECK(bed.texts() == (mode == "subscribe" ? "" : "1 "));
    w.advance(10s);
    CHECK(target.asked().size() == asked + 1);
    bed.publish("orders", "2");
    if (mode == "subscribe") CHECK(bed.texts() == "2 ");
    if (mode == "unsubscribe") CHECK(bed.texts() == "1 ");
    if (mode == "renewal") {
        CHECK(bed.texts() == "1 2 ");
        CHECK(target.brought()[0].fields.find("x-hub-signature"));
        CHECK_FALSE(target.brought()[1].fields.find("x-hub-signature"));
    }
    w.advance(100s);
    CHECK(bed.shown().empty());
}

TEST_CASE("a restart between a verification and a delivery loses neither", "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    const auto stored = store::make_memory_table();
    const auto outbox = store::make_memory_outbox();
    {
        websub_bed bed(w, target, hub_options(), on(stored), {.outbox = outbox});
        REQUIRE(bed.subscribe({{"hub.secret", "s"}}) == 202);
        target.answer = [](http::exchange& x) { x.respond({.status = 503}); };
        bed.publish("orders", "1");
        CHECK(bed.texts() == "1 ");
        bed.server.reset();
        bed.sender.reset();
        bed.hub.reset();
        w.run_ready();
    }
    target.answer = nullptr;
    websub_bed bed(w, target, hub_options(), on(stored), {.outbox = outbox});
    for (int i = 0; i < 60; ++i) w.advance(1s);
    CHECK(bed.texts() == "1 1 ");
    bed.publish("orders", "2");
    CHECK(bed.texts() == "1 1 2 ");
    for (const auto& r : target.brought()) {
        CHECK(r.fields.get("x-hub-signature").starts_with("sha256="));
        CHECK(r.fields.get("link").find("rel=\"self\"") != std::string::npos);
    }
    CHECK(target.asked().size() == 1);
}

TEST_CASE("two hubs on one table ask once, and deliver each from its own bus",
          "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    const auto stored = store::make_memory_table();
    websub_bed one(w, target, hub_options(), on(stored));
    websub_bed other(w, target, hub_options(), on(stored));
    held_answers held(target);
    CHECK(one.subscribe() == 202);
    CHECK(other.subscribe({{"hub.lease_seconds", "500"}}) == 202);
    REQUIRE(held.open.size() == 2);  // one of each request
    held.confirm(0);                 // of one that was replaced
    w.run_ready();
    CHECK(one.shown()[0]["state"] == "pending");
    held.confirm(1);
    w.run_ready();
    CHECK(one.shown()[0]["state"] == "active");
    CHECK(one.shown() == other.shown());
    one.publish("orders", "1");
    other.publish("orders", "2");
    CHECK(one.texts() == "1 2 ");
    w.advance(2h);
    CHECK(held.open.size() == 2);
}

TEST_CASE("a request that the table does not take is refused, and leaves nothing",
          "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    const auto stored = std::make_shared<faulty_table>();
    rest_hook::manager_options m{.table = stored, .max_hooks = 1};
    websub_bed bed(w, target, hub_options(), std::move(m));
    stored->plan().fail({.operation = "put"});
    const auto r = bed.post(bed.wanted("subscribe"));
    CHECK(r.status == 503);
    CHECK(r.fields.get("retry-after") == "1");
    w.run_ready();
    CHECK(target.asked().empty());
    CHECK(bed.shown().empty());
    CHECK(bed.ask("subscribe", {}, "others") == 202);  // its place is free
    CHECK(bed.shown().size() == 1);
}

TEST_CASE("a request that comes while the row of its key is being made is made on that row",
          "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    const auto stored = std::make_shared<late_table>();
    rest_hook::manager_options m{.table = stored, .max_hooks_per_principal = 1};
    websub_bed bed(w, target, hub_options(), std::move(m));
    stored->late = true;
    http::client client(w.io(), {.environment = w.environment()});
    std::vector<unsigned> answers;
    for (const std::string lease : {"1000", "2000"}) {
        auto all = bed.wanted("subscribe");
        all.emplace_back("hub.lease_seconds", lease);
        client.async_request(url_of(*bed.server, "/hub"),
                             {.method = "POST",
                              .fields = {{"Content-Type", "application/x-www-form-urlencoded"}},
                              .body = websub_bed::form(all)},
                             [&](error_code, http::response r) { answers.push_back(r.status); });
        w.run_ready();
    }
    CHECK(answers.empty());
    CHECK(stored->puts.size() == 2);
    stored->release();
    w.run_ready();
    CHECK(answers == std::vector<unsigned>(2, 202));
    CHECK(bed.shown().size() == 1);
    CHECK(bed.shown()[0].at("expiration_date") == "2026-01-01T00:33:20Z");
    CHECK(bed.ask("unsubscribe") == 202);
    CHECK(bed.ask("subscribe", {}, "others") == 202);  // the place was taken once
}

TEST_CASE("an agreement that the table does not take now is taken later", "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    const auto stored = std::make_shared<faulty_table>();
    websub_bed bed(w, target, hub_options(), on(stored));
    held_answers held(target);
    const auto mode = GENERATE(as<std::string>(), "subscribe", "unsubscribe");
    CHECK(bed.ask(mode) == 202);
    REQUIRE(held.open.size() == 1);
    stored->plan().fail({.operation = "put"});
    held.confirm(0);
    w.run_ready();
    CHECK(bed.shown()[0]["state"] == "pending");
    w.advance(1s + websub_bed::tick);
    CHECK(bed.shown().size() == (mode == "subscribe" ? 1 : 0));
    CHECK(held.open.size() == 1);
}

}  // namespace tidings::test
