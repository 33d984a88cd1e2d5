// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/bus_state.hpp>
#include <tidings/codec/sse_writer.hpp>
#include <tidings/sse/impl/service_state.hpp>

#include <stdexcept>

namespace tidings::sse::detail {

using namespace tidings::detail;

namespace {

std::shared_ptr<const sse_session_options> session_options(const service_options& from,
                                                           const session_counters& counters) {
    sse_session_options o;
    o.live.name = "sse";
    o.live.frames = sse_session::frames(from.payload);
    o.live.limits = from.limits;
    o.live.overflow = from.overflow;
    o.live.max_lag = from.max_lag;
    o.live.after_gap = from.after_gap;
    o.live.heartbeat = from.heartbeat;
    o.live.write_timeout = from.write_timeout;
    o.live.max_lifetime = from.max_lifetime;
    o.live.counters = counters;
    o.live.log = from.log;
    o.payload = from.payload;
    o.origin = from.origin;
    return std::make_shared<const sse_session_options>(std::move(o));
}

}  // namespace

service_state::service_state(std::shared_ptr<bus_state> bus, service_options options)
    : bus_(std::move(bus)),
      access_({.authenticator = options.authenticator,
               .authorizer = options.authorizer,
               .allowed_origins = options.allowed_origins,
               .auth_timeout = options.auth_timeout,
               .max_pending_auth = options.max_pending_auth,
               .log = options.log}),
      retry_(options.retry),
      hooks_(std::make_shared<const sse::hooks>(options.hooks)),
      sessions_(options.metrics, "sse"),
      options_(session_options(options, sessions_.counters())) {
    if (retry_.count() < 0) throw std::invalid_argument("tidings::sse::service: retry is negative");
}

// False when it was refused.
bool service_state::takes_method(http::exchange& x) {
    const auto& method = x.request().method;
    if (method == "GET" || method == "HEAD" || method == "OPTIONS") return true;
    auto refused = http::problem(405, "Method not allowed", "an event stream is read with GET");
    refused.fields.set("Allow", methods);
    x.respond(std::move(refused));
    return false;
}

void service_state::admit(http::exchange& x) {
    if (access_.admit(x, methods)) takes_method(x);
}

void service_state::handle(http::exchange& x) {
    access_.handle(x, methods,
                   [self = shared_from_this()](http::exchange& here) { self->serve(here); });
}

void service_state::serve(http::exchange& x) {
    if (closed_) return x.respond(http::going_away());
    if (!takes_method(x)) return;
    auto f = [self = shared_from_this()](http::exchange& here, http::stream_request asked) {
        self->answer(here, std::move(asked));
    };
    bus_ ? access_.read(x, {}, std::move(f)) : access_.read_raw(x, std::move(f));
}

void service_state::answer(http::exchange& x, http::stream_request asked) {
    if (closed_) return x.respond(http::going_away());
    if (x.request().method == "HEAD") return x.respond(head());
    // A browser takes any other status for the end of all (WHATWG HTML 9.2.3); after the end of a
    // body it comes back.
    if (sessions_.draining()) {
        auto ending = head();
        ending.body = retry_field(x);
        return x.respond(std::move(ending));
    }
    open(x, std::move(asked));
}

http::response service_state::head() {
    return {200,
            {{"Content-Type", "text/event-stream"},
             {"Cache-Control", "no-cache, no-transform"},
             {"X-Accel-Buffering", "no"}},
            {}};
}

// Clients that lost the same server must not all come back at once.
std::string service_state::retry_field(const http::exchange& x) const {
    if (retry_.count() == 0) return {};
    const auto most = static_cast<std::uint64_t>(retry_.count());
    const auto more = std::chrono::milliseconds(x.environment().random->next() % (most + 1));
    std::string field;
    append_sse_retry(field, retry_ + more);
    return field;
}

void service_state::open(http::exchange& x, http::stream_request asked) {
    live_start start{.first = retry_field(x), .bus = bus_, .asked = std::move(asked)};
    append_sse_comment(start.first, "open");
    std::string last_event_id(x.request().fields.get("last-event-id"));
    auto stream = x.stream(head());
    if (!stream) return;
    if (hooks_->any())
        stream.request = std::make_shared<const http::request>(std::move(x.request()));
    sessions_.open(std::make_shared<sse_session>(std::move(stream), options_, hooks_,
                                                 std::move(last_event_id)),
                   std::move(start));
}

void service_state::drain() {
    access_.refuse_pending();
    sessions_.drain();
}

void service_state::close() {
    closed_ = true;
    access_.refuse_pending();
    sessions_.close();
}

}  // namespace tidings::sse::detail
