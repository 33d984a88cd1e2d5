// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/sse_writer.hpp>
#include <tidings/outlet/impl/session_registry.hpp>
#include <tidings/outlet/impl/stream_request.hpp>
#include <tidings/sse/impl/sse_session.hpp>
#include <tidings/sse/service.hpp>

#include <algorithm>
#include <stdexcept>

namespace tidings::sse {

namespace detail {

/// The streams of one service.
class service_state final : public std::enable_shared_from_this<service_state> {
 public:
    service_state(std::shared_ptr<bus_state> bus, service_options options)
        : bus_(std::move(bus)),
          options_(std::move(options)) {
        if (options_.retry.count() < 0)
            throw std::invalid_argument("tidings::sse::service: retry is negative");
        hooks_ = std::make_shared<const sse::hooks>(std::move(options_.hooks));
        if (!options_.metrics) return;
        sent_ = options_.metrics->counter("events_sent", {{"transport", "sse"}});
        unsent_ = options_.metrics->counter("events_unsent", {{"transport", "sse"}});
        dropped_ = options_.metrics->counter("events_dropped", {{"transport", "sse"}});
    }

    void handle(http::exchange& x);
    void drain();
    void cut_all();
    std::size_t sessions() const noexcept { return streams_.size(); }

 private:
    http::stream_policy policy() const {
        return {options_.authenticator, options_.authorizer, options_.allowed_origins};
    }
    void open(http::exchange& x, http::stream_request asked);
    stream::settings settings_for(const http::exchange& x, const http::stream_request& asked);
    http::fields header_fields(const http::request& r) const;
    std::string header(const http::request& r) const;
    std::string retry_field(const http::exchange& x) const;
    void add_cors(const http::request& r, http::fields& f) const;
    void gauge(std::int64_t add) const noexcept {
        if (options_.metrics) options_.metrics->gauge("clients", {{"transport", "sse"}}, add);
    }

    std::shared_ptr<bus_state> bus_;
    service_options options_;
    std::shared_ptr<const sse::hooks> hooks_;
    std::atomic<std::uint64_t>* sent_ = nullptr;
    std::atomic<std::uint64_t>* unsent_ = nullptr;
    std::atomic<std::uint64_t>* dropped_ = nullptr;
    session_registry<stream> streams_;
};

// Exact origins only, and never `*`: an answer that varies by Origin must say so (Fetch, 3.2).
void service_state::add_cors(const http::request& r, http::fields& f) const {
    if (options_.allowed_origins.empty()) return;
    f.set("Vary", "Origin");
    const auto origin = r.fields.get("origin");
    const auto& allowed = options_.allowed_origins;
    if (std::find(allowed.begin(), allowed.end(), origin) == allowed.end()) return;
    f.set("Access-Control-Allow-Origin", origin);
    f.set("Access-Control-Allow-Credentials", "true");
    f.set("Access-Control-Allow-Headers", "Last-Event-ID, Authorization, Cache-Control");
}

void service_state::handle(http::exchange& x) {
    const auto& r = x.request();
    if (r.method == "OPTIONS") {
        http::response preflight{204, {{"Allow", "GET, HEAD, OPTIONS"}}, {}};
        add_cors(r, preflight.fields);
        return x.respond(std::move(preflight));
    }
    if (r.method != "GET" && r.method != "HEAD") {
        auto refused = http::problem(405, "Method not allowed", "an event stream is read with GET");
        refused.fields.set("Allow", "GET, HEAD, OPTIONS");
        return x.respond(std::move(refused));
    }
    http::stream_request asked;
    auto refused = bus_ ? http::read_stream_request(x, policy(), {}, asked)
                        : http::read_stream_caller(x, policy(), asked);
    if (refused) {
        add_cors(r, refused->fields);
        return x.respond(std::move(*refused));
    }
    if (r.method == "HEAD") return x.respond({200, header_fields(r), {}});
    // A browser takes any other status for the end of all (WHATWG HTML 9.2.3); after the end of a
    // body it comes back.
    if (streams_.draining()) return x.respond({200, header_fields(r), retry_field(x)});
    open(x, std::move(asked));
}

http::fields service_state::header_fields(const http::request& r) const {
    http::fields f{{"Content-Type", "text/event-stream"},
                   {"Cache-Control", "no-cache, no-transform"},
                   {"X-Accel-Buffering", "no"}};
    add_cors(r, f);
    return f;
}

// The connection has left HTTP and will not come back (RFC 9112 9.6).
std::string service_state::header(const http::request& r) const {
    auto f = header_fields(r);
    if (r.version >= 11) f.set("Transfer-Encoding", "chunked");
    f.set("Connection", "close");
    std::string text = "HTTP/1.1 200 OK\r\n";
    for (const auto& [name, value] : f) text += name + ": " + value + "\r\n";
    return text + "\r\n";
}

stream::settings service_state::settings_for(const http::exchange& x,
                                             const http::stream_request& asked) {
    stream::settings s;
    s.payload = options_.payload;
    s.limits = options_.limits;
    s.heartbeat = options_.heartbeat;
    s.write_timeout = options_.write_timeout;
    if (const auto most = options_.max_lifetime.count(); most > 0)
        s.lifetime = std::chrono::milliseconds(
            most - static_cast<std::int64_t>(x.environment().random->next() %
                                             static_cast<std::uint64_t>(most / 5 + 1)));
    s.chunked = x.request().version >= 11;
    s.hooks = hooks_;
    s.log = options_.log;
    s.sent = sent_;
    s.unsent = unsent_;
    s.dropped = dropped_;
    s.principal = asked.principal;
    s.last_event_id = x.request().fields.get("last-event-id");
    s.on_end = [self = shared_from_this()](const stream* ended) {
        self->streams_.remove(ended);
        self->gauge(-1);
    };
    return s;
}

// Clients that lost the same server must not all come back at once.
std::string service_state::retry_field(const http::exchange& x) const {
    if (options_.retry.count() == 0) return {};
    const auto most = static_cast<std::uint64_t>(options_.retry.count());
    const auto more = std::chrono::milliseconds(x.environment().random->next() % (most + 1));
    std::string field;
    append_sse_retry(field, options_.retry + more);
    return field;
}

void service_state::open(http::exchange& x, http::stream_request asked) {
    auto text = header(x.request());
    auto settings = settings_for(x, asked);
    auto first = retry_field(x);
    append_sse_comment(first, "open");
    if (hooks_->any())
        settings.request = std::make_shared<const http::request>(std::move(x.request()));

    auto taken = x.take();
    if (!taken.stream) return;
    const auto s = std::make_shared<stream>(std::move(taken), std::move(settings));
    const bool welcome = streams_.add(s);
    gauge(1);
    s->start(std::move(text), std::move(first));
    if (!welcome) return s->close();
    if (!bus_ || !s->is_open()) return;
    auto wanted = http::feed_for(std::move(asked), policy(), options_.limits, options_.overflow,
                                 options_.max_lag);
    wanted.origin = options_.origin;
    if (s->subscribe(bus_, std::move(wanted))) s->close();
}

void service_state::drain() {
    streams_.drain();
    for (const auto& s : streams_.all()) s->close();
}

void service_state::cut_all() {
    streams_.drain();
    for (const auto& s : streams_.all()) s->cut();
}

}  // namespace detail

service::service(const bus& b, service_options options)
    : state_(std::make_shared<detail::service_state>(b.state(), std::move(options))) {}

service::service(service_options options)
    : state_(std::make_shared<detail::service_state>(nullptr, std::move(options))) {}

service& service::operator=(service&& o) noexcept {
    if (this != &o) {
        if (state_) state_->cut_all();
        state_ = std::move(o.state_);
    }
    return *this;
}

service::~service() {
    if (state_) state_->cut_all();
}

void service::handle(http::exchange& x) {
    state_->handle(x);
}
void service::drain() {
    state_->drain();
}
std::size_t service::sessions() const noexcept {
    return state_->sessions();
}

}  // namespace tidings::sse
