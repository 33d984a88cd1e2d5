// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/websocket_handshake.hpp>
#include <tidings/outlet/impl/authenticate.hpp>
#include <tidings/text/impl/header_tokens.hpp>
#include <tidings/websocket/impl/service_state.hpp>

namespace tidings::websocket::detail {

using namespace tidings::detail;

service_state::service_state(std::shared_ptr<bus_state> bus, service_options options)
    : bus_(std::move(bus)),
      options_(std::move(options)),
      budget_(std::make_shared<held_budget>(options_.max_buffered_bytes)),
      sessions_(options_.metrics, "websocket") {
    if (bus_ && !options_.codec) options_.codec = cloudevents_json_codec();
    hooks_ = std::make_shared<const websocket::hooks>(std::move(options_.hooks));
}

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

bool service_state::admit(http::exchange& x) {
    if (x.caller() != nullptr) return true;
    if (auto refused = check_upgrade(x.request())) {
        x.respond(std::move(*refused));
        return false;
    }
    return http::admit(x, {options_.authenticator, options_.allowed_origins, "GET"});
}

void service_state::handle(http::exchange& x) {
    if (!admit(x)) return;
    http::stream_request asked;
    auto refused = bus_ ? http::read_stream_request(x, policy(), {}, asked)
                        : http::read_stream_caller(x, asked);
    if (refused) return x.respond(std::move(*refused));
    if (sessions_.draining()) return x.respond(http::going_away());
    open(x, std::move(asked));
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

websocket_session_options service_state::options_for(const http::exchange& x,
                                                     http::stream_request& asked,
                                                     origin_id origin) {
    websocket_session_options o;
    o.codec = options_.codec;
    o.max_message_bytes = options_.max_message_bytes;
    o.limits = options_.limits;
    o.ping_interval = options_.ping_interval;
    o.pong_timeout = options_.pong_timeout;
    o.close_timeout = options_.close_timeout;
    o.write_timeout = options_.write_timeout;
    o.frame_timeout = options_.frame_timeout;
    o.message_timeout = options_.message_timeout;
    o.budget = budget_;
    o.max_publishes_per_second = static_cast<double>(options_.max_publishes_per_second);
    o.publish_burst = static_cast<double>(options_.publish_burst);
    o.hooks = hooks_;
    o.log = options_.log;
    o.principal = asked.principal;
    o.random = x.environment().random;
    o.sent = sessions_.counters().sent;
    o.unsent = sessions_.counters().unsent;
    o.dropped = sessions_.counters().dropped;
    if (options_.codec) {
        const std::string_view known[] = {options_.codec->subprotocol()};
        if (!known[0].empty())
            o.subprotocol =
                choose_subprotocol(x.request().fields.joined("sec-websocket-protocol"), known)
                    .value_or("");
    }
    if (bus_ && options_.authorizer)
        o.on_event = [bus = bus_, allowed = options_.authorizer, who = asked.principal,
                      in = inlet(options_.topic, origin)](wire_event&& e) {
            error_code ec;
            const auto topic = in.topic_of(e, ec);
            if (ec) return ec;
            if (!allowed(who, action::publish, topic)) return make_error_code(errc::forbidden);
            const auto p = in.make(topic, std::move(e), ec);
            return p ? bus->publish(p).error : ec;
        };
    return o;
}

void service_state::open(http::exchange& x, http::stream_request asked) {
    const auto origin = make_origin();
    auto options = options_for(x, asked, origin);
    auto first = x.stream_head(answer(x.request(), options.subprotocol));
    if (hooks_->any())
        options.request = std::make_shared<const http::request>(std::move(x.request()));
    options.on_end = [self = shared_from_this()](const websocket_session* c) {
        self->sessions_.remove(c);
    };
    auto taken = x.take();
    if (!taken.stream) return;
    options.server_share = taken.held;
    const auto c =
        std::make_shared<websocket_session>(std::move(taken), std::move(options), origin);
    const bool admitted = sessions_.add(c);
    c->start(std::move(first));
    if (!admitted)
        c->close(1001, "going away");
    else if (bus_ && c->is_open())
        subscribe(*c, std::move(asked));
    c->serve();
}

void service_state::subscribe(websocket_session& c, http::stream_request asked) {
    const auto ec = c.subscribe(bus_, http::feed_for(std::move(asked), policy(), options_.limits,
                                                     options_.overflow, options_.max_lag));
    if (ec) c.close(ec == errc::closed ? 1001 : 1013, ec.message());
}

void service_state::drain() {
    sessions_.drain([](websocket_session& c) { c.close(1001, "going away"); });
}

void service_state::close() {
    sessions_.drain([](websocket_session& c) { c.abort(); });
}

}  // namespace tidings::websocket::detail
