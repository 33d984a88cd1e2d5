// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/control_event.hpp>
#include <tidings/http/impl/message/url.hpp>
#include <tidings/sse/impl/client_state.hpp>
#include <tidings/sse/impl/resolve_location.hpp>

#include <algorithm>

namespace tidings::sse::detail {

using namespace tidings::detail;

namespace {

bool is_redirect(unsigned status) noexcept {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// Whether a server can be asked for what follows an id. One may hold control characters, a field
// may not (RFC 9110 5.5), and a field that is larger than a server reads is refused, at every
// attempt (5.4).
bool may_be_asked_for(std::string_view id) noexcept {
    constexpr std::size_t max_bytes = 4096;
    return id.size() <= max_bytes && std::none_of(id.begin(), id.end(), [](char c) {
               return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == '\x7f';
           });
}

// A token must not travel to another host. From http to https it may: it was in the open before.
bool same_host(const http::url& from, const http::url& to) noexcept {
    const bool upgraded = from.port == 80 && to.port == 443 && to.secure();
    return from.host == to.host && (from.port == to.port || upgraded);
}

// Why an answer of 200 is no stream that can be read; success if it is one.
error_code check_stream(const http::response& head) {
    const auto encoding = head.fields.joined("content-encoding");
    if (!encoding.empty() && encoding != "identity") return errc::unsupported_encoding;
    // A type that was said twice is none.
    if (!is_sse_content_type(head.fields.joined("content-type"))) return errc::sse_bad_content_type;
    return {};
}

std::string why_refused(const http::response& head, error_code why) {
    if (why == errc::unsupported_encoding)
        return "the stream is compressed: Content-Encoding is " +
               loggable_text(head.fields.joined("content-encoding"));
    if (why == errc::sse_bad_content_type)
        return "the answer is no event stream: Content-Type is \"" +
               loggable_text(head.fields.joined("content-type")) + '"';
    return "the server answered " + std::to_string(head.status);
}

}  // namespace

client_state::client_state(const net::any_io_executor& executor, client_options options,
                           std::shared_ptr<subscriber> sink)
    : client_base(
          executor, options, std::move(sink), "sse", options.origin,
          options.last_event_id.empty() ? std::nullopt : std::optional(options.last_event_id)),
      parser_(options.limits),
      received_id_(std::move(options.last_event_id)),
      idle_([this] { react(failed(errc::timed_out), "no byte came for idle_timeout"); }),
      buffer_(16 * 1024) {
    if (may_be_asked_for(received_id_) && !parser_.set_last_event_id(received_id_)) return;
    received_id_.clear();
    handover_->restart_at(std::nullopt);
}

template <class F, class... Args>
void client_state::call(F client_options::*f, const Args&... args) noexcept {
    const auto g = listening();
    if (!g) return;
    guarded(g->options.log, module_, [&] {
        if (const auto& callback = g->options.*f) callback(args...);
    });
}

std::string client_state::place() const {
    return loggable_url(to_.url.empty() ? given_->options.url : to_.url);
}

http::request client_state::make_request() {
    const auto g = given_;
    http::request r;
    if (to_.trusted) r.fields = own_fields();
    if (!to_.as_get) {
        r.method = g->options.method;
        r.body = g->options.body;
    }
    r.fields.set("Accept", "text/event-stream").set("Cache-Control", "no-cache");
    if (!received_id_.empty()) r.fields.set("Last-Event-ID", received_id_);
    return r;
}

void client_state::connect() {
    to_ = {.url = url_with_topics(given_->options)};
    tell(connection_state::connecting, {});
    follow();
}

void client_state::follow() {
    if (!given_) return;
    auto request = make_request();
    if (!given_) return;
    connecting_ = http::detail::client_streams::open(
        http_, lane_->executor(), to_.url, request,
        [weak = weak_from_this()](error_code ec,
                                  std::unique_ptr<http::detail::streaming_response> r) {
            const auto s = weak.lock();
            if (s && !finds_memory([&] { s->on_opened(ec, std::move(r)); }))
                s->react(failed(errc::out_of_memory));
        });
}

void client_state::on_opened(error_code ec, std::unique_ptr<http::detail::streaming_response> r) {
    connecting_ = nullptr;
    if (!given_) return;
    if (ec) return react(failed(ec));
    const auto& head = r->head();
    if (is_redirect(head.status)) return redirect(head);
    if (head.status != 200 || check_stream(head)) return refuse(head);
    response_ = std::move(r);
    ++connection_;
    parser_.reset_connection();
    read_error_ = {};
    // The id of an event that was not handed on is not in force.
    if (parser_.set_last_event_id(received_id_)) return react(failed(errc::sse_bad_field));
    react({.what = reconnect_event::kind::opened});
    tell(connection_state::open, {});
    read();
}

void client_state::redirect(const http::response& head) {
    const auto location = head.fields.get("location");
    const auto give_up = [this](errc why, std::string_view cause) {
        react({.what = reconnect_event::kind::refused, .why = why}, cause);
    };
    if (location.empty()) return give_up(errc::too_many_redirects, "a redirect without Location");
    if (++to_.redirects > given_->options.max_redirects)
        return give_up(errc::too_many_redirects, "more redirects than max_redirects");
    const auto next = resolve_location(to_.url, location);
    error_code ec;
    const auto from = http::url::parse(to_.url, ec);
    const auto to = http::url::parse(next, ec);
    if (ec || (from.secure() && !to.secure()))
        return give_up(errc::bad_url, "a redirect to " + loggable_url(next));
    if (!same_host(from, to)) to_.trusted = false;
    const bool post = given_->options.method == "POST";
    if (!to_.trusted || head.status == 303 || (post && head.status <= 302)) to_.as_get = true;
    to_.url = next;
    follow();
}

void client_state::refuse(const http::response& head) {
    const auto why = head.status == 204   ? make_error_code(errc::sse_stopped)
                     : head.status == 200 ? check_stream(head)
                                          : make_error_code(errc::http_status);
    const bool again = may_ask_again(head, is_temporary(head.status));
    react(answered(head, why, again, *environment_.clock), why_refused(head, why));
}

void client_state::read() {
    const auto g = given_;
    if (!g || !response_) return;
    if (g->options.idle_timeout.count() != 0) idle_.arm(lane_->timers(), g->options.idle_timeout);
    response_->start_read(
        buffer_, [weak = weak_from_this(), connection = connection_](error_code ec, std::size_t n) {
            const auto s = weak.lock();
            if (s && s->connection_ == connection) s->on_read(ec, n);
        });
}

void client_state::on_read(error_code ec, std::size_t n) {
    if (!given_ || !response_) return;
    read_error_ = ec;
    try {
        if (n != 0) parser_.feed({reinterpret_cast<const char*>(buffer_.data()), n});
        take_items();
    } catch (const std::bad_alloc&) {
        react(failed(errc::out_of_memory));
    }
}

// What the read has brought, as far as there is room; then the stream is read on.
void client_state::take_items() {
    error_code bad;
    // An item may end the client or its connection: what the same read has brought is then dropped.
    const auto connection = connection_;
    while (given_ && connection_ == connection) {
        if (!handover_->has_room()) {
            paused_ = true;
            return idle_.cancel();
        }
        const auto item = parser_.next(bad);
        if (!item) break;
        take_item(*item);
    }
    if (connection_ != connection) return;
    if (bad)
        react({.what = reconnect_event::kind::refused, .why = bad});
    else if (read_error_)
        react(failed(read_error_));
    else
        read();
}

void client_state::on_room() {
    if (std::exchange(paused_, false) && given_ && response_) on_read(read_error_, 0);
}

void client_state::take_item(const sse_item& item) {
    const auto g = given_;
    const auto& last = parser_.last_event_id();
    const auto id = may_be_asked_for(last) ? last : received_id_;
    error_code ec;
    if (const auto* m = std::get_if<sse_message>(&item)) {
        ec = take_message(*g, *m, id);
    } else if (const auto* retry = std::get_if<sse_retry>(&item)) {
        reconnector_.set_least(retry->time);
        call(&client_options::on_retry, retry->time);
    } else if (const auto* comment = std::get_if<sse_comment>(&item)) {
        call(&client_options::on_comment, comment->text);
    } else if (const auto* skipped = std::get_if<sse_skipped>(&item)) {
        if (g->options.log)
            g->options.log({log_level::warning, module_, "an event over the limits was skipped",
                            errc::too_large});
        if (!listening()) return;
        ec = handover_->push(make_skipped_event(skipped->bytes), id);
    } else {
        handover_->pass(id);
    }
    if (ec == errc::closed) return;
    if (ec) return react(failed(ec));
    // After the event was handed on, never before.
    if (received_id_ != id) received_id_ = id;
}

error_code client_state::take_message(const given& g, const sse_message& m, const std::string& id) {
    bool taken = false;
    guarded(g.options.log, module_, [&] {
        taken = g.options.on_message && life_ != life::released && g.options.on_message(m);
    });
    if (taken) {
        handover_->pass(id);
        return {};
    }
    if (!listening()) return errc::closed;
    error_code ec;
    auto e = parse_cloudevents_json(m.data, ec);
    if (ec == errc::out_of_memory) return ec;
    if (ec) {
        e = {};
        e.event.type("sse." + m.event).source(loggable_url(g.options.url));
        e.event.data(m.data, "text/plain; charset=utf-8");
        // An id stays in force for later messages, but names only the one it came with.
        if (m.has_id) e.event.id(m.last_event_id);
    }
    auto remote = position::parse(m.last_event_id, ec);
    ec = take(g, std::move(e), std::move(remote), id);
    return ec == errc::out_of_memory ? ec : error_code();
}

void client_state::leave() noexcept {
    idle_.cancel();
    if (auto cancel = std::exchange(connecting_, nullptr)) cancel();
    if (const auto r = std::exchange(response_, nullptr)) r->close();
    paused_ = false;
    ++connection_;
}

}  // namespace tidings::sse::detail
