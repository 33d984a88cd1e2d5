// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/outbox_message.hpp"
#include "support/world.hpp"

#include <tidings/bus.hpp>
#include <tidings/store/outbox.hpp>
#include <tidings/webhook/sender.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace tidings::test {

inline const std::string webhook_secret = "whsec_" + std::string(32, 'S');

inline webhook::sender_options webhook_options(world& w) {
    return {.retry = {.delays = {std::chrono::seconds(0), std::chrono::seconds(5),
                                 std::chrono::seconds(60), std::chrono::seconds(300)},
                      .jitter = 0},
            .guard = {.allow_loopback = true, .schemes = {"http"}},
            .environment = w.environment()};
}

/// A bus, a sender, and endpoints on it.
struct send_bed {
    explicit send_bed(world& in) : send_bed(in, webhook_options(in)) {}
    send_bed(world& in, webhook::sender_options o)
        : w(in),
          hub(std::in_place, w.io(), bus_options{.clock = &w.clock()}) {
        o.on_attempt = [this](const webhook::attempt& a) { attempts.push_back(a); };
        o.log = [this](const log_record& r) {
            logged += std::string(r.message) + ": " + r.error.message() + '\n';
        };
        sender.emplace(w.io(), std::move(o));
    }
    webhook::endpoint add(std::string url, webhook::endpoint_options o = {}) {
        o.url = std::move(url);
        o.secret = webhook_secret;
        auto e = sender->endpoint(std::move(o));
        hooks.push_back(hub->subscribe(">", e));
        return e;
    }
    void publish(std::string_view text = "x", std::string_view topic = "a") {
        hub->publish(topic, event("test", "/test", text).id("id-" + std::to_string(++published)));
        w.run_ready();
    }

    world& w;
    std::optional<bus> hub;
    std::optional<webhook::sender> sender;
    std::vector<subscription> hooks;
    std::vector<webhook::attempt> attempts;
    std::string logged;
    int published = 0;
};

/// The answers of a sink, one after another; the last stays.
inline auto answering(std::vector<unsigned> statuses, http::fields fields = {}) {
    return [statuses = std::move(statuses), fields = std::move(fields),
            next = std::size_t(0)](http::exchange& x) mutable {
        const auto status = statuses[std::min(next++, statuses.size() - 1)];
        x.respond({.status = status, .fields = fields});
    };
}

inline std::vector<std::string> bodies_of(const sink_server& s) {
    std::vector<std::string> bodies;
    for (const auto& r : s.requests) bodies.push_back(r.body);
    return bodies;
}

/// What an outbox holds, or its first thousand.
inline std::vector<store::outbox_listed> listed(world& w, store::outbox& o) {
    std::vector<store::outbox_listed> page;
    o.start_list({.max_entries = 1000},
                 {w.io().get_executor(),
                  [&](error_code, std::vector<store::outbox_listed> p) { page = std::move(p); }});
    w.run_ready();
    return page;
}

/// How often an endpoint was attempted in each minute.
inline std::vector<store::outbox_attempt_counts> counts_of(world& w, store::outbox& o,
                                                           std::string endpoint) {
    std::vector<store::outbox_attempt_counts> found;
    o.start_list_attempt_counts(
        {.endpoint = std::move(endpoint)},
        {w.io().get_executor(), [&](error_code, auto all) { found = std::move(all); }});
    w.run_ready();
    return found;
}

}  // namespace tidings::test
