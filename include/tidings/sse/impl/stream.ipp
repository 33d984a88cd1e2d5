// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/cloudevents_json.hpp>
#include <tidings/codec/http_chunk.hpp>
#include <tidings/codec/sse_writer.hpp>
#include <tidings/sse/detail/stream.hpp>

#include <boost/asio/error.hpp>

namespace tidings::sse::detail {

namespace {

// Wire forms by payload and framing.
constexpr char form_tags[4] = {};

}  // namespace

stream::stream(http::taken_stream taken, settings s)
    : taken_(std::move(taken)),
      settings_(std::move(s)),
      remote_address_(taken_.stream->remote_address()),
      quiet_([this] { on_quiet(); }),
      lifetime_([this] { finish({}); }) {}

stream::~stream() {
    if (feed_) feed_->stop();
}

template <class F>
void stream::in_lane(F f) {
    if (taken_.lane->running_here()) return f();
    net::post(taken_.lane->executor(), std::move(f));
}

void stream::start(std::string header, std::string first_fields) {
    send_queue::callbacks c;
    std::weak_ptr<stream> weak = self();
    c.on_room = [weak] {
        if (const auto s = weak.lock(); s && s->feed_) s->feed_->pump();
    };
    c.on_error = [weak](error_code ec) {
        if (const auto s = weak.lock()) s->end(ec);
    };
    queue_ = std::make_shared<send_queue>(taken_.lane, *taken_.stream, std::move(c),
                                          settings_.write_timeout);
    queue_->append(std::move(header));
    append(std::move(first_fields));
    if (settings_.hooks.on_open) settings_.hooks.on_open(self());
    quiet_.arm(taken_.lane->timers(), settings_.heartbeat);
    if (settings_.lifetime.count() != 0) lifetime_.arm(taken_.lane->timers(), settings_.lifetime);
    watch();
}

error_code stream::subscribe(std::shared_ptr<bus_state> bus, feed_options f) {
    feed_ = std::make_shared<feed>(std::move(bus), taken_.lane, self(), std::move(f));
    return feed_->start();
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
    pending_ = queue_->pending_bytes();
}

const void* stream::form_tag() const noexcept {
    return &form_tags[(settings_.payload == payload::data ? 2 : 0) + (settings_.chunked ? 1 : 0)];
}

error_code stream::encode(const publication& p, std::string& out) const {
    std::string text;
    std::optional<std::string_view> id;
    if (p.position()) id = p.position()->text();
    error_code ec;
    const bool control = p.topic().starts_with("tidings.");
    if (settings_.payload == payload::data) {
        const auto* bytes = p.data_bytes(ec);
        if (!ec) ec = append_sse_event(text, *bytes, p.type(), id);
    } else {
        const auto* json = cloudevents_json_without_cr(p, ec);
        if (!ec)
            ec = append_sse_event(text, *json, control ? std::string_view(p.type()) : "", id);
    }
    if (ec) return ec;
    if (settings_.chunked)
        append_chunk(out, text);
    else
        out = std::move(text);
    return {};
}

void stream::push(const event_ptr& e) noexcept {
    if (!open_) return;
    try {
        const auto* text = e->forms().find(form_tag());
        if (text == nullptr) {
            std::string bytes;
            if (encode(*e, bytes)) return;
            text = &e->forms().store(form_tag(), std::move(bytes));
        }
        queue_->append(e, *text);
        if (settings_.sent != nullptr) settings_.sent->fetch_add(1, std::memory_order_relaxed);
        pending_ = queue_->pending_bytes();
    } catch (const std::bad_alloc&) {
        end(errc::out_of_memory);
    }
}

outcome stream::deliver(const event_ptr& e) noexcept {
    if (!open_) return outcome::closed;
    if (pending_ > settings_.limits.max_bytes) return outcome::dropped;
    in_lane([s = self(), e] { s->push(e); });
    return outcome::queued;
}

error_code stream::send_text(std::string text) {
    if (!open_) return errc::closed;
    if (pending_ > settings_.limits.max_bytes) return errc::overflow;
    pending_ += text.size();
    in_lane([s = self(), t = std::move(text)]() mutable {
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

// Traffic pushes the heartbeat back; it carries the position, so that an idle client's stays fresh.
void stream::on_quiet() {
    quiet_.arm(taken_.lane->timers(), settings_.heartbeat);
    if (!open_ || std::exchange(writes_at_heartbeat_, queue_->writes() + 1) < queue_->writes())
        return;
    if (!feed_) return append(":\n\n");
    feed_->refresh([s = self()] {
        if (!s->open_) return;
        const auto& here = s->feed_->cursor();
        std::string beat;
        if (here.empty() || here == s->told_ || append_sse_id(beat, here.text())) beat = ":\n\n";
        s->told_ = here;
        s->append(std::move(beat));
    });
}

void stream::on_feed_end(error_code why) noexcept { finish(why); }

void stream::close() {
    in_lane([s = self()] { s->finish({}); });
}

void stream::cut() {
    in_lane([s = self()] { s->end(errc::closed); });
}

// The body ends in an orderly way, so that the client knows the stream was not cut.
void stream::finish(error_code why) {
    if (!open_.exchange(false)) return;
    if (feed_) feed_->stop();
    if (settings_.chunked) queue_->append(std::string(last_chunk));
    lifetime_.cancel();
    quiet_.cancel();
    queue_->when_empty([s = self(), why] {
        if (s->ended_) return;
        s->taken_.stream->start_shutdown([s, why](error_code) { s->end(why); });
    });
}

void stream::end(error_code why) {
    if (std::exchange(ended_, true)) return;
    const auto keep = self();
    open_ = false;
    quiet_.cancel();
    lifetime_.cancel();
    if (feed_) feed_->stop();
    queue_->close();
    taken_.stream->close();
    if (settings_.hooks.on_close) settings_.hooks.on_close(keep, why);
    if (auto f = std::exchange(settings_.on_end, nullptr)) f(this);
    taken_.guard.reset();
}

}  // namespace tidings::sse::detail
