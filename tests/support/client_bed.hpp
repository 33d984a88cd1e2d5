// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/asking_sink.hpp"
#include "support/rest_bed.hpp"
#include "support/sse_client_bed.hpp"
#include "support/websocket_client_bed.hpp"

#include <tidings/rest/client.hpp>

#include <boost/asio/bind_executor.hpp>

#include <algorithm>

namespace tidings::test {

/// A sink that does something with each event.
class acting_sink final : public subscriber {
 public:
    outcome deliver(const event_ptr& e) noexcept override {
        seen.emplace_back(e->text());
        if (act) act();
        return answer;
    }
    strings seen;
    std::function<void()> act;
    outcome answer = outcome::delivered;
};

/// An event that `limit_to(o, 1000)` keeps out.
inline std::string large_event(int n) {
    return cloud_event(std::to_string(n), "a.x", "e:" + std::to_string(n)) + std::string(4000, ' ');
}
inline std::string json_event(int n) {
    return cloud_event(std::to_string(n), "a.x", "e:" + std::to_string(n));
}

/// The options that each kind of client has.
template <class Options>
Options common_options(http_bed& bed, std::string_view scheme) {
    Options o;
    o.url = std::string(scheme) + "://127.0.0.1/topics";
    o.topics = {"a.>"};
    o.environment = bed.environment();
    return o;
}
/// Lets the callbacks that end with the reading hold `p`.
template <class Options>
void capture_common(Options& o, const std::shared_ptr<int>& p) {
    if constexpr (requires { o.on_error; }) {
        o.on_error = [p](auto&&...) {};
    } else {
        o.on_request = [p](http::fields&) {};
        o.on_refused = [p](const http::response&, bool again) { return again; };
        o.on_state = [p](auto&&...) {};
        o.log = [p](const log_record&) {};
    }
    o.topic = topic_rule::function([p](const event&) { return "a"; });
}

/// One kind of client, and what its server says: the start of a stream with the events from `first`
/// to `last`, more of them later, a position without an event, an end for good.
struct sse_kind {
    using client = sse::client;
    using options = sse::client_options;
    static constexpr std::string_view scheme = "http";
    static void capture(options& o, const std::shared_ptr<int>& p) {
        capture_common(o, p);
        o.on_message = [p](const sse_message&) { return false; };
        o.on_comment = [p](const std::string&) {};
        o.on_retry = [p](std::chrono::milliseconds) {};
    }
    static std::string more(int first, int last) {
        std::string text;
        for (int i = first; i <= last; ++i)
            text += "id: e:" + std::to_string(i) + "\ndata: " + json_event(i) + "\n\n";
        return text;
    }
    static std::string open(std::string_view, int first, int last) {
        return std::string(stream_header) + more(first, last);
    }
    /// The start of a stream with these events, from position 1 on.
    static std::string open_with(std::string_view, const strings& events) {
        std::string text(stream_header);
        int at = 0;
        for (const auto& e : events) text += event(++at, e);
        return text;
    }
    /// What an open stream brings: one event, whose position ends in `at`.
    static std::string event(int at, const std::string& json) {
        return "id: e:" + std::to_string(at) + "\ndata: " + json + "\n\n";
    }
    /// Nothing larger is taken.
    static void limit_to(options& o, std::size_t bytes) { o.limits.max_event_bytes = bytes; }
    static std::string end() { return ""; }
    static std::string heartbeat(int at) { return "id: e:" + std::to_string(at) + "\n\n"; }
    static std::string position_of(const client& c) { return c.last_event_id(); }
};

struct websocket_kind {
    using client = websocket::client;
    using options = websocket::client_options;
    static constexpr std::string_view scheme = "ws";
    static void capture(options& o, const std::shared_ptr<int>& p) {
        capture_common(o, p);
        o.hooks.on_open = [p](const auto&) {};
        o.hooks.on_message = [p](const auto&, const auto&) { return false; };
        o.hooks.on_ping = [p](const auto&, auto) {};
        o.hooks.on_pong = [p](const auto&, auto) {};
        o.hooks.on_close = [p](const auto&, const auto&) {};
    }
    static std::string more(int first, int last) {
        std::string text;
        for (int i = first; i <= last; ++i) text += server_text(json_event(i));
        return text;
    }
    static std::string open(std::string_view request, int first, int last) {
        return upgrade_answer(request) + more(first, last);
    }
    static std::string open_with(std::string_view request, const strings& events) {
        auto text = upgrade_answer(request);
        for (const auto& e : events) text += server_text(e);
        return text;
    }
    static std::string event(int, const std::string& json) { return server_text(json); }
    static void limit_to(options& o, std::size_t bytes) { o.max_message_bytes = bytes; }
    static std::string end() { return server_close(1000); }
    static std::string heartbeat(int at) {
        return server_frame(websocket_opcode::ping, "tidings-position:e:" + std::to_string(at));
    }
    static std::string position_of(const client& c) { return c.last_position().text(); }
};

struct rest_kind {
    using client = rest::client;
    using options = rest::client_options;
    static constexpr std::string_view scheme = "http";
    static void capture(options& o, const std::shared_ptr<int>& p) { capture_common(o, p); }
    static std::string answer(int first, int last, int at) {
        strings events;
        for (int i = first; i <= last; ++i) events.push_back(json_event(i));
        return answer(events, at);
    }
    static std::string answer(const strings& events, int at) {
        std::string body;
        for (const auto& e : events) body += (body.empty() ? "[" : ",") + e;
        if (body.empty()) body = "[";
        body += "]";
        return "HTTP/1.1 200 OK\r\nTidings-Position: e:" + std::to_string(at) +
               "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    }
    static std::string more(int first, int last) { return answer(first, last, last); }
    static std::string open(std::string_view, int first, int last) { return more(first, last); }
    static std::string open_with(std::string_view, const strings& events) {
        if (events.empty()) return {};  // the question is not answered yet
        return answer(events, static_cast<int>(events.size()));
    }
    static std::string event(int at, const std::string& json) { return answer({json}, at); }
    static void limit_to(options& o, std::size_t bytes) {
        o.max_response_bytes = bytes;
        o.max_batch = 1;
    }
    static std::string end() { return "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"; }
    static std::string heartbeat(int at) { return answer(1, 0, at); }
    static std::string position_of(const client& c) {
        return c.last_position().value_or(position()).text();
    }
};

/// A handler that keeps what an operation completes with.
inline auto note_in(http_bed& bed, std::vector<error_code>& to) {
    return net::bind_executor(bed.io(), [&to](error_code why) { to.push_back(why); });
}

/// A client of one kind, and a server that a test speaks for.
template <class Kind>
struct client_bed : http_bed {
    using kind = Kind;
    using client_type = typename Kind::client;
    ~client_bed() {
        client.reset();
        if (has_context()) run();  // what its run completes with is a member
    }

    static constexpr bool is_rest = std::is_same_v<Kind, rest_kind>;
    static constexpr bool is_websocket = std::is_same_v<Kind, websocket_kind>;

    typename Kind::options client_options() {
        return common_options<typename Kind::options>(*this, Kind::scheme);
    }
    /// Makes the client, which does nothing yet.
    template <class Sink>
    void make(Sink to, typename Kind::options o) {
        client.emplace(io(), std::move(o), std::move(to));
    }
    void make() { make(sink, client_options()); }
    /// Runs it; `ended` gets why it ended for good.
    void run_client() {
        client->async_run(note_in(*this, ended));
        run();
    }
    template <class Sink>
    void start(Sink to) {
        start(std::move(to), client_options());
    }
    template <class Sink>
    void start(Sink to, typename Kind::options o) {
        make(std::move(to), std::move(o));
        run_client();
    }
    void start() { start(sink, client_options()); }
    /// The server's side of the connection that was made last.
    http_peer& peer() {
        REQUIRE_FALSE(server.peers.empty());
        return *server.peers.back();
    }
    void send(std::string_view bytes) {
        peer().send(bytes);
        run();
    }
    void open(int events) { open(1, events); }
    void open(int first, int last) { send(Kind::open(peer().take(), first, last)); }
    /// The connection ends, and whatever follows happens.
    void cut() {
        for (const auto& p : server.peers) p->close();
        advance(20s);
    }
    std::string position() const { return Kind::position_of(*client); }

    /// The context ends first, then what the client was made of.
    void destroy_everything() {
        server.peers.clear();
        server.stop();
        destroy_context();
    }

    raw_listener server{*this};
    std::shared_ptr<acting_sink> sink = std::make_shared<acting_sink>();
    std::optional<client_type> client;
    std::vector<error_code> ended;
};

/// Runs a case with each kind of client.
template <class F>
void with_each_client(F f) {
    SECTION("sse") {
        client_bed<sse_kind> bed;
        f(bed);
    }
    SECTION("websocket") {
        client_bed<websocket_kind> bed;
        f(bed);
    }
    SECTION("rest") {
        client_bed<rest_kind> bed;
        f(bed);
    }
}

}  // namespace tidings::test
