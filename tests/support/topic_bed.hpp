// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/world.hpp"

#include <tidings/bus.hpp>
#include <tidings/control_event.hpp>
#include <tidings/event_json.hpp>
#include <tidings/rest/client.hpp>
#include <tidings/rest/service.hpp>
#include <tidings/test/recorder.hpp>

#include <algorithm>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using texts = std::vector<std::string>;

inline texts show(const recorder& r) {
    texts shown;
    for (const auto& e : r.events())
        shown.push_back(e->topic() == gap_type
                            ? "gap"
                            : std::string(e->topic()) + '=' + std::string(e->text()));
    return shown;
}

inline event made(std::string_view text) {
    return {"test", "/test", text};
}

/// A bus behind a server of topics.
struct topic_bed {
    explicit topic_bed(world& in, rest::service_options o = {}, std::size_t held = 1000)
        : w(in),
          hub(w.io(), {.history = {.max_events = held}, .clock = &w.clock()}),
          options(std::move(o)) {
        open();
    }
    /// A server at the port that it had before, if it had one.
    void open() {
        server.emplace(w.io(), http::server_options{.port = port, .environment = w.environment()});
        port = server->local_endpoint().port;
        server->mount("/topics", rest::service(hub, options));
        server->start();
    }
    void shut() {
        server.reset();
        w.run_ready();
    }
    std::string url() const { return "http://127.0.0.1:" + std::to_string(port) + "/topics"; }
    rest::client_options client(std::vector<std::string> topics = {}) const {
        return {.url = url(),
                .topics = std::move(topics),
                .on_error =
                    [to = errors](error_code ec, bool ended, const diagnostics&) {
                        to->push_back({ec, ended});
                    },
                .environment = w.environment()};
    }

    world& w;
    bus hub;
    const rest::service_options options;
    std::uint16_t port = 0;
    std::optional<http::server> server;
    std::shared_ptr<std::vector<std::pair<error_code, bool>>> errors =
        std::make_shared<std::vector<std::pair<error_code, bool>>>();
};

inline std::pair<error_code, receipt> publish(world& w, rest::client& c, std::string_view topic,
                                              event e) {
    std::optional<std::pair<error_code, receipt>> done;
    c.async_publish(topic, std::move(e), [&](error_code ec, receipt r) { done = {ec, r}; });
    w.run_until([&] { return done.has_value(); });
    CHECK(done->second.error == done->first);
    return *done;
}

}  // namespace

}  // namespace tidings::test
