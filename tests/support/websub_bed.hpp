// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/rest_hook_bed.hpp"

#include <tidings/http/impl/message/percent.hpp>
#include <tidings/rest_hook/websub_hub.hpp>
#include <tidings/store/memory_table.hpp>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tidings::test {

using pairs = std::vector<std::pair<std::string, std::string>>;

/// Callbacks of subscribers: what they were asked, and what they were brought.
class callbacks {
 public:
    explicit callbacks(world& w) : sink(w) {
        sink.answer = [by = kept_](http::exchange& x) {
            if (*by) return (*by)(x);
            confirm(x);
        };
    }
    callbacks(const callbacks&) = delete;
    ~callbacks() { *kept_ = nullptr; }
    static std::string parameter(const http::request& r, std::string_view name) {
        const auto query = '&' + std::string(r.query());
        const auto at = query.rfind('&' + std::string(name) + '=');
        if (at == query.npos) return {};
        const auto from = at + name.size() + 2;
        return query.substr(from, query.find('&', from) - from);
    }
    /// Confirms any verification, takes any delivery.
    static void confirm(http::exchange& x) {
        auto challenge = parameter(x.request(), "hub.challenge");
        x.respond({.status = 200, .body = std::move(challenge)});
    }
    std::vector<http::request> of_method(std::string_view method) const {
        std::vector<http::request> all;
        for (const auto& r : sink.requests)
            if (r.method == method) all.push_back(r);
        return all;
    }
    std::vector<http::request> asked() const { return of_method("GET"); }
    std::vector<http::request> brought() const { return of_method("POST"); }

    world_sink sink;

 private:
    // A server ends when the context runs again: until then it may call this.
    const std::shared_ptr<std::function<void(http::exchange&)>> kept_ =
        std::make_shared<std::function<void(http::exchange&)>>();

 public:
    /// Answers one. Empty: `confirm`.
    std::function<void(http::exchange&)>& answer = *kept_;
};

inline rest_hook::websub_hub_options hub_options() {
    return {.public_url = "https://hub.example/hub", .topic_prefix = "https://hub.example/topics/"};
}

/// A bus, a sender, a manager and a hub over it, on stores that outlive them.
struct websub_bed {
    /// What is over is erased that much later, at most.
    static constexpr std::chrono::milliseconds tick{20};

    websub_bed(world& in, callbacks& of, rest_hook::websub_hub_options o = hub_options(),
               rest_hook::manager_options m = {}, webhook::sender_options s = {})
        : w(in),
          target(of),
          sender_options(hook_sender_options(w)) {
        sender_options.outbox = std::move(s.outbox);
        m.environment = w.environment();
        m.log = [to = logged](const log_record& r) { *to += std::string(r.message) + '\n'; };
        server.emplace(w.io(), http::server_options{.environment = w.environment()});
        hub.emplace(w.io());
        sender.emplace(w.io(), sender_options);
        rest_hook::manager manager(*hub, *sender, std::move(m));
        server->mount("/hub", rest_hook::websub_hub(manager, std::move(o)));
        server->mount("/hooks", std::move(manager));
        server->start();
        w.run_ready();
    }

    std::string callback(std::string_view path = "/hook") const { return target.sink.url(path); }
    static std::string form(const pairs& of) {
        std::string body;
        for (const auto& [name, value] : of)
            body += (body.empty() ? "" : "&") + name + '=' + http::percent_encode(value);
        return body;
    }
    http::response post(std::string body,
                        http::fields fields = {
                            {"Content-Type", "application/x-www-form-urlencoded"}}) {
        return w.request("POST", url_of(*server, "/hub"), std::move(body), std::move(fields));
    }
    http::response post(const pairs& of) { return post(form(of)); }
    pairs wanted(std::string_view mode, std::string_view topic = "orders",
                 std::string_view path = "/hook") const {
        return {{"hub.callback", callback(path)},
                {"hub.mode", std::string(mode)},
                {"hub.topic", "https://hub.example/topics/" + std::string(topic)}};
    }
    /// Asks, and lets the callback be asked.
    unsigned ask(std::string_view mode, pairs further = {}, std::string_view topic = "orders",
                 std::string_view path = "/hook") {
        auto all = wanted(mode, topic, path);
        all.insert(all.end(), further.begin(), further.end());
        const auto status = post(all).status;
        w.advance(tick);
        return status;
    }
    unsigned subscribe(pairs further = {}) { return ask("subscribe", std::move(further)); }
    void publish(std::string_view topic, std::string_view text = "x") {
        event e("test", "/test");
        e.data(std::string(text), "text/plain");
        hub->publish(topic, std::move(e));
        w.run_ready();
    }
    nlohmann::json shown() {
        w.advance(tick);
        return nlohmann::json::parse(w.request("GET", url_of(*server, "/hooks")).body);
    }
    /// The texts of what was brought, in order.
    std::string texts() const {
        std::string all;
        for (const auto& r : target.brought()) all += r.body + ' ';
        return all;
    }

    world& w;
    callbacks& target;
    webhook::sender_options sender_options;
    std::shared_ptr<std::string> logged = std::make_shared<std::string>();
    std::optional<bus> hub;
    std::optional<webhook::sender> sender;
    std::optional<http::server> server;
};

}  // namespace tidings::test
