// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/sse_bed.hpp"
#include "support/websocket_bed.hpp"

#include <tidings/rest/service.hpp>
#include <tidings/test/recorder.hpp>

#include <deque>

namespace tidings::test {

/// An asynchronous function of the user's, whose answers the test gives.
template <class Answer>
struct answers {
    struct question {
        std::string about;
        std::optional<decision_handler<Answer>> done;
        void give(Answer a) { (*done)({}, std::move(a)); }
        void fail(error_code ec) { (*done)(ec, {}); }
    };
    std::deque<question> asked;

    strings list() const {
        strings all;
        for (const auto& q : asked) all.push_back(q.about);
        return all;
    }
};

using identities = answers<principal>;
using permissions = answers<permission>;

inline principal named(std::string name) {
    return {.name = std::move(name), .anonymous = false};
}

inline authenticator asking(std::shared_ptr<identities> who) {
    return [who](owned_credentials c, decision_handler<principal> done) {
        who->asked.push_back({std::move(c.authorization), std::move(done)});
    };
}

inline authorizer asking(std::shared_ptr<permissions> may) {
    return [may](principal who, action what, std::string topic, decision_handler<permission> done) {
        const auto* verb = what == action::publish ? " publish " : " subscribe ";
        may->asked.push_back({who.name + verb + topic, std::move(done)});
    };
}

/// The principal has the name that the Authorization field gives.
inline authenticator by_name() {
    return [](const credentials& c, error_code& ec) {
        if (c.authorization.empty()) ec = errc::unauthorized;
        return named(std::string(c.authorization));
    };
}

/// A bus behind topics, event streams and WebSocket at /topics, /events and /ws.
struct access_bed : http_bed {
    explicit access_bed(http::stream_policy p = {})
        : hub(std::in_place, io(), bus_options{.history = {.max_events = 1000}, .clock = &clock}),
          web(std::in_place, server()),
          topics(*hub, made_of<rest::service_options>(p)),
          events(*hub, made_of<sse::service_options>(p)),
          ws(*hub, made_of<websocket::service_options>(p)) {
        watch = hub->subscribe(">", seen);
        web->mount("/topics", topics);
        web->mount("/events", events);
        web->mount("/ws", ws);
        web->start();
    }
    template <class Options>
    Options made_of(const http::stream_policy& p) {
        Options o;
        o.authenticator = p.authenticator;
        o.authorizer = p.authorizer;
        o.auth_timeout = p.auth_timeout;
        o.max_pending_auth = p.max_pending_auth;
        o.metrics = metrics;
        o.log = options().log;
        return o;
    }
    http::server server_at(std::uint16_t other) {
        auto o = options();
        o.port = other;
        return http::server(io(), std::move(o));
    }
    std::unique_ptr<http_peer> send(std::string_view text) {
        auto peer = connect();
        REQUIRE(peer);
        peer->send(text);
        run();
        return peer;
    }
    static std::string get_request(std::string_view target, std::string_view fields = {}) {
        return "GET " + std::string(target) + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" +
               std::string(fields) + "\r\n";
    }
    static std::string post_request(std::string_view topic, std::string_view body,
                                    std::string_view fields = {}) {
        return "POST /topics/" + std::string(topic) + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" +
               std::string(fields) + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
               std::string(body);
    }
    receipt publish(std::string_view topic, std::string_view text) {
        const auto r = hub->publish(topic, event("test", "/test", text));
        run();
        return r;
    }
    strings published() const {
        strings all;
        for (const auto& e : seen->events())
            all.push_back(std::string(e->topic()) + '=' + std::string(e->text()));
        return all;
    }
    template <class Service>
    bool recheck(Service& s, std::string name = {}) {
        auto over = std::make_shared<bool>(false);
        s.async_recheck([name](const principal& p) { return name.empty() || p.name == name; },
                        [over](error_code ec) {
                            CHECK_FALSE(ec);
                            *over = true;
                        });
        CHECK_FALSE(*over);
        run();
        return *over;
    }

    std::optional<bus> hub;
    std::shared_ptr<recorder> seen = std::make_shared<recorder>();
    subscription watch;
    std::optional<http::server> web;
    rest::service topics;
    sse::service events;
    websocket::service ws;
};

/// A WebSocket client's event for a topic.
inline std::string event_message(std::string_view topic, std::string_view text) {
    event e("test", "/test", text);
    error_code ec;
    const auto p = publication::make(topic, std::move(e), {}, ec);
    const auto json = cloudevents_json(*p, ec);
    return client_text(*json);
}

inline unsigned status_of(const http_peer& p) {
    const auto& text = p.received();
    return text.size() < 12 ? 0 : static_cast<unsigned>(std::stoul(text.substr(9, 3)));
}

}  // namespace tidings::test
