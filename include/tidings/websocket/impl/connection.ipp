// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/guarded.hpp>
#include <tidings/detail/json_text.hpp>
#include <tidings/websocket/detail/connection.hpp>

#include <boost/asio/error.hpp>

namespace tidings::websocket::detail {

connection::connection(http::taken_stream taken, connection_options options, origin_id origin)
    : taken_(std::move(taken)),
      options_(std::move(options)),
      origin_(origin),
      remote_address_(taken_.stream->remote_address()),
      parser_(options_.role, {.max_message_bytes = options_.max_message_bytes}),
      silence_([this] { on_silence(); }),
      closing_([this] { end(errc::timed_out); }) {
    queue_ = std::make_shared<send_queue>(taken_.lane, *taken_.stream, options_.write_timeout);
}

connection::~connection() {
    if (feed_) feed_->stop();
}

const websocket::hooks& connection::hooks() const noexcept {
    static const websocket::hooks none;
    return options_.hooks && !muted_ ? *options_.hooks : none;
}

// Runs `f`, which appends about so many bytes, in the lane: at once when we are there.
template <class F>
void connection::in_lane(std::size_t bytes, F f) {
    if (taken_.lane->running_here()) return f();
    queue_->expect(bytes);
    net::post(taken_.lane->executor(), [s = self(), bytes, f = std::move(f)]() mutable {
        s->queue_->arrived(bytes);
        f();
    });
}

void connection::start(std::string first) {
    watch_context(taken_.lane->executor(), self());
    std::weak_ptr<connection> weak = self();
    queue_->listen({.on_room =
                        [weak] {
                            if (const auto s = weak.lock()) s->on_room();
                        },
                    .on_error =
                        [weak](error_code ec) {
                            if (const auto s = weak.lock()) s->end(ec);
                        }});
    if (!first.empty()) queue_->append(std::move(first));
    expect_bytes();
    const auto opened = [this, keep = options_.hooks] {
        if (const auto& f = hooks().on_open) f(self());
    };
    if (!guarded(options_.log, "websocket", opened)) fail(errc::callback_threw, 1011);
}

error_code connection::subscribe(std::shared_ptr<bus_state> bus, feed_options f) {
    f.origin = origin_;
    const bool resumes = f.after.has_value();
    feed_ = std::make_shared<feed>(std::move(bus), taken_.lane, self(), std::move(f));
    const auto ec = feed_->start();
    // So that the peer can resume even if it is cut before the first event.
    if (!ec && !resumes && !feed_->cursor().empty()) ping_with_cursor();
    return ec;
}

void connection::serve() {
    auto leftover = std::exchange(taken_.leftover, {});
    if (!leftover.empty()) take_bytes(std::as_writable_bytes(std::span(leftover)));
    read();
}

// Reading: one wait, then everything that is there, every frame of a read before anything is
// flushed.
void connection::read() noexcept {
    if (ended_) return;
    if (taken_.stream->can_poll()) {
        taken_.stream->start_wait(io::wait_for::readable, [s = self()](error_code ec) {
            if (s->ended_) return;
            ec ? s->on_read_end(ec) : s->read_ready();
        });
        return;
    }
    if (read_buffer_.empty()) read_buffer_.resize(16 * 1024);
    taken_.stream->start_read(read_buffer_, [s = self()](error_code ec, std::size_t n) {
        if (s->ended_) return;
        if (ec) return s->on_read_end(ec);
        if (s->take_bytes(std::span(s->read_buffer_).first(n))) s->read();
    });
}

void connection::read_ready() noexcept {
    // A few reads a turn: a peer that sends without end must not hold up the others.
    for (int i = 0; i < 4; ++i) {
        error_code ec;
        const auto buffer = taken_.lane->receive_buffer();
        const auto n = taken_.stream->try_read(buffer, ec);
        if (ec == net::error::would_block || ec == net::error::try_again) break;
        if (ec) return on_read_end(ec);
        if (!take_bytes(buffer.first(n))) return;
        if (n < buffer.size()) break;
    }
    read();
}

// A peer that has ended its side may still wait for our last words.
void connection::on_read_end(error_code ec) {
    const bool last_words = !sending_ && !queue_->empty();
    if (ec != net::error::eof || !last_words) return end(ec);
    queue_->when_empty([s = self(), ec] { s->end(ec); });
}

// False when it ended.
bool connection::take_bytes(std::span<std::byte> bytes) noexcept {
    expect_bytes();
    if (peer_closed_ || broken_) return true;  // lingering: what comes is not for us any more
    parser_.feed(bytes);
    error_code ec;
    // A hook may end us, and we let go of the hooks at our end.
    const auto take_items = [&, keep = options_.hooks] {
        while (!ended_) {
            const auto item = parser_.next(ec);
            if (!item) return;
            take_item(*item);
        }
    };
    if (!guarded(options_.log, "websocket", take_items)) ec = errc::callback_threw;
    if (ec && !ended_) fail(ec, close_code_for(ec));
    return !ended_;
}

void connection::take_item(const websocket_item& item) {
    switch (item.opcode) {
        case websocket_opcode::ping:
            if (const auto& f = hooks().on_ping) f(self(), item.text());
            return answer_ping(item.text());
        case websocket_opcode::pong:
            if (const auto& f = hooks().on_pong) f(self(), item.text());
            return;
        case websocket_opcode::close:
            return take_close(item);
        default:
            return take_message(item);
    }
}

// Of several pings the last needs an answer (RFC 6455 5.5.3): for a peer that sends them and does
// not read, one pong waits and not a pile of them.
void connection::answer_ping(std::string_view payload) {
    if (!sending_) return;
    if (queue_->ready())
        append_frame(websocket_opcode::pong, payload);
    else
        pong_.emplace(payload);
}

void connection::on_room() {
    if (const auto payload = std::exchange(pong_, std::nullopt); payload && sending_)
        append_frame(websocket_opcode::pong, *payload);
    if (feed_) feed_->pump();
}

void connection::take_message(const websocket_item& item) {
    if (!sending_) return;  // RFC 6455 5.5.1: we are closing
    const bool binary = item.opcode == websocket_opcode::binary;
    if (const auto& f = hooks().on_message; f && f(self(), {item.text(), binary})) return;
    if (!options_.codec) return;
    error_code ec;
    auto event = options_.codec->decode(item.text(), binary, ec);
    const auto id = event.event.id();
    if (!ec) ec = options_.on_event ? options_.on_event(std::move(event)) : errc::forbidden;
    if (ec) refuse(id, ec);
}

// The peer is told in band, by an event it can match with the one it sent.
void connection::refuse(std::string_view id, error_code why) {
    if (options_.log) options_.log({log_level::warning, "websocket", "message refused", why});
    if (is_client() || !sending_) return;
    if (queue_->over(options_.limits.max_bytes)) return on_feed_end(errc::lagging);
    tidings::event answer("tidings.refused", "/tidings");
    std::string data = R"({"id":)";
    append_json_string(data, id);
    data += R"(,"error":)";
    append_json_string(data, why.message());
    data += '}';
    answer.data(std::move(data), "application/json");
    error_code ec;
    if (const auto p = publication::make("tidings.refused", std::move(answer), {}, ec)) push(p);
}

void connection::take_close(const websocket_item& item) {
    peer_closed_ = true;
    if (!why_.error) why_ = {item.close_code, std::string(item.text()), {}};
    if (sending_) send_close(item.close_code == 1005 ? 1000 : item.close_code, item.text());
    linger();
}

void connection::append_frame(websocket_opcode opcode, std::string_view payload) {
    std::string frame;
    if (is_client())
        append_websocket_frame(frame, opcode, payload, next_mask());
    else
        append_websocket_frame(frame, opcode, payload);
    queue_->append(std::move(frame));
}

websocket_mask_key connection::next_mask() {
    return {static_cast<std::uint32_t>(options_.random->next())};
}

void connection::push(const event_ptr& e) noexcept {
    if (!sending_ || !options_.codec) return;
    guarded(options_.log, "websocket", [&] { encode_and_append(e); });
}

void connection::encode_and_append(const event_ptr& e) {
    const auto& codec = *options_.codec;
    const auto opcode = codec.binary() ? websocket_opcode::binary : websocket_opcode::text;
    // The frame is shared by everyone who speaks this codec; a client's is masked anew.
    const form_key key(&frame_form, codec.number());
    const auto* frame = is_client() ? nullptr : e->forms().find(key);
    if (frame == nullptr) {
        error_code ec;
        const auto message = codec.encode(*e, ec);
        if (ec) {
            if (options_.unsent != nullptr) ++*options_.unsent;
            if (options_.log) options_.log({log_level::warning, "websocket", e->topic(), ec});
            return;
        }
        if (is_client()) return append_frame(opcode, message);
        std::string bytes;
        append_websocket_frame(bytes, opcode, message);
        frame = &e->forms().store(key, std::move(bytes));
    }
    queue_->append(e, *frame);
    if (options_.sent != nullptr) options_.sent->fetch_add(1, std::memory_order_relaxed);
}

outcome connection::deliver(const event_ptr& e) noexcept {
    if (!open_) return outcome::closed;
    if (!options_.codec) return outcome::dropped;
    if (queue_->over(options_.limits.max_bytes)) {
        ++missed_;
        return outcome::dropped;
    }
    const auto push_here = [s = self(), e] {
        if (const auto missed = s->missed_.exchange(0); missed != 0 && !s->is_client())
            s->push(make_lagged_event(missed));
        s->push(e);
    };
    const bool handed_over =
        guarded(options_.log, "websocket", [&] { in_lane(queue_cost(e), push_here); });
    return handed_over ? outcome::queued : outcome::dropped;
}

error_code connection::send(websocket_opcode opcode, std::string_view payload) {
    if (!open_) return errc::closed;
    const bool control = opcode == websocket_opcode::ping;
    if (!control && queue_->over(options_.limits.max_bytes)) return errc::overflow;
    in_lane(payload.size(), [s = self(), opcode, bytes = std::string(payload)] {
        if (s->sending_) s->append_frame(opcode, bytes);
    });
    return {};
}

error_code connection::send_text(std::string_view text) {
    if (!is_valid_utf8(text)) return errc::invalid_utf8;
    return send(websocket_opcode::text, text);
}

error_code connection::send_binary(std::string_view bytes) {
    return send(websocket_opcode::binary, bytes);
}

error_code connection::ping(std::string_view payload) {
    if (payload.size() > max_websocket_control_bytes) return errc::ws_control_too_long;
    return send(websocket_opcode::ping, payload);
}

void connection::close(std::uint16_t code, std::string_view reason) {
    in_lane(0, [s = self(), code, text = std::string(reason)] {
        if (!s->sending_) return;
        s->send_close(code, text);
        s->closing_.arm(s->taken_.lane->timers(), s->options_.close_timeout);
    });
}

void connection::cut() {
    in_lane(0, [s = self()] { s->end(errc::closed); });
}

void connection::send_close(std::uint16_t code, std::string_view reason) {
    std::string frame;
    if (is_client())
        append_websocket_close(frame, code, reason, next_mask());
    else
        append_websocket_close(frame, code, reason);
    queue_->append(std::move(frame));
    sending_ = false;
    open_ = false;
    silence_.cancel();
    if (feed_) feed_->stop();
}

void connection::close_for(error_code why, std::uint16_t code) {
    why_ = {code, why.message(), why};
    if (sending_) send_close(code, why_.reason);
}

// We break it off: the peer is told why, and may read it before the connection goes.
void connection::fail(error_code why, std::uint16_t code) {
    broken_ = true;
    close_for(why, code);
    linger();
}

void connection::on_feed_end(error_code why) noexcept {
    if (!sending_) return;
    close_for(why, why == errc::lagging          ? close_lagging
                   : why == errc::history_failed ? close_history_failed
                                                 : 1001);
    closing_.arm(taken_.lane->timers(), options_.close_timeout);
}

// All is said: we end our side and wait for the peer to end its own. Closing a socket with unread
// bytes would reset the connection under our last words.
void connection::linger() {
    closing_.arm(taken_.lane->timers(), options_.close_timeout);
    queue_->when_empty([s = self()] {
        if (!s->ended_) s->taken_.stream->start_shutdown([](error_code) {});
    });
}

void connection::expect_bytes() {
    waiting_pong_ = false;
    if (sending_ && options_.ping_interval.count() != 0)
        silence_.arm(taken_.lane->timers(), options_.ping_interval);
}

void connection::on_silence() {
    if (waiting_pong_) return end(errc::timed_out);
    waiting_pong_ = true;
    silence_.arm(taken_.lane->timers(), options_.pong_timeout);
    if (!feed_) return append_frame(websocket_opcode::ping, {});
    feed_->refresh([s = self()] { s->ping_with_cursor(); });
}

void connection::ping_with_cursor() {
    if (!sending_) return;
    const std::string_view at = feed_->cursor().text();
    append_frame(websocket_opcode::ping,
                 at.size() <= max_websocket_control_bytes ? at : std::string_view());
}

void connection::end(error_code why) {
    if (std::exchange(ended_, true)) return;
    const auto keep = self();
    sending_ = false;
    open_ = false;
    silence_.cancel();
    closing_.cancel();
    if (feed_) feed_->stop();
    queue_->close();
    taken_.stream->close();
    if (!peer_closed_ && !why_.error) why_ = {1006, {}, why ? why : make_error_code(errc::closed)};
    guarded(options_.log, "websocket", [&] {
        if (const auto& f = hooks().on_close) f(keep, why_);
    });
    options_.hooks.reset();  // which may hold us
    if (auto f = std::exchange(options_.on_end, nullptr)) f(this);
    taken_.guard.reset();
}

// Nothing is told to anybody.
void connection::on_context_end() noexcept {
    ended_ = true;
    sending_ = false;
    open_ = false;
    if (feed_) feed_->stop();
    queue_->close();
    taken_.stream.reset();
    taken_.guard.reset();
    options_.hooks.reset();
    options_.on_event = nullptr;
    options_.on_end = nullptr;
}

}  // namespace tidings::websocket::detail
