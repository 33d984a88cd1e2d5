// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/websocket_handshake.hpp>
#include <tidings/control_event.hpp>
#include <tidings/websocket/impl/client_state.hpp>

namespace tidings::websocket::detail {

using namespace tidings::detail;

namespace {

// What is larger than the client takes is discarded as it comes, up to here.
constexpr std::uint64_t max_skipped_bytes = 1024 * 1024 * 1024;

client_options with_codec(client_options o, bool takes_events) {
    if (takes_events && !o.codec) o.codec = cloudevents_json_codec();
    return o;
}

}  // namespace

client_state::client_state(const net::any_io_executor& executor, client_options options,
                           std::shared_ptr<subscriber> sink)
    : client_base(executor, with_codec(options, sink != nullptr), sink, "websocket", 0,
                  options.after ? std::optional(options.after->text()) : std::nullopt),
      received_(std::move(options.after)) {}

std::string client_state::target_url() const {
    auto url = url_with_topics(given_->options);
    if (received_) append_query(url, "after", received_->text());
    return url;
}

http::request client_state::upgrade_request(std::string& key) {
    const auto g = given_;
    std::array<std::byte, 16> bytes;
    environment_.random->fill(bytes);
    key = make_websocket_key(bytes);
    http::request r;
    r.fields = own_fields();
    r.fields.set("Upgrade", "websocket")
        .set("Connection", "Upgrade")
        .set("Sec-WebSocket-Version", "13")
        .set("Sec-WebSocket-Key", key);
    const auto offered = offered_subprotocols(g->options);
    std::string list;
    for (const auto& name : offered) list += (list.empty() ? "" : ", ") + name;
    if (!list.empty()) r.fields.set("Sec-WebSocket-Protocol", list);
    return r;
}

void client_state::connect() {
    tell(connection_state::connecting, {});
    if (!listening()) return;
    std::string key;
    auto request = upgrade_request(key);
    if (!listening()) return;
    connecting_ = http::detail::client_streams::upgrade(
        http_, lane_->executor(), target_url(), request,
        [weak = std::weak_ptr(self()), key](error_code ec, http::detail::upgraded_response r) {
            const auto s = weak.lock();
            if (s && !finds_memory([&] { s->on_upgraded(ec, std::move(r), key); }))
                s->react(failed(errc::out_of_memory));
        });
}

void client_state::on_upgraded(error_code ec, http::detail::upgraded_response r,
                               const std::string& key) {
    connecting_ = nullptr;
    const auto g = listening();
    if (!g) return;
    if (ec) return react(failed(ec));
    if ((ec = check_upgrade_answer(r.head, key, offered_subprotocols(g->options)))) {
        r.head.body = std::move(r.leftover);
        return refuse(r.head, ec);
    }
    open(std::move(r));
}

void client_state::refuse(const http::response& answer, error_code why) {
    const bool again = may_ask_again(answer, answer.status != 101 && is_temporary(answer.status));
    const auto cause = answer.status == 101
                           ? why.message()
                           : "the server answered " + std::to_string(answer.status) +
                                 " to the WebSocket handshake";
    react(answered(answer, why, again, *environment_.clock), cause);
}

// They are called as long as the client listens, and hold nothing of the user's themselves.
std::shared_ptr<const websocket::hooks> client_state::make_hooks() {
    std::weak_ptr<client_state> weak = self();
    // `always`: also after `stop`, which the end of the connection follows.
    const auto call = [weak](auto hook, bool always, const auto&... args) {
        const auto s = weak.lock();
        if (!s) return false;
        const auto g = always && s->life_ != life::released ? s->given_ : s->listening();
        if (!g || !(g->options.hooks.*hook)) return false;
        bool taken = false;
        guarded(g->options.log, s->module_, [&] {
            if constexpr (std::is_void_v<decltype((g->options.hooks.*hook)(args...))>)
                (g->options.hooks.*hook)(args...);
            else
                taken = (g->options.hooks.*hook)(args...);
        });
        return taken;
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
        if (payload.starts_with(position_ping))
            s->take_heartbeat(payload.substr(position_ping.size()));
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

websocket_session_parts client_state::parts_for(std::string subprotocol) {
    const auto& from = given_->options;
    websocket_session_options o;
    o.role = websocket_role::client;
    o.codec = from.codec;
    o.max_sent_bytes = from.max_sent_bytes;
    o.max_message_bytes = from.max_message_bytes;
    o.max_skipped_bytes = max_skipped_bytes;
    o.message_timeout = std::chrono::milliseconds(0);
    o.ping_interval = from.ping_interval;
    o.pong_timeout = from.pong_timeout;
    o.log = from.log;
    o.random = environment_.random;
    websocket_session_parts own{
        .options = std::make_shared<const websocket_session_options>(std::move(o)),
        .hooks = make_hooks(),
        .subprotocol = std::move(subprotocol),
        .calls = std::make_unique<client_calls>()};
    std::weak_ptr<client_state> weak = self();
    own.calls->on_event = [weak](wire_event&& e, error_code why) {
        const auto s = weak.lock();
        return s ? s->take_event(std::move(e), why) : make_error_code(errc::closed);
    };
    own.calls->on_skipped = [weak](std::uint64_t bytes) {
        const auto s = weak.lock();
        return s ? s->take_skipped(bytes) : make_error_code(errc::closed);
    };
    own.calls->on_end = [weak](const websocket_session* c) {
        if (const auto s = weak.lock()) s->on_closed(c);
    };
    return own;
}

void client_state::open(http::detail::upgraded_response r) {
    http::live_stream stream{.connection = {std::move(r.stream), std::move(r.leftover), lane_, {}},
                             .environment = environment_};
    auto c = std::make_shared<websocket_session>(
        std::move(stream),
        std::make_shared<const live_session_options>(live_options(given_->options)),
        parts_for(std::string(r.head.fields.get("sec-websocket-protocol"))), origin());
    {
        const std::lock_guard lock(mutex_);
        connection_ = c;
    }
    if (!given_->options.resume) {
        received_.reset();
        handover_->restart_at(std::nullopt);
    }
    if (life_ == life::released) c->drop_hooks();
    react({.what = reconnect_event::kind::opened});
    tell(connection_state::open, {});
    wait_for_room();
    c->begin({}, {}, true);
}

// While the window is full the connection is not read.
void client_state::wait_for_room() {
    if (handover_->has_room()) return;
    const std::lock_guard lock(mutex_);
    if (connection_) connection_->hold_reading(true);
}

void client_state::on_room() {
    std::shared_ptr<websocket_session> c;
    {
        const std::lock_guard lock(mutex_);
        c = connection_;
    }
    if (c) c->hold_reading(false);
}

// The position also of an event that could not be taken: it would be refused again.
error_code client_state::take_event(wire_event&& e, error_code why) {
    const auto g = listening();
    if (!g) return errc::closed;
    if (why == errc::out_of_memory) return why;
    error_code ec;
    auto remote = position::parse(e.position, ec);
    const bool resumes = g->options.resume && !ec;
    const auto at = resumes ? std::optional(remote.text()) : std::nullopt;
    if (why)
        handover_->refuse(why, at);
    else if (take(*g, std::move(e), remote, at) == errc::out_of_memory)
        return errc::out_of_memory;
    if (resumes) received_ = std::move(remote);
    wait_for_room();
    return {};
}

error_code client_state::take_skipped(std::uint64_t bytes) {
    if (!listening()) return errc::closed;
    const auto ec = handover_->push(make_skipped_event(bytes), std::nullopt);
    if (!ec) wait_for_room();
    return ec;
}

void client_state::take_heartbeat(std::string_view text) {
    error_code ec;
    auto p = position::parse(text, ec);
    if (ec || !given_->options.resume) return;
    handover_->pass(p.text());
    received_ = std::move(p);
}

void client_state::on_closed(const websocket_session* c) {
    const auto& why = c->why();
    {
        const std::lock_guard lock(mutex_);
        if (connection_.get() != c) return;  // `leave` was called
        connection_.reset();
    }
    if (life_ != life::running)
        return react({.what = reconnect_event::kind::stop, .why = why.error});
    const auto ec = why.error ? why.error : make_error_code(errc::closed);
    auto cause = why.error ? why.error.message() : "closed by the server";
    if (!why.error || why.code != 1006) cause += ", close code " + std::to_string(why.code);
    if (!why.error && !why.reason.empty()) cause += ": " + loggable_text(why.reason);
    const auto what = is_final(why) ? reconnect_event::kind::refused : reconnect_event::kind::lost;
    react({.what = what, .why = ec}, cause);
}

void client_state::leave() noexcept {
    if (auto cancel = std::exchange(connecting_, nullptr)) cancel();
    std::shared_ptr<websocket_session> c;
    {
        const std::lock_guard lock(mutex_);
        c.swap(connection_);
    }
    if (c) c->close(1000, "");
}

// What waits to be sent leaves before the close frame. With a connection the end comes when that
// has closed, unless the handle is gone.
void client_state::stop_here() {
    auto before = life::running;
    if (!life_.compare_exchange_strong(before, life::stopping) && before == life::stopping) return;
    handover_->stop();
    if (auto cancel = std::exchange(connecting_, nullptr)) cancel();
    const auto c = current();
    if (c) c->close(1000, "");
    if (!c || life_ == life::released) react({.what = reconnect_event::kind::stop});
}

void client_state::release() noexcept {
    life_ = life::released;
    std::shared_ptr<websocket_session> c;
    {
        const std::lock_guard lock(mutex_);
        c = connection_;
    }
    if (c) c->drop_hooks();
    stop();
}

session_ptr client_state::current() const {
    const std::lock_guard lock(mutex_);
    return connection_;
}

outcome client_state::deliver(const event_ptr& e) noexcept {
    if (is_control(e)) return outcome::delivered;  // a server takes none from a client
    std::shared_ptr<websocket_session> c;
    {
        const std::lock_guard lock(mutex_);
        if (life_ != life::running) return outcome::closed;
        c = connection_;
    }
    // One that ends is followed by another.
    if (!c || c->deliver(e) != outcome::queued) return outcome::dropped;
    return outcome::queued;
}

}  // namespace tidings::websocket::detail
