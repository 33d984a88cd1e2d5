// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/proof_bed.hpp"

#include <tidings/store/memory_history.hpp>
#include <tidings/store/memory_table.hpp>
#include <tidings/test/faulty_outbox.hpp>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tidings::test {

/// An outbox in memory that says it outlives the process.
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
    explicit restart_bed(rest_hook::manager_options o = {}, std::size_t max_events = 1000)
        : events(make_memory_history({{.pattern = ">", .max_events = max_events}})),
          options(std::move(o)) {
        options.table = store::make_memory_table();
        options.environment = w.environment();
        begin();
    }

    void begin() {
        hub.emplace(w.io(),
                    bus_options{.history = {.implementation = events}, .clock = &w.clock()});
        auto s = hook_sender_options(w);
        s.outbox = outbox;
        s.log = [to = logged](const log_record& r) { *to += std::string(r.message) + '\n'; };
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
    /// As after a kill: what is written at the end is not in the outbox.
    void kill_and_restart() {
        outbox->plan().fail({.operation = "append", .times = fault::always});
        server.reset();
        sender.reset();
        hub.reset();
        w.run_ready();
        outbox->plan().heal();
        begin();
    }
    nlohmann::json ask(std::string method, const std::string& path,
                       const nlohmann::json& body = {}) {
        const auto r =
            w.request(std::move(method), url_of(*server, "/hooks" + path),
                      body.is_null() ? "" : body.dump(), {{"Content-Type", "application/json"}});
        INFO(r.body);
        REQUIRE(r.status / 100 == 2);
        w.run_ready();
        return r.body.empty() ? nlohmann::json() : nlohmann::json::parse(r.body);
    }
    std::string make(nlohmann::json topics) {
        return ask("POST", "", {{"topics", std::move(topics)}, {"target_url", target.url("/hook")}})
            .at("id");
    }
    void publish(std::string_view topic, const std::string& text) {
        hub->publish(topic, event("test", "/test", text).id(text));
        w.run_ready();
    }
    /// What came to targets, and no questions.
    std::vector<std::string> brought() const {
        std::vector<std::string> all;
        for (const auto& r : target.requests)
            if (r.fields.find("ce-type")) all.push_back(r.body);
        return all;
    }

    world w;
    world_sink target{w};
    /// What the senders log. Shared: one ends when the context runs again.
    std::shared_ptr<std::string> logged = std::make_shared<std::string>();
    const std::shared_ptr<history> events;
    const std::shared_ptr<faulty_outbox> outbox =
        std::make_shared<faulty_outbox>(std::make_shared<lasting_outbox>());
    rest_hook::manager_options options;
    std::optional<bus> hub;
    std::optional<webhook::sender> sender;
    std::optional<http::server> server;
};

inline nlohmann::json no_drafts() {
    return {{{"not", {{"prefix", {{"id", "draft"}}}}}}};
}

/// A subscription of topic `a` that wants no event whose id begins with `draft`. Its id.
inline std::string make_filtered(restart_bed& b, const std::string& path = "/hook") {
    return b
        .ask("POST", "",
             {{"topics", {"a"}}, {"filters", no_drafts()}, {"target_url", b.target.url(path)}})
        .at("id");
}

inline void publish_drafts(restart_bed& b, int count) {
    for (int i = 0; i < count; ++i) b.publish("a", "draft-" + std::to_string(i));
}

}  // namespace tidings::test
