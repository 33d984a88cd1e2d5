// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/control_event.hpp>
#include <tidings/http/impl/message/percent.hpp>
#include <tidings/http/impl/message/retry_after.hpp>
#include <tidings/http/impl/message/url.hpp>
#include <tidings/impl/guarded.hpp>
#include <tidings/sse/impl/client_state.hpp>
#include <tidings/sse/impl/resolve_location.hpp>
#include <tidings/topic.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <stdexcept>

namespace tidings::sse {

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

bool is_redirect(unsigned status) noexcept {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// An id may hold control characters, a field may not (RFC 9110 5.5).
bool fits_in_field(std::string_view id) noexcept {
    return std::none_of(id.begin(), id.end(), [](char c) {
        return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == '\x7f';
    });
}

// A token must not travel to another host. From http to https it may: it was in the open before.
bool same_host(const http::url& from, const http::url& to) noexcept {
    const bool upgraded = from.port == 80 && to.port == 443 && to.secure();
    return from.host == to.host && (from.port == to.port || upgraded);
}

}  // namespace

client_core::client_core(net::any_io_executor executor, client_options options,
                         std::shared_ptr<subscriber> sink)
    : options_(std::move(options)),
      sink_(std::move(sink)),
      lane_(lane::make(executor, *options_.environment.clock)),
      http_(executor, http_options(options_)),
      inlet_(options_.topic, options_.origin != 0 ? options_.origin : make_origin()),
      backoff_(options_.reconnect),
      parser_(options_.limits),
      again_([this] { connect(); }),
      idle_([this] { lost(errc::timed_out); }),
      buffer_(16 * 1024),
      last_event_id_(options_.last_event_id) {
    if (parser_.set_last_event_id(last_event_id_)) last_event_id_.clear();
}

std::string client_core::own_url() const {
    std::string url = options_.url;
    char separator = url.find('?') == std::string::npos ? '?' : '&';
    for (const auto& topic : options_.topics) {
        url += std::exchange(separator, '&');
        url += "topic=" + http::percent_encode(topic);
    }
    return url;
}

void client_core::start() {
    net::post(lane_->executor(), [s = shared_from_this()] { s->connect(); });
}

template <class F, class... Args>
void client_core::call(const F& f, const Args&... args) noexcept {
    guarded(options_.log, "sse", [&] {
        if (f && !released_) f(args...);
    });
}

void client_core::tell(ready_state s, error_code ec) {
    state_ = s;
    call(options_.on_state, s, ec);
}

http::request client_core::make_request() {
    http::request r;
    if (to_.trusted) {
        r.fields = options_.fields;
        if (!options_.token.empty()) r.fields.set("Authorization", "Bearer " + options_.token);
        guarded(options_.log, "sse", [&] {
            if (options_.on_request && !released_) options_.on_request(r.fields);
        });
    }
    if (!to_.as_get) {
        r.method = options_.method;
        r.body = options_.body;
    }
    r.fields.set("Accept", "text/event-stream").set("Cache-Control", "no-cache");
    const auto id = last_event_id();
    if (!id.empty() && fits_in_field(id)) r.fields.set("Last-Event-ID", id);
    return r;
}

void client_core::connect() {
    if (stopped_) return;
    to_ = {.url = own_url()};
    tell(ready_state::connecting, {});
    follow();
}

void client_core::follow() {
    connecting_ = http_.start_open(
        lane_->executor(), to_.url, make_request(),
        [weak = weak_from_this()](error_code ec, std::unique_ptr<http::streaming_response> r) {
            if (const auto s = weak.lock()) s->on_opened(ec, std::move(r));
        });
}

void client_core::on_opened(error_code ec, std::unique_ptr<http::streaming_response> r) {
    connecting_ = nullptr;
    if (stopped_) return;
    if (ec == errc::bad_url || ec == errc::invalid_argument) return give_up(ec);
    if (ec) return lost(ec);
    const auto& head = r->head();
    if (is_redirect(head.status)) return redirect(head);
    if (head.status != 200 || !is_sse_content_type(head.fields.get("content-type")))
        return refuse(head);
    response_ = std::move(r);
    ++connection_;
    parser_.reset_connection();
    opened_ = lane_->timers().clock().now();
    tell(ready_state::open, {});
    read();
}

void client_core::redirect(const http::response& head) {
    const auto location = head.fields.get("location");
    if (location.empty() || ++to_.redirects > options_.max_redirects)
        return give_up(errc::too_many_redirects);
    const auto next = resolve_location(to_.url, location);
    error_code ec;
    const auto from = http::url::parse(to_.url, ec);
    const auto to = http::url::parse(next, ec);
    if (ec || (from.secure() && !to.secure())) return give_up(errc::bad_url);
    if (!same_host(from, to)) to_.trusted = false;
    const bool post = options_.method == "POST";
    if (!to_.trusted || head.status == 303 || (post && head.status <= 302)) to_.as_get = true;
    to_.url = next;
    follow();
}

void client_core::refuse(const http::response& head) {
    const auto why = head.status == 204   ? errc::sse_stopped
                     : head.status == 200 ? errc::sse_bad_content_type
                                          : errc::http_status;
    bool again = head.status == 408 || head.status == 429 || head.status >= 500;
    guarded(options_.log, "sse", [&] {
        if (options_.on_refused && !released_) again = options_.on_refused(head, again);
    });
    if (!again) return give_up(why);
    const auto now = options_.environment.clock->wall_now();
    const auto after = http::parse_retry_after(head.fields.get("retry-after"), now);
    lost(why, after.value_or(std::chrono::seconds(0)));
}

void client_core::read() {
    if (options_.idle_timeout.count() != 0) idle_.arm(lane_->timers(), options_.idle_timeout);
    response_->start_read(
        buffer_, [weak = weak_from_this(), connection = connection_](error_code ec, std::size_t n) {
            const auto s = weak.lock();
            if (!s || s->stopped_ || s->connection_ != connection || !s->response_) return;
            if (n != 0) s->take({reinterpret_cast<const char*>(s->buffer_.data()), n});
            if (s->stopped_ || s->connection_ != connection || !s->response_) return;
            ec ? s->lost(ec) : s->read();
        });
}

void client_core::take(std::string_view bytes) {
    parser_.feed(bytes);
    error_code ec;
    while (!stopped_) {
        const auto item = parser_.next(ec);
        if (!item) break;
        take_item(*item);
    }
    if (ec) give_up(ec);
}

void client_core::take_item(const sse_item& item) {
    if (const auto* m = std::get_if<sse_message>(&item)) {
        backoff_.reset();
        take_message(*m);
        learn(m->last_event_id);
    } else if (const auto* id = std::get_if<sse_id>(&item)) {
        learn(id->last_event_id);
    } else if (const auto* retry = std::get_if<sse_retry>(&item)) {
        backoff_.set_least(retry->time);
        call(options_.on_retry, retry->time);
    } else if (const auto* comment = std::get_if<sse_comment>(&item)) {
        call(options_.on_comment, comment->text);
    }
}

void client_core::take_message(const sse_message& m) {
    bool taken = false;
    guarded(options_.log, "sse",
            [&] { taken = options_.on_message && !released_ && options_.on_message(m); });
    if (taken || !sink_) return;
    error_code ec;
    auto e = parse_cloudevents_json(m.data, ec);
    if (ec) {
        ec = {};
        e = {};
        e.event.type("sse." + m.event).source(options_.url.substr(0, options_.url.find('?')));
        e.event.data(m.data, "text/plain; charset=utf-8");
        // An id stays in force for later messages, but names only the one it came with.
        if (m.last_event_id != last_event_id()) e.event.id(m.last_event_id);
    }
    const bool control = is_control(e.topic);
    const auto topic = control ? e.topic : inlet_.topic_of(e, ec);
    event_ptr p;
    if (!ec) p = inlet_.make(topic, std::move(e), ec);
    if (!ec) return inlet::hand_over(*sink_, p, options_.log, "sse");
    if (options_.log) options_.log({log_level::warning, "sse", "event refused", ec});
}

void client_core::learn(const std::string& id) {
    const std::lock_guard lock(mutex_);
    last_event_id_ = id;
}

void client_core::disconnect() noexcept {
    idle_.cancel();
    if (const auto r = std::exchange(response_, nullptr)) r->close();
    ++connection_;
}

void client_core::lost(error_code why, std::chrono::milliseconds asked) {
    const bool was_open = response_ != nullptr;
    disconnect();
    if (was_open && lane_->timers().clock().now() - opened_ >= backoff::lasting) backoff_.reset();
    if (!options_.reconnect.enabled) return give_up(why);
    tell(ready_state::waiting, why);
    again_.arm(lane_->timers(), backoff_.next(options_.environment.random->next(), asked));
}

void client_core::give_up(error_code why) {
    stopped_ = true;
    disconnect();
    again_.cancel();
    if (options_.log && why != errc::closed)
        options_.log({log_level::warning, "sse", "the client gives up", why});
    tell(ready_state::closed, why);
}

void client_core::stop() noexcept {
    try {
        net::post(lane_->executor(), [s = shared_from_this()] {
            if (s->stopped_) return;
            if (auto cancel = std::exchange(s->connecting_, nullptr)) cancel();
            s->give_up(errc::closed);
        });
    } catch (const std::bad_alloc&) {
        return;  // it ends with the context
    }
}

void client_core::release() noexcept {
    released_ = true;
    stop();
}

std::string client_core::last_event_id() const {
    const std::lock_guard lock(mutex_);
    return last_event_id_;
}

}  // namespace detail

namespace {

std::shared_ptr<detail::client_core> make_core(net::any_io_executor executor,
                                               client_options options,
                                               std::shared_ptr<subscriber> sink) {
    error_code ec;
    const auto u = http::url::parse(options.url, ec);
    if (ec || (u.scheme != "http" && u.scheme != "https"))
        throw std::invalid_argument("tidings::sse::client: not an http or https URL: " +
                                    options.url);
    for (const auto& topic : options.topics)
        if (check_pattern(topic))
            throw std::invalid_argument("tidings::sse::client: not a pattern: " + topic);
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

std::string client::last_event_id() const {
    return core_->last_event_id();
}
ready_state client::state() const noexcept {
    return core_->state();
}

}  // namespace tidings::sse
