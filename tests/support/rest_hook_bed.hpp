// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/world.hpp"

#include <tidings/bus.hpp>
#include <tidings/event_json.hpp>
#include <tidings/rest_hook/manager.hpp>
#include <tidings/webhook/sender.hpp>

#include <memory>
#include <optional>
#include <string>

namespace tidings::test {

inline webhook::sender_options hook_sender_options(world& w) {
    return {.retry = {.jitter = 0},
            .guard = {.allow_loopback = true, .schemes = {"http"}},
            .environment = w.environment()};
}

/// A bus, a sender and a server with a manager, each of which a test may end.
struct hook_bed {
    explicit hook_bed(world& in, rest_hook::manager_options o = {}, webhook::sender_options s = {})
        : w(in),
          hub(std::in_place, w.io()),
          sender(std::in_place, w.io(),
                 s.guard.schemes.size() == 1 && s.guard.allow_loopback ? std::move(s)
                                                                       : hook_sender_options(w)),
          server(std::in_place, w.io(), http::server_options{.environment = w.environment()}),
          target(w) {
        o.environment = w.environment();
        o.log = [to = logged](const log_record& r) { *to += std::string(r.message) + '\n'; };
        server->mount("/hooks", rest_hook::manager{*hub, *sender, std::move(o)});
        server->start();
    }

    std::string url(std::string_view path = {}) const {
        return url_of(*server, "/hooks" + std::string(path));
    }
    std::string body(std::string_view event, std::string_view path = "/hook") const {
        return nlohmann::json{{"event", event}, {"target_url", target.url(path)}}.dump();
    }
    http::response post(std::string text, http::fields fields = {}) {
        fields.set("Content-Type", "application/json");
        return w.request("POST", url(), std::move(text), std::move(fields));
    }
    nlohmann::json create(std::string_view event, std::string_view path = "/hook") {
        const auto r = post(body(event, path));
        INFO(r.body);
        REQUIRE(r.status == 201);
        return nlohmann::json::parse(r.body);
    }
    http::response get(std::string_view path = {}) { return w.request("GET", url(path)); }
    http::response del(std::string_view id) {
        return w.request("DELETE", url('/' + std::string(id)));
    }
    void publish(std::string_view topic, std::string_view text = "x") {
        hub->publish(topic, event("test", "/test", text));
        w.run_ready();
    }

    world& w;
    /// Shared: a server, and what is mounted there, ends when the context runs again.
    std::shared_ptr<std::string> logged = std::make_shared<std::string>();
    std::optional<bus> hub;
    std::optional<webhook::sender> sender;
    std::optional<http::server> server;
    world_sink target;
};

}  // namespace tidings::test
