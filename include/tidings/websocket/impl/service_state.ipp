// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/bus_state.hpp>
#include <tidings/codec/websocket_handshake.hpp>
#include <tidings/outlet/impl/authenticate.hpp>
#include <tidings/text/impl/header_tokens.hpp>
#include <tidings/websocket/impl/service_state.hpp>

namespace tidings::websocket::detail {

using namespace tidings::detail;

namespace {

std::shared_ptr<const live_session_options> shared_options(const service_options& from,
                                                           const session_counters& counters) {
    auto o = live_options(from);
    o.frames = websocket_session::frames(websocket_role::server, from.codec.get());
    o.overflow = from.overflow;
    o.max_lag = from.max_lag;
    o.after_gap = from.after_gap;
    o.counters = counters;
    return std::make_shared<const live_session_options>(std::move(o));
}

std::shared_ptr<const websocket_session_options> shared_session_options(
    const service_options& from) {
    websocket_session_options o;
    o.codec = from.codec;
    o.max_message_bytes = from.max_message_bytes;
    o.ping_interval = from.ping_interval;
    o.pong_timeout = from.pong_timeout;
    o.frame_timeout = from.frame_timeout;
    o.message_timeout = from.message_timeout;
    o.budget = std::make_shared<held_budget>(from.max_buffered_bytes);
    o.max_publishes_per_second = static_cast<double>(from.max_publishes_per_second);
    o.publish_burst = static_cast<double>(from.publish_burst);
    o.log = from.log;
    return std::make_shared<const websocket_session_options>(std::move(o));
}

service_options with_codec(service_options o, bool on_bus) {
    if (on_bus && !o.codec) o.codec = cloudevents_json_codec();
    return o;
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
      options_(with_codec(std::move(options), bus_ != nullptr)),
      session_options_(shared_session_options(options_)),
      hooks_(std::make_shared<const websocket::hooks>(std::move(options_.hooks))),
      sessions_(options_.metrics, "websocket"),
      live_(shared_options(options_, sessions_.counters())) {}

namespace {

// RFC 9110 15.5.22, and RFC 6455 4.4 for the version.
http::response upgrade_required(std::string_view title, std::string_view detail) {
    auto answer = http::problem(426, title, detail);
    answer.fields.set("Upgrade", "websocket")
        .set("Connection", "Upgrade")
        .set("Sec-WebSocket-Version", "13");
    return answer;
}

}  // namespace

// RFC 6455 4.2.1; the fields that it allows once, 11.3.1 and 11.3.5, RFC 9112 3.2.
std::optional<http::response> service_state::check_upgrade(const http::request& r) const {
    const auto& f = r.fields;
    if (!header_has_token(f.joined("upgrade"), "websocket"))
        return upgrade_required("Upgrade required", "this is a WebSocket endpoint");
    if (r.method != "GET" || r.version < 11)
        return http::problem(400, "Bad handshake", "a WebSocket handshake is GET with HTTP/1.1");
    if (!header_has_token(f.joined("connection"), "upgrade"))
        return http::problem(400, "Bad handshake", "Connection must name upgrade");
    for (const auto* name : {"Host", "Origin", "Sec-WebSocket-Key", "Sec-WebSocket-Version"})
        if (f.count(name) > 1)
            return http::problem(400, "Bad handshake", std::string(name) + " comes twice");
    if (f.find("transfer-encoding") || (f.find("content-length") && f.get("content-length") != "0"))
        return http::problem(400, "Bad handshake", "a WebSocket handshake has no body");
    if (f.get("sec-websocket-version") != "13")
        return upgrade_required("Unsupported version", "Sec-WebSocket-Version must be 13");
    if (check_websocket_key(f.get("sec-websocket-key")))
        return http::problem(400, "Bad handshake", "Sec-WebSocket-Key must be 16 bytes in base64");
    return std::nullopt;
}

// False when it was refused.
bool service_state::is_upgrade(http::exchange& x) const {
    if (x.caller() != nullptr) return true;
    auto refused = check_upgrade(x.request());
    if (refused) x.respond(std::move(*refused));
    return !refused;
}

void service_state::admit(http::exchange& x) {
    if (is_upgrade(x)) access_.admit(x, "GET");
}

void service_state::handle(http::exchange& x) {
    if (!is_upgrade(x)) return;
    access_.handle(x, "GET",
                   [self = shared_from_this()](http::exchange& here) { self->serve(here); });
}

void service_state::serve(http::exchange& x) {
    auto f = [self = shared_from_this()](http::exchange& here, http::stream_request asked) {
        if (self->sessions_.draining()) return here.respond(http::going_away());
        self->open(here, std::move(asked));
    };
    bus_ ? access_.read(x, {}, std::move(f)) : access_.read_raw(x, std::move(f));
}

http::response service_state::answer(const http::request& r, std::string_view subprotocol) {
    http::response answer{
        101,
        {{"Upgrade", "websocket"},
         {"Sec-WebSocket-Accept", websocket_accept(r.fields.get("sec-websocket-key"))}},
        {}};
    if (!subprotocol.empty()) answer.fields.set("Sec-WebSocket-Protocol", subprotocol);
    return answer;
}

websocket_session_parts service_state::parts_for(const http::request& r) {
    websocket_session_parts own{.options = session_options_, .hooks = hooks_};
    if (options_.codec) {
        const std::string_view known[] = {options_.codec->subprotocol()};
        if (!known[0].empty())
            own.subprotocol =
                choose_subprotocol(r.fields.joined("sec-websocket-protocol"), known).value_or("");
    }
    if (bus_ && options_.authorizer) own.publishers.emplace(weak_from_this());
    return own;
}

std::unique_ptr<publisher> service_state::make_publisher(std::string from, origin_id origin) const {
    return std::make_unique<publisher>(bus_, access_, std::move(from), options_.topic, origin);
}

void service_state::open(http::exchange& x, http::stream_request asked) {
    auto own = parts_for(x.request());
    auto stream = x.stream(answer(x.request(), own.subprotocol));
    if (!stream) return;
    if (hooks_->any())
        stream.request = std::make_shared<const http::request>(std::move(x.request()));
    sessions_.open(std::make_shared<websocket_session>(std::move(stream), live_, std::move(own),
                                                       make_origin()),
                   live_start{.bus = bus_, .asked = std::move(asked)});
}

void service_state::drain() {
    access_.refuse_pending();
    sessions_.drain();
}

void service_state::close() {
    access_.refuse_pending();
    sessions_.close();
}

}  // namespace tidings::websocket::detail
