// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/websocket_handshake.hpp>
#include <tidings/control_event.hpp>
#include <tidings/impl/guarded.hpp>
#include <tidings/inlet/impl/client_url.hpp>
#include <tidings/websocket/impl/client_state.hpp>

#include <boost/asio/error.hpp>

namespace tidings::websocket::detail {

using namespace tidings::detail;

namespace {

// What is larger than the client takes is discarded as it comes, up to here.
constexpr std::uint64_t max_skipped_bytes = 1024 * 1024 * 1024;

}  // namespace

client_state::client_state(const net::any_io_executor& executor, client_options options,
                           std::shared_ptr<subscriber> sink)
    : origin_(make_origin()),
      lane_(lane::make(executor, *options.environment.clock)),
      environment_(options.environment),
      http_(executor, http_options(options)),
      reconnector_(options.reconnect),
      again_([this] { react({.what = reconnect_event::kind::due}); }),
      first_position_(options.after.has_value()),
      last_(options.after.value_or(position())) {
    if (sink && !options.codec) options.codec = cloudevents_json_codec();
    inlet in(options.topic, origin_);
    given_ =
        std::make_shared<const given>(given{std::move(options), std::move(sink), std::move(in)});
}

void client_state::run(run_handler h) {
    run_.start(
        self(), lane_, std::move(h),
        [](client_state& c) {
            if (!c.given_) return c.run_.finish(errc::closed);
            c.react({.what = reconnect_event::kind::start});
        },
        [](client_state& c) {
            c.react({.what = reconnect_event::kind::stop, .why = net::error::operation_aborted});
        });
}

void client_state::restart() {
    lane_->post([s = self()] {
        const auto g = s->listening();
        if (!g) return;
        s->again_.cancel();
        if (auto cancel = std::exchange(s->connecting_, nullptr)) cancel();
        std::shared_ptr<websocket_session> c;
        {
            const std::lock_guard lock(s->mutex_);
            c.swap(s->connection_);
        }
        if (c) c->close(1000, "");
        s->reconnector_ = reconnector(g->options.reconnect);
        s->react({.what = reconnect_event::kind::start});
    });
}

std::shared_ptr<const client_state::given> client_state::listening() const {
    if (released_) return nullptr;
    const std::lock_guard lock(mutex_);
    return stopped_ ? nullptr : given_;
}

void client_state::tell(connection_state state, error_code ec, const diagnostics& text) {
    const auto g = given_;
    if (!g || released_) return;
    guarded(g->options.log, "websocket", [&] {
        if (g->options.on_state) g->options.on_state(state, ec, text);
    });
}

void client_state::react(const reconnect_event& e, std::string_view cause) {
    using kind = reconnect_action::kind;
    const auto g = given_;
    if (!g) return;
    const auto action =
        reconnector_.resume(e, environment_.clock->now(), environment_.random->next());
    diagnostics text;
    if (action.why)
        text = diagnostics(loggable_url(g->options.url) + ": " +
                           (cause.empty() ? action.why.message() : std::string(cause)));
    switch (action.what) {
        case kind::nothing:
            return;
        case kind::connect:
            return connect();
        case kind::wait:
            again_.arm(lane_->timers(), action.after);
            return tell(connection_state::waiting, action.why, text);
        case kind::stop:
            if (e.what == reconnect_event::kind::refused && g->options.log)
                g->options.log({log_level::warning, "websocket",
                                "the client gives up: " + text.message(), action.why});
            return end(action.why, text);
    }
}

std::string client_state::target_url() const {
    std::string url = given_->options.url;
    for (const auto& topic : given_->options.topics) append_query(url, "topic", topic);
    const auto last = last_position();
    if (!last.empty() || first_position_) append_query(url, "after", last.text());
    return url;
}

http::request client_state::upgrade_request(std::string& key) {
    const auto g = given_;
    std::array<std::byte, 16> bytes;
    environment_.random->fill(bytes);
    key = make_websocket_key(bytes);
    http::request r;
    r.fields = g->options.fields;
    if (!g->options.token.empty()) r.fields.set("Authorization", "Bearer " + g->options.token);
    guarded(g->options.log, "websocket", [&] {
        if (g->options.on_request && !released_) g->options.on_request(r.fields);
    });
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
    connecting_ = http_.start_upgrade(
        lane_->executor(), target_url(), std::move(request),
        [weak = std::weak_ptr(self()), key](error_code ec, http::upgraded_response r) {
            if (const auto s = weak.lock()) s->on_upgraded(ec, std::move(r), key);
        });
}

void client_state::on_upgraded(error_code ec, http::upgraded_response r, const std::string& key) {
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
    bool again = answer.status != 101 && is_temporary(answer.status);
    const auto g = given_;
    guarded(g->options.log, "websocket", [&] {
        if (g->options.on_refused && !released_) again = g->options.on_refused(answer, again);
    });
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
    o.ping_interval = from.ping_interval;
    o.pong_timeout = from.pong_timeout;
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
        if (g && g->sink &&
            inlet::hand_over(*g->sink, make_skipped_event(bytes), g->options.log, "websocket"))
            s->react({.what = reconnect_event::kind::stop, .why = errc::closed});
    };
    o.on_end = [weak](const websocket_session* c) {
        if (const auto s = weak.lock()) s->on_closed(c);
    };
    return o;
}

void client_state::open(http::upgraded_response r) {
    const bool resume = given_->options.resume;
    http::live_stream stream{.connection = {std::move(r.stream), std::move(r.leftover), lane_, {}},
                             .environment = environment_};
    auto c = std::make_shared<websocket_session>(
        std::move(stream),
        std::make_shared<const live_session_options>(live_options(given_->options)),
        options_for(std::string(r.head.fields.get("sec-websocket-protocol"))), origin());
    {
        const std::lock_guard lock(mutex_);
        connection_ = c;
        if (!resume) last_ = {};
    }
    if (!resume) first_position_ = false;
    if (released_) c->drop_hooks();
    react({.what = reconnect_event::kind::opened});
    tell(connection_state::open, {});
    c->begin({}, {}, true);
}

void client_state::learn(const position& p) {
    const auto g = given_;
    if (!g || !g->options.resume) return;
    const std::lock_guard lock(mutex_);
    last_ = p;
}

error_code client_state::take_event(wire_event&& e) {
    const auto g = listening();
    if (!g) return errc::closed;
    const auto at = e.position;
    error_code ec;
    if (g->sink) ec = g->in.take(std::move(e), *g->sink, g->options.log, "websocket");
    if (ec == errc::closed) react({.what = reconnect_event::kind::stop, .why = ec});
    if (inlet::may_come_again(ec)) return ec;
    // Also past an event that could not be taken: it would be refused again.
    error_code bad;
    if (const auto seen = position::parse(at, bad); !bad) learn(seen);
    return ec;
}

void client_state::on_closed(const websocket_session* c) {
    const auto& why = c->why();
    bool stopped = false;
    {
        const std::lock_guard lock(mutex_);
        if (connection_.get() != c) return;  // `restart` left it
        connection_.reset();
        stopped = stopped_;
    }
    if (stopped) return react({.what = reconnect_event::kind::stop, .why = why.error});
    const auto ec = why.error ? why.error : make_error_code(errc::closed);
    auto cause = why.error ? why.error.message() : "closed by the server";
    if (!why.error || why.code != 1006) cause += ", close code " + std::to_string(why.code);
    if (!why.error && !why.reason.empty()) cause += ": " + why.reason;
    const auto what = is_final(why) ? reconnect_event::kind::refused : reconnect_event::kind::lost;
    react({.what = what, .why = ec}, cause);
}

void client_state::end(error_code why, const diagnostics& text) {
    std::shared_ptr<websocket_session> c;
    {
        const std::lock_guard lock(mutex_);
        stopped_ = true;
        c = connection_;
    }
    again_.cancel();
    if (auto cancel = std::exchange(connecting_, nullptr)) cancel();
    if (c) c->close(1000, "");
    run_.decide(why);
    tell(connection_state::stopped, why, text);
    const std::shared_ptr<const given> ending = std::exchange(given_, nullptr);
    run_.finish(why);
}

void client_state::on_context_end() noexcept {
    run_.drop();
    given_.reset();
}

void client_state::stop() noexcept {
    try {
        // It is posted in any case: the caller may hold the last reference.
        lane_->post([s = self()] { s->stop_here(); });
        if (lane_->running_here()) stop_here();
    } catch (const std::bad_alloc&) {
        return;  // it ends with the context
    }
}

void client_state::stop_here() {
    std::shared_ptr<websocket_session> c;
    {
        const std::lock_guard lock(mutex_);
        if (!std::exchange(stopped_, true))
            c = connection_;
        else if (!released_)
            return;
    }
    again_.cancel();
    if (auto cancel = std::exchange(connecting_, nullptr)) cancel();
    if (c) c->close(1000, "");
    // With a connection the end comes when that has closed, unless the handle is gone.
    if (!c || released_) react({.what = reconnect_event::kind::stop});
}

// What waits to be sent leaves before the close frame.
void client_state::start_drain(unique_function<void(error_code)> done) {
    lane_->post([s = self(), done = std::move(done)]() mutable {
        if (!s->given_) return done({});
        s->run_.await_end(std::move(done));
        s->stop_here();
    });
}

void client_state::release() noexcept {
    released_ = true;
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
    std::shared_ptr<websocket_session> c;
    if (is_control(e)) return outcome::delivered;  // a server takes none from a client
    {
        const std::lock_guard lock(mutex_);
        if (stopped_) return outcome::closed;
        c = connection_;
    }
    // One that ends is followed by another.
    if (!c || c->deliver(e) != outcome::queued) return outcome::dropped;
    return outcome::queued;
}

}  // namespace tidings::websocket::detail
