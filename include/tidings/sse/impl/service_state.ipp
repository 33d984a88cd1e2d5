// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/sse_writer.hpp>
#include <tidings/outlet/impl/authenticate.hpp>
#include <tidings/sse/impl/service_state.hpp>

#include <stdexcept>

namespace tidings::sse::detail {

using namespace tidings::detail;

service_state::service_state(std::shared_ptr<bus_state> bus, service_options options)
    : bus_(std::move(bus)),
      options_(std::move(options)),
      streams_(options_.metrics, "sse") {
    if (options_.retry.count() < 0)
        throw std::invalid_argument("tidings::sse::service: retry is negative");
    hooks_ = std::make_shared<const sse::hooks>(std::move(options_.hooks));
}

bool service_state::admit(http::exchange& x) {
    const auto& method = x.request().method;
    if (method == "GET" || method == "HEAD" || method == "OPTIONS")
        return http::admit(x, {options_.authenticator, options_.allowed_origins, methods});
    auto refused = http::problem(405, "Method not allowed", "an event stream is read with GET");
    refused.fields.set("Allow", methods);
    x.respond(std::move(refused));
    return false;
}

void service_state::handle(http::exchange& x) {
    if (!admit(x)) return;
    if (closed_) return x.respond(http::going_away());
    http::stream_request asked;
    auto refused = bus_ ? http::read_stream_request(x, policy(), {}, asked)
                        : http::read_stream_caller(x, asked);
    if (refused) return x.respond(std::move(*refused));
    if (x.request().method == "HEAD") return x.respond(head());
    // A browser takes any other status for the end of all (WHATWG HTML 9.2.3); after the end of a
    // body it comes back.
    if (streams_.draining()) {
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
    s.sent = streams_.counters().sent;
    s.unsent = streams_.counters().unsent;
    s.dropped = streams_.counters().dropped;
    s.principal = asked.principal;
    s.last_event_id = x.request().fields.get("last-event-id");
    s.on_end = [self = shared_from_this()](const stream* ended) { self->streams_.remove(ended); };
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
    auto text = x.stream_head(head());
    auto settings = settings_for(x, asked);
    auto first = retry_field(x);
    append_sse_comment(first, "open");
    if (hooks_->any())
        settings.request = std::make_shared<const http::request>(std::move(x.request()));

    auto taken = x.take();
    if (!taken.stream) return;
    const auto s = std::make_shared<stream>(std::move(taken), std::move(settings));
    const bool welcome = streams_.add(s);
    s->start(std::move(text), std::move(first));
    if (!welcome) return s->close();
    if (!bus_ || !s->is_open()) return;
    auto wanted = http::feed_for(std::move(asked), policy(), options_.limits, options_.overflow,
                                 options_.max_lag);
    wanted.origin = options_.origin;
    if (s->subscribe(bus_, std::move(wanted))) s->close();
}

void service_state::drain() {
    streams_.drain([](stream& s) { s.close(); });
}

void service_state::close() {
    closed_ = true;
    streams_.drain([](stream& s) { s.cut(); });
}

}  // namespace tidings::sse::detail
