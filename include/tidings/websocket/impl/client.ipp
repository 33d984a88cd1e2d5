// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/websocket_handshake.hpp>
#include <tidings/control_event.hpp>
#include <tidings/http/impl/message/percent.hpp>
#include <tidings/http/impl/message/retry_after.hpp>
#include <tidings/http/impl/message/url.hpp>
#include <tidings/impl/guarded.hpp>
#include <tidings/text/impl/header_tokens.hpp>
#include <tidings/websocket/impl/client_state.hpp>

#include <algorithm>
#include <stdexcept>

namespace tidings::websocket {

namespace detail {

namespace {

http::client_options http_options(const client_options& o) {
    http::client_options h;
    h.tls = o.tls;
    h.unix_path = o.unix_path;
    h.connect_timeout = o.connect_timeout;
    h.environment = o.environment;
    return h;
}

// What the peer says will not change by asking again.
bool is_final(std::uint16_t code) noexcept {
    return code == 1000 || code == 1002 || code == 1003 || (code >= 1007 && code <= 1010) ||
           (code >= 4500 && code <= 4999);
}

// What is larger than the client takes is discarded as it comes, up to here.
constexpr std::uint64_t max_skipped_bytes = 1024 * 1024 * 1024;

bool is_final_status(unsigned status) noexcept {
    return status < 500 && status != 408 && status != 429;
}

}  // namespace

client_core::client_core(net::any_io_executor executor, client_options options,
                         std::shared_ptr<subscriber> sink)
    : options_(std::move(options)),
      sink_(std::move(sink)),
      lane_(lane::make(executor, *options_.environment.clock)),
      http_(executor, http_options(options_)),
      inlet_(options_.topic, make_origin()),
      backoff_(options_.reconnect),
      again_([this] { connect(); }),
      last_(options_.after.value_or(position())) {
    if (sink_ && !options_.codec) options_.codec = cloudevents_json_codec();
}

void client_core::start() {
    net::post(lane_->executor(), [s = self()] { s->connect(); });
}

void client_core::tell(client_state_kind state, error_code ec) {
    guarded(options_.log, "websocket", [&] {
        if (options_.on_state && !released_) options_.on_state(state, ec);
    });
}

bool client_core::stopped() const {
    const std::lock_guard lock(mutex_);
    return stopped_;
}

std::string client_core::target_url() const {
    std::string url = options_.url;
    char separator = url.find('?') == std::string::npos ? '?' : '&';
    const auto add = [&](std::string_view name, std::string_view value) {
        url += std::exchange(separator, '&');
        url += std::string(name) + '=' + http::percent_encode(value);
    };
    for (const auto& topic : options_.topics) add("topic", topic);
    const auto last = last_position();
    if (!last.empty() || options_.after) add("after", last.text());
    return url;
}

http::request client_core::upgrade_request(std::string& key) {
    std::array<std::byte, 16> bytes;
    options_.environment.random->fill(bytes);
    key = make_websocket_key(bytes);
    http::request r;
    r.fields = options_.fields;
    if (!options_.token.empty()) r.fields.set("Authorization", "Bearer " + options_.token);
    guarded(options_.log, "websocket", [&] {
        if (options_.on_request && !released_) options_.on_request(r.fields);
    });
    r.fields.set("Upgrade", "websocket")
        .set("Connection", "Upgrade")
        .set("Sec-WebSocket-Version", "13")
        .set("Sec-WebSocket-Key", key);
    std::string offered;
    for (const auto& name : options_.subprotocols) offered += (offered.empty() ? "" : ", ") + name;
    if (offered.empty() && options_.codec) offered = options_.codec->subprotocol();
    if (!offered.empty()) r.fields.set("Sec-WebSocket-Protocol", offered);
    return r;
}

void client_core::connect() {
    if (stopped()) return;
    tell(client_state_kind::connecting, {});
    std::string key;
    auto request = upgrade_request(key);
    connecting_ = http_.start_upgrade(
        lane_->executor(), target_url(), std::move(request),
        [weak = std::weak_ptr(self()), key](error_code ec, http::upgraded_response r) {
            if (const auto s = weak.lock()) s->on_upgraded(ec, std::move(r), key);
        });
}

// RFC 6455 4.1, what the client checks of the answer.
error_code client_core::check_answer(const http::response& r, const std::string& key) const {
    if (r.status != 101) return errc::ws_refused;
    if (!header_has_token(r.fields.joined("upgrade"), "websocket") ||
        !header_has_token(r.fields.joined("connection"), "upgrade") ||
        r.fields.find("sec-websocket-extensions"))
        return errc::ws_bad_handshake;
    if (r.fields.get("sec-websocket-accept") != websocket_accept(key)) return errc::ws_bad_key;
    const auto chosen = r.fields.get("sec-websocket-protocol");
    const bool offered = chosen.empty() ||
                         (options_.codec && chosen == options_.codec->subprotocol()) ||
                         std::find(options_.subprotocols.begin(), options_.subprotocols.end(),
                                   chosen) != options_.subprotocols.end();
    return offered ? error_code() : errc::ws_bad_subprotocol;
}

void client_core::on_upgraded(error_code ec, http::upgraded_response r, const std::string& key) {
    connecting_ = nullptr;
    if (stopped()) return;
    if (ec) return ec == errc::invalid_argument ? give_up(ec) : retry(ec);
    if ((ec = check_answer(r.head, key))) {
        r.head.body = std::move(r.leftover);
        return refused(r.head, ec);
    }
    open(std::move(r));
}

void client_core::refused(const http::response& answer, error_code why) {
    bool again = answer.status != 101 && !is_final_status(answer.status);
    guarded(options_.log, "websocket", [&] {
        if (options_.on_refused && !released_) again = options_.on_refused(answer, again);
    });
    if (!again) return give_up(why);
    const auto now = options_.environment.clock->wall_now();
    const auto after = http::parse_retry_after(answer.fields.get("retry-after"), now);
    retry(why, after.value_or(std::chrono::seconds(0)));
}

websocket_session_options client_core::options_for(std::string subprotocol) {
    websocket_session_options o;
    o.role = websocket_role::client;
    o.codec = options_.codec;
    o.max_message_bytes = options_.max_message_bytes;
    o.max_skipped_bytes = max_skipped_bytes;
    o.message_timeout = std::chrono::milliseconds(0);
    o.limits = options_.limits;
    o.ping_interval = options_.ping_interval;
    o.pong_timeout = options_.pong_timeout;
    o.close_timeout = options_.close_timeout;
    o.write_timeout = options_.write_timeout;
    o.log = options_.log;
    o.subprotocol = std::move(subprotocol);
    o.random = options_.environment.random;
    std::weak_ptr<client_core> weak = self();
    o.on_event = [weak](wire_event&& e) {
        const auto s = weak.lock();
        return s ? s->take_event(std::move(e)) : make_error_code(errc::closed);
    };
    o.on_skipped = [weak](std::uint64_t bytes) {
        const auto s = weak.lock();
        if (s && s->sink_)
            inlet::hand_over(*s->sink_, make_skipped_event(bytes), s->options_.log, "websocket");
    };
    // A ping of our service carries the position up to which everything was sent.
    auto hooks = std::make_shared<websocket::hooks>(options_.hooks);
    hooks->on_ping = [weak, users = options_.hooks.on_ping](const session_ptr& c,
                                                            std::string_view payload) {
        if (payload.starts_with(position_ping)) {
            error_code ec;
            const auto p = position::parse(payload.substr(position_ping.size()), ec);
            if (const auto s = weak.lock(); s && !ec) s->learn(p);
        }
        if (users) users(c, payload);
    };
    o.hooks = std::move(hooks);
    o.on_end = [weak](const websocket_session* c) {
        if (const auto s = weak.lock()) s->on_closed(c->why());
    };
    return o;
}

void client_core::open(http::upgraded_response r) {
    http::taken_stream taken{std::move(r.stream), std::move(r.leftover), lane_, nullptr};
    auto c = std::make_shared<websocket_session>(
        std::move(taken), options_for(std::string(r.head.fields.get("sec-websocket-protocol"))),
        origin());
    {
        const std::lock_guard lock(mutex_);
        connection_ = c;
        if (!options_.resume) {
            options_.after.reset();
            last_ = {};
        }
    }
    if (released_) c->drop_hooks();
    opened_ = lane_->timers().clock().now();
    tell(client_state_kind::open, {});
    c->start({});
    c->serve();
}

void client_core::learn(const position& p) {
    if (!options_.resume) return;
    const std::lock_guard lock(mutex_);
    last_ = p;
}

error_code client_core::take_event(wire_event&& e) {
    error_code ec;
    const bool control = is_control(e.topic);
    const auto topic = control ? e.topic : inlet_.topic_of(e, ec);
    const auto at = e.position;
    event_ptr p;
    if (!ec) p = inlet_.make(topic, std::move(e), ec);
    if (p && sink_) inlet::hand_over(*sink_, p, options_.log, "websocket");
    backoff_.reset();
    // Also past an event that could not be taken: it would be refused again.
    error_code bad;
    if (const auto seen = position::parse(at, bad); !bad) learn(seen);
    return ec;
}

void client_core::on_closed(const close_reason& why) {
    bool stopped = false;
    {
        const std::lock_guard lock(mutex_);
        connection_.reset();
        stopped = stopped_;
    }
    if (lane_->timers().clock().now() - opened_ >= backoff::lasting) backoff_.reset();
    if (stopped) return tell(client_state_kind::stopped, why.error);
    const auto ec = why.error ? why.error : make_error_code(errc::closed);
    if (is_final(why.code)) return give_up(ec);
    retry(ec);
}

void client_core::retry(error_code why, std::chrono::milliseconds asked) {
    if (!options_.reconnect.enabled) return give_up(why);
    tell(client_state_kind::waiting, why);
    again_.arm(lane_->timers(), backoff_.next(options_.environment.random->next(), asked));
}

void client_core::give_up(error_code why) {
    {
        const std::lock_guard lock(mutex_);
        stopped_ = true;
    }
    if (options_.log) options_.log({log_level::warning, "websocket", "the client gives up", why});
    tell(client_state_kind::stopped, why);
}

void client_core::stop() noexcept {
    try {
        net::post(lane_->executor(), [s = self()] { s->stop_here(); });
    } catch (const std::bad_alloc&) {
        return;  // it ends with the context
    }
}

void client_core::stop_here() {
    std::shared_ptr<websocket_session> c;
    {
        const std::lock_guard lock(mutex_);
        if (std::exchange(stopped_, true)) return;
        c = connection_;
    }
    again_.cancel();
    if (auto cancel = std::exchange(connecting_, nullptr)) cancel();
    if (c)
        c->close(1000, "");
    else
        tell(client_state_kind::stopped, {});
}

void client_core::release() noexcept {
    released_ = true;
    std::shared_ptr<websocket_session> c;
    {
        const std::lock_guard lock(mutex_);
        c = connection_;
    }
    if (c) c->drop_hooks();
    stop();
}

position client_core::last_position() const {
    const std::lock_guard lock(mutex_);
    return last_;
}

session_ptr client_core::current() const {
    const std::lock_guard lock(mutex_);
    return connection_;
}

outcome client_core::deliver(const event_ptr& e) noexcept {
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

}  // namespace detail

namespace {

std::shared_ptr<detail::client_core> make_core(net::any_io_executor executor,
                                               client_options options,
                                               std::shared_ptr<subscriber> sink) {
    error_code ec;
    const auto u = http::url::parse(options.url, ec);
    if (ec || (u.scheme != "ws" && u.scheme != "wss"))
        throw std::invalid_argument("tidings::websocket::client: not a ws or wss URL: " +
                                    options.url);
    for (const auto& topic : options.topics)
        if (check_pattern(topic))
            throw std::invalid_argument("tidings::websocket::client: not a pattern: " + topic);
    auto core = std::make_shared<detail::client_core>(std::move(executor), std::move(options),
                                                      std::move(sink));
    core->start();
    return core;
}

}  // namespace

client::client(net::any_io_executor executor, client_options options, any_subscriber sink)
    : core_(make_core(std::move(executor), std::move(options), std::move(sink).release())) {}

client::client(net::any_io_executor executor, client_options options)
    : core_(make_core(std::move(executor), std::move(options), nullptr)) {}

client& client::operator=(client&& o) noexcept {
    if (this != &o) {
        if (core_) core_->release();
        core_ = std::move(o.core_);
    }
    return *this;
}

client::~client() {
    if (core_) core_->release();
}

void client::stop() noexcept {
    if (core_) core_->stop();
}

position client::last_position() const {
    return core_->last_position();
}
session_ptr client::connection() const {
    return core_->current();
}
std::shared_ptr<subscriber> client::as_subscriber() const noexcept {
    return core_;
}

}  // namespace tidings::websocket
