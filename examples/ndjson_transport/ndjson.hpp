// SPDX-License-Identifier: BSL-1.0
// A streaming transport of one's own on the library's public headers: newline-delimited JSON.
//
//     GET /ndjson?topic=orders.%3E[&topic=...][&after=<position>]
//
// Each line of the answer is one event in the CloudEvents JSON format, with its topic and position;
// `tidings.gap`, `tidings.lagged` and `tidings.heartbeat` are lines, too. A reader that comes back
// names the last position that it has read, as `after` or in the field Last-Event-ID.
#pragma once

#include <tidings/bus.hpp>
#include <tidings/codec/cloudevents_json.hpp>
#include <tidings/http/exchange.hpp>
#include <tidings/outlet/access.hpp>
#include <tidings/outlet/live_session.hpp>
#include <tidings/outlet/sessions.hpp>
#include <tidings/outlet/stream_request.hpp>

#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace ndjson {

struct service_options {
    tidings::http::stream_policy policy{};  ///< empty: loopback peers, which may read all topics
    tidings::queue_limits limits{};
    std::chrono::milliseconds heartbeat{15'000};
    tidings::origin_id origin = 0;  ///< of the inlet whose events these readers do not get back
    /// Called in the stream's lane; must not block.
    std::function<void(const std::shared_ptr<tidings::live_session>&)> on_open{};
    tidings::log_sink log{};
    std::shared_ptr<tidings::metrics_sink> metrics{};
};

/// One stream: what its lines look like. All else is `live_session`'s.
class session final : public tidings::live_session {
 public:
    session(tidings::http::live_stream stream,
            std::shared_ptr<const tidings::live_session_options> options, tidings::origin_id origin)
        : live_session(std::move(stream), std::move(options)),
          origin_(origin) {}

    /// All sessions send the same line for an event: it is made once.
    static tidings::frame_kind frames() noexcept {
        static constexpr char line = 0;
        return {&line};
    }
    tidings::origin_id origin() const noexcept override { return origin_; }

 private:
    tidings::error_code frame_of(const tidings::event_ptr& e, std::string& out) override {
        tidings::error_code ec;
        if (const auto json = tidings::cloudevents_json_line(*e, ec)) out = *json + '\n';
        return ec;
    }
    // An event as the others, so that a reader needs no second format. Its position keeps that of
    // an idle reader fresh.
    std::string beat(const tidings::position& here) override {
        constexpr auto type = "tidings.heartbeat";
        tidings::publication_info info;
        if (!here.empty()) info.position = here;
        tidings::error_code ec;
        std::string line;
        if (const auto e = tidings::publication::make(type, {type, "/ndjson"}, info, ec))
            frame_of(e, line);
        return line;
    }
    // The end of the body says it all.
    std::string say_goodbye(tidings::error_code) override { return {}; }

    const tidings::origin_id origin_;
};

/// A handle, whose copies share one service: mount it on an `http::server`.
class service {
 public:
    explicit service(const tidings::bus& b, service_options options = {})
        : bus_(b.state()),
          access_(options.policy),
          sessions_(options.metrics, "ndjson"),
          options_(std::make_shared<const service_options>(std::move(options))) {
        tidings::live_session_options o{.name = "ndjson", .frames = session::frames()};
        o.limits = options_->limits;
        o.heartbeat = options_->heartbeat;
        o.counters = sessions_.counters();
        o.log = options_->log;
        live_ = std::make_shared<const tidings::live_session_options>(std::move(o));
    }

    /// Called when the header has come.
    void admit(tidings::http::exchange& x) {
        if (check(x)) access_.admit(x, methods);
    }
    void handle(tidings::http::exchange& x) {
        x.in_lane([self = *this](tidings::http::exchange& here) { self.begin(here); });
    }
    /// Ends each stream in an orderly way.
    void drain() {
        access_.refuse_pending();
        sessions_.drain();
    }
    void close() { sessions_.close(); }
    std::size_t sessions() const noexcept { return sessions_.size(); }

 private:
    static constexpr auto methods = "GET, HEAD, OPTIONS";

    // False when the request is answered.
    static bool check(tidings::http::exchange& x) {
        const auto& method = x.request().method;
        if (method == "GET" || method == "HEAD" || method == "OPTIONS") return true;
        auto refused =
            tidings::http::problem(405, "Method not allowed", "a stream is read with GET");
        refused.fields.set("Allow", methods);
        x.respond(std::move(refused));
        return false;
    }

    // Its callers may have to be waited for.
    void begin(tidings::http::exchange& x) const {
        if (!check(x)) return;
        access_.open(x, methods,
                     [self = *this](tidings::http::exchange& here,
                                    tidings::http::stream_request asked) mutable {
                         self.answer(here, std::move(asked));
                     });
    }

    void answer(tidings::http::exchange& x, tidings::http::stream_request asked) {
        if (sessions_.draining()) return x.respond(tidings::http::going_away());
        tidings::http::response head{
            200, {{"Content-Type", "application/x-ndjson"}, {"Cache-Control", "no-store"}}, {}};
        if (x.request().method == "HEAD") return x.respond(std::move(head));
        auto stream = x.stream(std::move(head));
        if (!stream) return;
        const auto s = std::make_shared<session>(std::move(stream), live_, options_->origin);
        sessions_.open(s, tidings::live_start{.bus = bus_, .asked = std::move(asked)});
        if (options_->on_open) options_->on_open(s);
    }

    tidings::bus_reference bus_;
    tidings::http::access access_;
    tidings::sessions<session> sessions_;
    std::shared_ptr<const service_options> options_;
    std::shared_ptr<const tidings::live_session_options> live_;
};

}  // namespace ndjson
