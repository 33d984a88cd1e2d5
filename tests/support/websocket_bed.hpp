// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/frames.hpp"
#include "support/http_bed.hpp"

#include <tidings/bus.hpp>
#include <tidings/codec/cloudevents_json.hpp>
#include <tidings/control_event.hpp>
#include <tidings/websocket/service.hpp>

#include <chrono>

namespace tidings::test {

using namespace std::chrono_literals;
using strings = std::vector<std::string>;

/// `topic=text` of a CloudEvent; of the library's own events their topic and data.
inline std::string show_event(std::string_view json) {
    error_code ec;
    const auto e = parse_cloudevents_json(json, ec);
    if (ec) return "not an event: " + std::string(json);
    return e.topic + '=' + std::string(e.event.text());
}
inline strings show_events(const std::vector<seen_frame>& frames) {
    strings shown;
    for (const auto& text : payloads_of(frames)) shown.push_back(show_event(text));
    return shown;
}
inline std::string position_of(std::string_view json) {
    error_code ec;
    return parse_cloudevents_json(json, ec).position;
}

/// A bus whose events go to WebSocket clients at `/ws`, on a simulated network.
struct websocket_bed : http_bed {
    explicit websocket_bed(websocket::service_options o = {},
                           bus_options b = {.history = {.max_events = 1000}})
        : hub(std::in_place, io(), with_clock(std::move(b))),
          web(std::in_place, server()) {
        mount("/ws", std::move(o));
    }
    void mount(std::string_view path, websocket::service_options o) {
        if (!o.metrics) o.metrics = metrics;
        if (!o.log) o.log = options().log;
        web->mount(path, websocket::service(*hub, std::move(o)));
    }
    /// Starts with the first connection.
    std::unique_ptr<http_peer> open(std::string_view target = "/ws?topic=%3E",
                                    std::string_view further_fields = {}) {
        auto peer = ask_upgrade(target, further_fields);
        INFO(peer->received());
        REQUIRE(peer->received().starts_with("HTTP/1.1 101 "));
        return peer;
    }
    std::unique_ptr<http_peer> ask_upgrade(std::string_view target,
                                           std::string_view further_fields = {}) {
        web->start();
        auto peer = connect();
        REQUIRE(peer);
        peer->send(upgrade_request(target, further_fields));
        run();
        return peer;
    }
    receipt publish(std::string_view topic, std::string_view text) {
        const auto r = hub->publish(topic, event("test", "/test", text));
        run();
        return r;
    }
    std::int64_t clients() const { return metrics->value("clients transport=websocket"); }

    std::optional<bus> hub;
    std::optional<http::server> web;

 private:
    bus_options with_clock(bus_options b) {
        b.clock = &clock;
        return b;
    }
};

inline std::vector<seen_frame> frames(const http_peer& p) {
    return frames_of(after_header(p.received()));
}

}  // namespace tidings::test
