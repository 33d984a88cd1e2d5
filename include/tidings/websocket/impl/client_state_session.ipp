// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/control_event.hpp>
#include <tidings/websocket/impl/client_state.hpp>

namespace tidings::websocket::detail {

using namespace tidings::detail;

namespace {

// What is larger than the client takes is discarded as it comes, up to here.
constexpr std::uint64_t max_skipped_bytes = 1024 * 1024 * 1024;

}  // namespace

// They are called as long as the client listens, and hold nothing of the user's themselves.
std::shared_ptr<const websocket::hooks> client_state::make_hooks() {
    std::weak_ptr<client_state> weak = self();
    // `always`: also after `stop`, which the end of the connection follows.
    const auto call = [weak](auto hook, bool always, const auto&... args) {
        const auto s = weak.lock();
        if (!s) return false;
        const auto g = always && !s->released_ ? s->given_ : s->listening();
        if (!g || !(g->options.hooks.*hook)) return false;
        if constexpr (std::is_void_v<decltype((g->options.hooks.*hook)(args...))>) {
            (g->options.hooks.*hook)(args...);
            return true;
        } else {
            return (g->options.hooks.*hook)(args...);
        }
    };
    websocket::hooks h;
    using all = websocket::hooks;
    h.on_open = [call](const session_ptr& c) { call(&all::on_open, false, c); };
    h.on_message = [call](const session_ptr& c, const message& m) {
        return call(&all::on_message, false, c, m);
    };
    // A ping of our service carries the position up to which everything was sent.
    h.on_ping = [call, weak](const session_ptr& c, std::string_view payload) {
        const auto s = weak.lock();
        if (!s || !s->listening()) return;
        if (payload.starts_with(position_ping)) {
            error_code ec;
            const auto p = position::parse(payload.substr(position_ping.size()), ec);
            if (!ec) s->learn(p);
        }
        call(&all::on_ping, false, c, payload);
    };
    h.on_pong = [call](const session_ptr& c, std::string_view payload) {
        call(&all::on_pong, false, c, payload);
    };
    h.on_close = [call](const session_ptr& c, const close_reason& why) {
        call(&all::on_close, true, c, why);
    };
    return std::make_shared<websocket::hooks>(std::move(h));
}

websocket_session_options client_state::options_for(std::string subprotocol) {
    const auto& from = given_->options;
    websocket_session_options o;
    o.role = websocket_role::client;
    o.codec = from.codec;
    o.max_message_bytes = from.max_message_bytes;
    o.max_skipped_bytes = max_skipped_bytes;
    o.message_timeout = std::chrono::milliseconds(0);
    o.limits = from.limits;
    o.ping_interval = from.ping_interval;
    o.pong_timeout = from.pong_timeout;
    o.close_timeout = from.close_timeout;
    o.write_timeout = from.write_timeout;
    o.log = from.log;
    o.subprotocol = std::move(subprotocol);
    o.random = environment_.random;
    o.hooks = make_hooks();
    std::weak_ptr<client_state> weak = self();
    o.on_event = [weak](wire_event&& e) {
        const auto s = weak.lock();
        return s ? s->take_event(std::move(e)) : make_error_code(errc::closed);
    };
    o.on_skipped = [weak](std::uint64_t bytes) {
        const auto s = weak.lock();
        const auto g = s ? s->listening() : nullptr;
        if (g && g->sink)
            inlet::hand_over(*g->sink, make_skipped_event(bytes), g->options.log, "websocket");
    };
    o.on_end = [weak](const websocket_session* c) {
        if (const auto s = weak.lock()) s->on_closed(c);
    };
    return o;
}

}  // namespace tidings::websocket::detail
