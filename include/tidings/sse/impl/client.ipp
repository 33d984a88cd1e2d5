// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/percent.hpp>
#include <tidings/http/retry_after.hpp>
#include <tidings/http/url.hpp>
#include <tidings/sse/detail/client_core.hpp>
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

// RFC 3986 5.2, for what a Location holds: absolute, scheme-relative, or a path.
std::string resolve_location(const std::string& base, std::string_view location) {
    if (location.find("://") != std::string_view::npos) return std::string(location);
    error_code ec;
    const auto u = http::url::parse(base, ec);
    if (location.starts_with("//")) return u.scheme + ":" + std::string(location);
    const auto origin = u.scheme + "://" + u.authority();
    if (location.starts_with('/')) return origin + std::string(location);
    const auto path = u.target.substr(0, u.target.find('?'));
    return origin + path.substr(0, path.rfind('/') + 1) + std::string(location);
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
      parser_(options_.limits),
      again_([this] { connect(); }),
      idle_([this] { lost(errc::timed_out); }),
      buffer_(16 * 1024),
      last_event_id_(options_.last_event_id) {
    if (parser_.set_last_event_id(last_event_id_)) last_event_id_.clear();
    url_ = start_url();
}

std::string client_core::start_url() const {
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

void client_core::tell(ready_state s, error_code ec) {
    state_ = s;
    if (options_.on_state) options_.on_state(s, ec);
}

http::request client_core::make_request() const {
    http::request r;
    r.method = options_.method;
    r.body = options_.body;
    r.fields = options_.fields;
    r.fields.set("Accept", "text/event-stream").set("Cache-Control", "no-cache");
    if (!options_.token.empty()) r.fields.set("Authorization", "Bearer " + options_.token);
    const auto id = last_event_id();
    if (!id.empty()) r.fields.set("Last-Event-ID", id);
    return r;
}

void client_core::connect() {
    if (stopped_) return;
    if (redirects_ == 0) tell(ready_state::connecting, {});
    connecting_ = http_.start_open(
        lane_->executor(), url_, make_request(),
        [weak = weak_from_this()](error_code ec, std::unique_ptr<http::streaming_response> r) {
            if (const auto s = weak.lock()) s->on_opened(ec, std::move(r));
        });
}

void client_core::on_opened(error_code ec, std::unique_ptr<http::streaming_response> r) {
    connecting_ = nullptr;
    if (stopped_) return;
    if (ec) return ec == errc::bad_url ? give_up(ec) : lost(ec);
    const auto& head = r->head();
    if (is_redirect(head.status)) return redirect(head);
    redirects_ = 0;
    if (head.status != 200) return refuse(head);
    if (!is_sse_content_type(head.fields.get("content-type")))
        return give_up(errc::sse_bad_content_type);
    response_ = std::move(r);
    ++connection_;
    parser_.reset_connection();
    backoff_.reset();
    tell(ready_state::open, {});
    read();
}

void client_core::redirect(const http::response& head) {
    const auto location = head.fields.get("location");
    if (location.empty() || ++redirects_ > options_.max_redirects)
        return give_up(errc::too_many_redirects);
    const auto next = resolve_location(url_, location);
    error_code ec;
    const auto from = http::url::parse(url_, ec);
    const auto to = http::url::parse(next, ec);
    // A token must not travel to another host, nor a secure request become a plain one.
    if (ec || (from.secure() && !to.secure())) return give_up(ec ? ec : errc::bad_url);
    if (from.authority() != to.authority()) {
        options_.token.clear();
        options_.fields.erase("authorization");
        options_.fields.erase("cookie");
    }
    url_ = next;
    connect();
}

void client_core::refuse(const http::response& head) {
    if (head.status == 204) return give_up(errc::sse_stopped);
    if (head.status != 408 && head.status != 429 && head.status < 500)
        return give_up(errc::http_status);
    const auto now = options_.environment.clock->wall_now();
    const auto after = http::parse_retry_after(head.fields.get("retry-after"), now);
    lost(errc::http_status, after.value_or(std::chrono::seconds(0)));
}

void client_core::read() {
    if (options_.idle_timeout.count() != 0) idle_.arm(lane_->timers(), options_.idle_timeout);
    response_->start_read(buffer_, [weak = weak_from_this(), connection = connection_](
                                       error_code ec, std::size_t n) {
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
    while (auto item = parser_.next(ec))
        if (!take_item(std::move(*item))) return;
    if (ec) lost(ec);
}

// False when a callback stopped us.
bool client_core::take_item(sse_item&& item) {
    if (const auto* m = std::get_if<sse_message>(&item)) {
        take_message(*m);
        learn(m->last_event_id);
    } else if (const auto* id = std::get_if<sse_id>(&item)) {
        learn(id->last_event_id);
    } else if (const auto* retry = std::get_if<sse_retry>(&item)) {
        backoff_.set_initial(retry->time);
        if (options_.on_retry) options_.on_retry(retry->time);
    } else if (const auto* comment = std::get_if<sse_comment>(&item)) {
        if (options_.on_comment) options_.on_comment(comment->text);
    }
    return !stopped_;
}

void client_core::take_message(const sse_message& m) {
    if (options_.on_message && options_.on_message(m)) return;
    if (!sink_) return;
    error_code ec;
    auto e = parse_cloudevents_json(m.data, ec);
    if (ec) {
        ec = {};
        e = {};
        e.event.type("sse." + m.event).source(options_.url);
        e.event.data(m.data, "text/plain; charset=utf-8");
        if (!m.last_event_id.empty()) e.event.id(m.last_event_id);
    }
    const bool control = e.topic.starts_with("tidings.");
    const auto topic = control ? e.topic : inlet_.topic_of(e, ec);
    event_ptr p;
    if (!ec) p = inlet_.make(topic, std::move(e), ec);
    if (p) sink_->deliver(p);
    if (ec && options_.log) options_.log({log_level::warning, "sse", "event refused", ec});
}

void client_core::learn(const std::string& id) {
    const std::lock_guard lock(mutex_);
    last_event_id_ = id;
}

void client_core::lost(error_code why, std::chrono::milliseconds at_least) {
    idle_.cancel();
    if (auto r = std::exchange(response_, nullptr)) r->close();
    ++connection_;
    redirects_ = 0;
    if (!options_.reconnect.enabled) return give_up(why);
    tell(ready_state::waiting, why);
    if (stopped_) return;
    const auto wait = backoff_.next(options_.environment.random->next());
    again_.arm(lane_->timers(), std::max(wait, at_least));
}

void client_core::give_up(error_code why) {
    stopped_ = true;
    idle_.cancel();
    again_.cancel();
    if (auto r = std::exchange(response_, nullptr)) r->close();
    if (options_.log && why != errc::closed)
        options_.log({log_level::warning, "sse", options_.url, why});
    tell(ready_state::closed, why);
}

void client_core::stop() noexcept {
    net::post(lane_->executor(), [s = shared_from_this()] {
        if (s->stopped_) return;
        if (auto cancel = std::exchange(s->connecting_, nullptr)) cancel();
        s->give_up(errc::closed);
    });
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
        stop();
        core_ = std::move(o.core_);
    }
    return *this;
}

client::~client() { stop(); }

void client::stop() noexcept {
    if (core_) core_->stop();
}

std::string client::last_event_id() const { return core_->last_event_id(); }
ready_state client::state() const noexcept { return core_->state(); }

}  // namespace tidings::sse
