// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/cloudevents_json.hpp>
#include <tidings/codec/sse_writer.hpp>
#include <tidings/http/impl/message/http_chunk.hpp>
#include <tidings/impl/guarded.hpp>
#include <tidings/sse/impl/sse_session.hpp>
#include <tidings/text/utf8.hpp>

#include <boost/asio/error.hpp>

namespace tidings::sse::detail {

using namespace tidings::detail;

namespace {

// Wire forms by payload and framing.
constexpr char form_tags[4] = {};

// How long a peer has to take the end of the body and close.
constexpr std::chrono::milliseconds linger_timeout{5'000};

}  // namespace

stream::stream(http::taken_stream taken, settings s)
    : taken_(std::move(taken)),
      settings_(std::move(s)),
      remote_address_(taken_.stream->remote_address()),
      quiet_([this] { on_quarter(); }),
      limit_([this] { open_ ? finish({}) : end(errc::timed_out); }) {
    queue_ = std::make_shared<send_queue>(taken_.lane, *taken_.stream, settings_.write_timeout);
    taken_.leftover = {};  // what a client sends beyond its request is not for us
}

stream::~stream() {
    if (feed_) feed_->stop();
}

const http::request& stream::request() const noexcept {
    static const http::request none;
    return settings_.request ? *settings_.request : none;
}

// Runs `f`, which appends about so many bytes, in the lane: at once when we are there.
template <class F>
void stream::in_lane(std::size_t bytes, F f) {
    if (taken_.lane->running_here()) return f();
    queue_->expect(bytes);
    taken_.lane->post([s = self(), bytes, f = std::move(f)]() mutable {
        s->queue_->arrived(bytes);
        f();
    });
}

void stream::start(std::string header, std::string first_fields) {
    watch_context(taken_.lane->executor(), self());
    std::weak_ptr<stream> weak = self();
    queue_->listen({.on_room =
                        [weak] {
                            if (const auto s = weak.lock(); s && s->feed_) s->feed_->pump();
                        },
                    .on_error =
                        [weak](error_code ec) {
                            if (const auto s = weak.lock()) s->end(ec);
                        }});
    queue_->append(std::move(header));
    append(std::move(first_fields));
    auto& timers = taken_.lane->timers();
    if (settings_.heartbeat.count() != 0) quiet_.arm(timers, settings_.heartbeat / 4);
    if (settings_.lifetime.count() != 0) limit_.arm(timers, settings_.lifetime);
    const auto opened = [this, hooks = settings_.hooks] {
        if (hooks && hooks->on_open) hooks->on_open(self());
    };
    if (!guarded(settings_.log, "sse", opened)) finish(errc::callback_threw);
    watch();
}

error_code stream::subscribe(std::shared_ptr<bus_state> bus, feed_options f) {
    const bool resumes = f.after.has_value();
    feed_ = std::make_shared<feed>(std::move(bus), taken_.lane, self(), std::move(f));
    const auto ec = feed_->start();
    // So that the client can resume even if it is cut before the first event.
    if (!ec && !resumes && !feed_->cursor().empty()) beat();
    return ec;
}

// A read is always pending: the peer's end is noticed without a write. What it sends is ignored.
void stream::watch() noexcept {
    if (ended_) return;
    taken_.stream->start_read(ignored_, [s = self()](error_code ec, std::size_t) {
        if (s->ended_) return;
        ec ? s->end(ec) : s->watch();
    });
}

void stream::append(std::string text) {
    if (settings_.chunked) {
        std::string chunk;
        append_chunk(chunk, text);
        text = std::move(chunk);
    }
    queue_->append(std::move(text));
}

const void* stream::form_tag() const noexcept {
    return &form_tags[(settings_.payload == payload::data ? 2 : 0) + (settings_.chunked ? 1 : 0)];
}

error_code stream::encode(const publication& p, std::string& out) const {
    std::string text;
    const auto position = p.position() ? p.position()->text() : std::string();
    std::optional<std::string_view> id;
    if (p.position()) id = position;
    error_code ec;
    const bool control = is_control(p.topic());
    if (settings_.payload == payload::data) {
        const auto* bytes = p.data_bytes(ec);
        if (!ec && !is_valid_utf8(*bytes)) ec = errc::invalid_utf8;
        if (!ec) ec = append_sse_event(text, *bytes, p.type(), id);
    } else {
        const auto* json = cloudevents_json_without_cr(p, ec);
        if (!ec) ec = append_sse_event(text, *json, control ? std::string_view(p.type()) : "", id);
    }
    if (ec) return ec;
    if (settings_.chunked)
        append_chunk(out, text);
    else
        out = std::move(text);
    return {};
}

void stream::push(const event_ptr& e) noexcept {
    if (open_) guarded(settings_.log, "sse", [&] { encode_and_append(e); });
}

void stream::encode_and_append(const event_ptr& e) {
    const auto* text = e->forms().find(form_tag());
    if (text == nullptr) {
        std::string bytes;
        if (const auto ec = encode(*e, bytes)) {
            if (settings_.unsent != nullptr) ++*settings_.unsent;
            if (settings_.log) settings_.log({log_level::warning, "sse", e->topic(), ec});
            return;
        }
        text = &e->forms().store(form_tag(), std::move(bytes));
    }
    queue_->append(e, *text);
    if (settings_.sent != nullptr) settings_.sent->fetch_add(1, std::memory_order_relaxed);
}

outcome stream::deliver(const event_ptr& e) noexcept {
    if (!open_) return outcome::closed;
    if (queue_->over(settings_.limits.max_bytes)) {
        ++missed_;
        return outcome::dropped;
    }
    const auto push_here = [s = self(), e] {
        if (const auto missed = s->missed_.exchange(0)) s->push(make_lagged_event(missed));
        s->push(e);
    };
    const bool handed_over =
        guarded(settings_.log, "sse", [&] { in_lane(queue_cost(e), push_here); });
    return handed_over ? outcome::queued : outcome::dropped;
}

error_code stream::send_text(std::string text) {
    if (!open_) return errc::closed;
    if (queue_->over(settings_.limits.max_bytes)) return errc::overflow;
    const auto bytes = text.size();
    in_lane(bytes, [s = self(), t = std::move(text)]() mutable {
        if (s->open_) s->append(std::move(t));
    });
    return {};
}

error_code stream::send(std::string_view data, std::string_view event,
                        std::optional<std::string_view> id) {
    std::string text;
    if (const auto ec = append_sse_event(text, data, event, id)) return ec;
    return send_text(std::move(text));
}

error_code stream::comment(std::string_view text) {
    std::string line;
    append_sse_comment(line, text);
    return send_text(std::move(line));
}

error_code stream::retry(std::chrono::milliseconds after) {
    std::string field;
    append_sse_retry(field, after);
    return send_text(std::move(field));
}

// Looked at four times in a heartbeat, so that traffic costs nothing and yet no silence is longer.
void stream::on_quarter() {
    quiet_.arm(taken_.lane->timers(), settings_.heartbeat / 4);
    const auto writes = queue_->writes();
    if (std::exchange(writes_seen_, writes) != writes) {
        quiet_quarters_ = 0;
        return;
    }
    if (++quiet_quarters_ != 3) return;
    feed_ ? feed_->refresh([s = self()] { s->beat(); }) : beat();
}

// It carries the position, so that an idle client's stays fresh.
void stream::beat() {
    if (!open_) return;
    std::string text;
    const auto here = feed_ ? feed_->cursor() : position();
    if (here.empty() || here == told_ || append_sse_id(text, here.text())) text = ":\n\n";
    told_ = here;
    append(std::move(text));
}

void stream::on_feed_end(error_code why) noexcept {
    finish(why);
}

void stream::close() {
    in_lane(0, [s = self()] { s->finish({}); });
}

void stream::cut() {
    in_lane(0, [s = self()] { s->end({}); });
}

// The body ends in an orderly way, so that the client knows the stream was not cut; then we wait
// for it to close. Closing a socket with unread bytes would reset the connection under our last
// words.
void stream::finish(error_code why) {
    if (!open_.exchange(false)) return;
    why_ = why;
    if (feed_) feed_->stop();
    quiet_.cancel();
    limit_.cancel();
    if (settings_.chunked) queue_->append(std::string(last_chunk));
    queue_->when_empty([s = self()] {
        if (s->ended_) return;
        s->limit_.arm(s->taken_.lane->timers(), linger_timeout);
        s->taken_.stream->start_shutdown([](error_code) {});
    });
}

void stream::end(error_code why) {
    if (std::exchange(ended_, true)) return;
    const auto keep = self();
    if (open_.exchange(false)) why_ = why;
    quiet_.cancel();
    limit_.cancel();
    if (feed_) feed_->stop();
    queue_->close();
    taken_.stream->close();
    const auto hooks = std::exchange(settings_.hooks, nullptr);  // which may hold us
    guarded(settings_.log, "sse", [&] {
        if (hooks && hooks->on_close) hooks->on_close(keep, why_);
    });
    if (auto f = std::exchange(settings_.on_end, nullptr)) f(this);
    taken_.guard.reset();
}

// No hook and no metric is called.
void stream::on_context_end() noexcept {
    ended_ = true;
    open_ = false;
    if (feed_) feed_->stop();
    queue_->close();
    taken_.stream.reset();
    taken_.guard.reset();
    settings_.hooks.reset();
    settings_.on_end = nullptr;
}

}  // namespace tidings::sse::detail
