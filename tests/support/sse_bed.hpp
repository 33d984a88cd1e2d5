// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/frames.hpp"
#include "support/http_bed.hpp"

#include <tidings/bus.hpp>
#include <tidings/codec/cloudevents_json.hpp>
#include <tidings/codec/sse_parser.hpp>
#include <tidings/control_event.hpp>
#include <tidings/sse/service.hpp>

#include <charconv>
#include <chrono>

namespace tidings::test {

using namespace std::chrono_literals;
using strings = std::vector<std::string>;

/// The body in chunks (RFC 9112 7.1) that came so far; " end" stands at its end once it is
/// complete.
inline std::string dechunked(std::string_view text) {
    std::string body;
    for (;;) {
        const auto line = text.find("\r\n");
        std::size_t size = 0;
        if (line == std::string_view::npos) return body;
        std::from_chars(text.data(), text.data() + line, size, 16);
        if (size == 0) return body + (text == "0\r\n\r\n" ? " end" : " broken");
        if (text.size() < line + size + 4) return body;
        body += text.substr(line + 2, size);
        text.remove_prefix(line + size + 4);
    }
}

/// What a stream brought, one text for each item: `topic=text` of a CloudEvent with its id behind
/// it as ` #id`, `event:data` of another message, ` :comment`, `#id` and `retry`.
inline strings show_stream(std::string_view body, bool all = false) {
    sse_parser parser;
    parser.feed(body);
    strings shown;
    error_code ec;
    while (const auto item = parser.next(ec)) {
        if (const auto* m = std::get_if<sse_message>(&*item)) {
            const auto e = parse_cloudevents_json(m->data, ec);
            auto text = ec ? m->event + ':' + m->data : e.topic + '=' + std::string(e.event.text());
            if (all) text += " #" + m->last_event_id;
            shown.push_back(std::move(text));
        }
        if (!all) continue;
        if (const auto* c = std::get_if<sse_comment>(&*item)) shown.push_back(" :" + c->text);
        if (const auto* i = std::get_if<sse_id>(&*item)) shown.push_back('#' + i->last_event_id);
        if (std::get_if<sse_retry>(&*item)) shown.push_back("retry");
    }
    return shown;
}

/// A bus whose events go to `/events`, on a simulated network.
struct sse_bed : http_bed {
    explicit sse_bed(sse::service_options o = {}, bus_options b = {.history = {.max_events = 1000}})
        : hub(std::in_place, io(), with_clock(std::move(b))),
          web(std::in_place, server()) {
        mount("/events", std::move(o));
    }
    void mount(std::string_view path, sse::service_options o) {
        if (!o.metrics) o.metrics = metrics;
        if (!o.log) o.log = options().log;
        web->mount(path, sse::service(*hub, std::move(o)));
    }
    /// Starts with the first connection.
    std::unique_ptr<http_peer> request(std::string_view text) {
        web->start();
        auto peer = connect();
        REQUIRE(peer);
        peer->send(text);
        run();
        return peer;
    }
    std::unique_ptr<http_peer> get(std::string_view target = "/events?topic=%3E",
                                   std::string_view further_fields = {}) {
        return request("GET " + std::string(target) + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" +
                       std::string(further_fields) + "\r\n");
    }
    receipt publish(std::string_view topic, std::string_view text) {
        const auto r = hub->publish(topic, event("test", "/test", text));
        run();
        return r;
    }
    std::int64_t clients() const { return metrics->value("clients transport=sse"); }

    std::optional<bus> hub;
    std::optional<http::server> web;

 private:
    bus_options with_clock(bus_options b) {
        b.clock = &clock;
        return b;
    }
};

inline std::string body_of(const http_peer& p) {
    return dechunked(after_header(p.received()));
}
inline strings events_of(const http_peer& p) {
    return show_stream(body_of(p));
}

}  // namespace tidings::test
