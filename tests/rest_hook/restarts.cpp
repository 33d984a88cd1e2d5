// SPDX-License-Identifier: BSL-1.0
// Where the places of a subscription go on, with an outbox and a history that outlive the process.
#include "support/proof_bed.hpp"

#include <tidings/store/memory_history.hpp>
#include <tidings/store/memory_table.hpp>
#include <tidings/test/faulty_outbox.hpp>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using texts = std::vector<std::string>;

class lasting_outbox final : public store::outbox {
 public:
    void start_open(store::outbox_opening o, open_handler h) override {
        inner_->start_open(std::move(o), std::move(h));
    }
    void start_append(store::outbox_append a, append_handler h) override {
        inner_->start_append(std::move(a), std::move(h));
    }
    void start_claim(store::outbox_query q, claim_handler h) override {
        inner_->start_claim(std::move(q), std::move(h));
    }
    void start_finish(store::outbox_round r, done_handler h) override {
        inner_->start_finish(std::move(r), std::move(h));
    }
    void start_list(store::outbox_selection s, list_handler h) override {
        inner_->start_list(std::move(s), std::move(h));
    }
    void start_list_attempts(std::string endpoint, std::uint64_t after_key, std::size_t max,
                             attempts_handler h) override {
        inner_->start_list_attempts(std::move(endpoint), after_key, max, std::move(h));
    }
    void start_list_attempt_counts(store::outbox_counts_selection s, counts_handler h) override {
        inner_->start_list_attempt_counts(std::move(s), std::move(h));
    }
    void start_list_endpoints(std::string after_id, std::size_t max, endpoints_handler h) override {
        inner_->start_list_endpoints(std::move(after_id), max, std::move(h));
    }
    void start_redeliver(store::outbox_redelivery r, redeliver_handler h) override {
        inner_->start_redeliver(std::move(r), std::move(h));
    }
    void start_retain(store::outbox_retention r, retain_handler h) override {
        inner_->start_retain(std::move(r), std::move(h));
    }
    void start_erase(std::string owner, done_handler h) override {
        inner_->start_erase(std::move(owner), std::move(h));
    }
    bool durable() const noexcept override { return true; }
    void start_position(std::string history, std::string endpoint, position_handler h) override {
        inner_->start_position(std::move(history), std::move(endpoint), std::move(h));
    }
    store::outbox_stats stats() const noexcept override { return inner_->stats(); }

 private:
    const std::shared_ptr<store::outbox> inner_ = store::make_memory_outbox();
};

/// A bus, a sender and a manager that may end and begin again, on stores that stay.
struct restart_bed {
    explicit restart_bed(rest_hook::manager_options o = {}) : options(std::move(o)) {
        options.table = store::make_memory_table();
        options.environment = w.environment();
        begin();
    }

    void begin() {
        hub.emplace(w.io(),
                    bus_options{.history = {.implementation = events}, .clock = &w.clock()});
        auto s = hook_sender_options(w);
        s.outbox = outbox;
        sender.emplace(w.io(), std::move(s));
        server.emplace(w.io(), http::server_options{.environment = w.environment()});
        server->mount("/hooks", rest_hook::manager{*hub, *sender, options});
        server->start();
        w.run_ready();
    }
    void restart() {
        server.reset();
        w.run_ready();
        sender.reset();
        hub.reset();
        w.run_ready();
        begin();
    }
    json ask(std::string method, const std::string& path, const json& body = {}) {
        const auto r =
            w.request(std::move(method), url_of(*server, "/hooks" + path),
                      body.is_null() ? "" : body.dump(), {{"Content-Type", "application/json"}});
        INFO(r.body);
        REQUIRE(r.status / 100 == 2);
        w.run_ready();
        return r.body.empty() ? json() : json::parse(r.body);
    }
    std::string make(json topics) {
        return ask("POST", "", {{"topics", std::move(topics)}, {"target_url", target.url("/hook")}})
            .at("id");
    }
    void publish(std::string_view topic, const std::string& text) {
        hub->publish(topic, event("test", "/test", text).id(text));
        w.run_ready();
    }
    /// What came to targets, and no questions.
    texts brought() const {
        texts all;
        for (const auto& r : target.requests)
            if (r.fields.find("ce-type")) all.push_back(r.body);
        return all;
    }

    world w;
    world_sink target{w};
    const std::shared_ptr<history> events =
        make_memory_history({{.pattern = ">", .max_events = 1000}});
    const std::shared_ptr<store::outbox> outbox = std::make_shared<lasting_outbox>();
    rest_hook::manager_options options;
    std::optional<bus> hub;
    std::optional<webhook::sender> sender;
    std::optional<http::server> server;
};

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
