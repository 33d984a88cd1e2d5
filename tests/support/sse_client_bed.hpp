// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/sse_bed.hpp"

#include <tidings/sse/client.hpp>
#include <tidings/test/recorder.hpp>

namespace tidings::test {

inline constexpr std::string_view stream_header =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
inline constexpr std::string_view chunked_header =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

/// An SSE client, and a server that a test speaks for.
struct sse_client_bed : http_bed {
    using ready = connection_state;
    struct state {
        ready to;
        error_code why;
        friend bool operator==(const state&, const state&) = default;
        friend std::ostream& operator<<(std::ostream& out, const state& s) {
            return out << static_cast<int>(s.to) << ' ' << s.why.message();
        }
    };

    sse::client_options client_options(std::string url = "http://127.0.0.1/events") {
        sse::client_options o;
        o.url = std::move(url);
        o.on_state = [this](ready to, error_code why, const diagnostics&) {
            states.push_back({to, why});
        };
        o.on_message = [this](const sse_message& m) {
            messages.push_back(m.event + ':' + m.data + '#' + m.last_event_id);
            return false;
        };
        o.log = options().log;
        o.environment = environment();
        return o;
    }
    void start() { start(client_options()); }
    void start(sse::client_options o) {
        client.emplace(io().get_executor(), std::move(o), seen);
        client->start();
        run();
    }
    http_peer& peer() {
        REQUIRE_FALSE(server.peers.empty());
        return *server.peers.back();
    }
    /// Sends it over the connection that was made last.
    void answer(std::string_view bytes) {
        peer().send(bytes);
        run();
    }
    void open(std::string_view body = {}) {
        answer(std::string(stream_header) + std::string(body));
    }
    void cut() {
        peer().close();
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
    std::string asked_id() { return field_of(peer().received(), "Last-Event-ID"); }
    state last_state() const { return states.back(); }

    raw_listener server{*this};
    std::shared_ptr<recorder> seen = std::make_shared<recorder>();
    strings messages;
    std::vector<state> states;
    std::optional<sse::client> client;
};

}  // namespace tidings::test
