// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/websocket_bed.hpp"

#include <tidings/test/recorder.hpp>
#include <tidings/websocket/client.hpp>

namespace tidings::test {

/// A WebSocket client, and a server that a test speaks for.
struct websocket_client_bed : http_bed {
    using kind = connection_state;
    struct state {
        kind to;
        error_code why;
        friend bool operator==(const state&, const state&) = default;
        friend std::ostream& operator<<(std::ostream& out, const state& s) {
            return out << static_cast<int>(s.to) << ' ' << s.why.message();
        }
    };

    websocket_client_bed() { sim().set_link({.buffer_bytes = 1U << 20}); }

    websocket::client_options client_options(std::string url = "ws://127.0.0.1/ws") {
        websocket::client_options o;
        o.url = std::move(url);
        o.topics = {"a.>"};
        o.on_state = [this](kind to, error_code why, const diagnostics&) {
            states.push_back({to, why});
        };
        o.log = options().log;
        o.environment = environment();
        return o;
    }
    void start() { start(client_options()); }
    void start(websocket::client_options o) {
        client.emplace(io().get_executor(), std::move(o), seen);
        client->start();
        run();
    }
    /// The server's side of the connection that was made last.
    http_peer& peer() { return *server.peers.back(); }
    /// Answers the handshake of the last connection and sends what follows with it.
    void accept(std::string_view follows = {}, std::string_view fields = {}) {
        REQUIRE_FALSE(server.peers.empty());
        const auto request = peer().take();
        peer().send(upgrade_answer(request, fields) + std::string(follows));
        run();
    }
    /// Runs until the client connects again; how long that took, in steps of 20 ms.
    std::chrono::milliseconds until_next_connection(std::chrono::milliseconds at_most = 2min) {
        const auto before = server.peers.size();
        for (auto waited = 0ms; waited <= at_most; waited += 20ms, advance(20ms))
            if (server.peers.size() > before) return waited;
        FAIL("it does not connect again");
        return at_most;
    }
    std::vector<seen_frame> sent() { return frames_of(peer().received(), websocket_role::server); }
    state last_state() const { return states.back(); }

    raw_listener server{*this};
    std::shared_ptr<recorder> seen = std::make_shared<recorder>();
    std::vector<state> states;
    std::optional<websocket::client> client;
};

inline std::string cloud_event(std::string_view id, std::string_view topic,
                               std::string_view position = {}) {
    auto text = R"({"specversion":"1.0","source":"/peer","type":"t","id":")" + std::string(id) +
                R"(","topic":")" + std::string(topic) + '"';
    if (!position.empty()) text += R"(,"position":")" + std::string(position) + '"';
    return text + R"(,"data":)" + std::string(id) + '}';
}
inline strings topics_of(const std::vector<event_ptr>& events) {
    strings topics;
    for (const auto& e : events) topics.emplace_back(e->topic());
    return topics;
}

}  // namespace tidings::test
