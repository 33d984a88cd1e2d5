// SPDX-License-Identifier: BSL-1.0
#pragma once

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
      closing_([this] { end(errc::timed_out); }) {}

connection::~connection() {
    if (feed_) feed_->stop();
}

// Runs `f` in the lane: at once when we are there.
template <class F>
void connection::in_lane(F f) {
    if (taken_.lane->running_here()) return f();
    net::post(taken_.lane->executor(), std::move(f));
}

void connection::start(std::string first) {
    send_queue::callbacks c;
    std::weak_ptr<connection> weak = self();
    c.on_room = [weak] {
        if (const auto s = weak.lock(); s && s->feed_) s->feed_->pump();
    };
    c.on_error = [weak](error_code ec) {
        if (const auto s = weak.lock()) s->end(ec);
    };
    queue_ = std::make_shared<send_queue>(taken_.lane, *taken_.stream, std::move(c),
                                          options_.write_timeout);
    if (!first.empty()) queue_->append(std::move(first));
    if (options_.hooks.on_open) options_.hooks.on_open(self());
    silence_.arm(taken_.lane->timers(), options_.ping_interval);
    auto leftover = std::exchange(taken_.leftover, {});
    if (!leftover.empty() && !take_bytes(std::as_writable_bytes(std::span(leftover)))) return;
    read();
}

error_code connection::subscribe(std::shared_ptr<bus_state> bus, feed_options f) {
    f.origin = origin_;
    feed_ = std::make_shared<feed>(std::move(bus), taken_.lane, self(), std::move(f));
    return feed_->start();
}

// Reading: one wait, then everything that is there, every frame of a read before anything is flushed.
void connection::read() noexcept {
    if (ended_) return;
    if (taken_.stream->can_poll()) {
        taken_.stream->start_wait(io::wait_for::readable, [s = self()](error_code ec) {
            if (s->ended_) return;
            ec ? s->end(ec) : s->read_ready();
        });
        return;
    }
    if (read_buffer_.empty()) read_buffer_.resize(16 * 1024);
    taken_.stream->start_read(read_buffer_, [s = self()](error_code ec, std::size_t n) {
        if (s->ended_) return;
        if (ec) return s->end(ec);
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
        if (ec) return end(ec);
        if (!take_bytes(buffer.first(n))) return;
        if (n < buffer.size()) break;
    }
    read();
}

// False when nothing more is to be read.
bool connection::take_bytes(std::span<std::byte> bytes) noexcept {
    waiting_pong_ = false;
    if (sending_) silence_.arm(taken_.lane->timers(), options_.ping_interval);
    if (peer_closed_ || broken_) return true;  // lingering: what comes is not for us any more
    parser_.feed(bytes);
    error_code ec;
    while (const auto item = parser_.next(ec))
        if (!take_item(*item)) return false;
    if (!ec) return !ended_;
    fail(ec, close_code_for(ec));
    return !ended_;
}

bool connection::take_item(const websocket_item& item) {
    switch (item.opcode) {
        case websocket_opcode::ping:
            if (options_.hooks.on_ping) options_.hooks.on_ping(self(), item.text());
            if (sending_) append_frame(websocket_opcode::pong, item.text());
            break;
        case websocket_opcode::pong:
            if (options_.hooks.on_pong) options_.hooks.on_pong(self(), item.text());
            break;
        case websocket_opcode::close:
            take_close(item);
            break;
        default:
            take_message(item);
    }
    return !ended_;
}

void connection::take_message(const websocket_item& item) {
    if (!sending_) return;  // RFC 6455 5.5.1: we are closing
    const bool binary = item.opcode == websocket_opcode::binary;
    if (options_.hooks.on_message && options_.hooks.on_message(self(), {item.text(), binary}))
        return;
    if (!options_.codec) return;
    error_code ec;
    auto event = options_.codec->decode(item.text(), binary, ec);
    if (ec) return refuse(event, ec);
    if (!options_.on_event) return refuse(event, errc::forbidden);
    const auto refused_id = event.event;
    if ((ec = options_.on_event(std::move(event)))) {
        wire_event named;
        named.event = refused_id;
        refuse(named, ec);
    }
}

// The peer is told in band, by an event it can match with the one it sent.
void connection::refuse(const wire_event& e, error_code why) {
    if (options_.role == websocket_role::client) return;
    tidings::event answer("tidings.refused", "/tidings");
    std::string data = R"({"id":)";
    append_json_string(data, e.event.id());
    data += R"(,"error":)";
    append_json_string(data, why.message());
    data += '}';
    answer.data(std::move(data), "application/json");
    error_code ec;
    if (const auto p = publication::make("tidings.refused", std::move(answer), {}, ec)) push(p);
}

void connection::take_close(const websocket_item& item) {
    peer_closed_ = true;
    const bool answered = !sending_;
    if (!why_.error) why_ = {item.close_code, std::string(item.text()), {}};
    if (!answered) send_close(item.close_code == 1005 ? 1000 : item.close_code, item.text());
    finish_closing();
}

void connection::append_frame(websocket_opcode opcode, std::string_view payload) {
    std::string frame;
    if (options_.role == websocket_role::server)
        append_websocket_frame(frame, opcode, payload);
    else
        append_websocket_frame(frame, opcode, payload, next_mask());
    queue_->append(std::move(frame));
    pending_ = queue_->pending_bytes();
}

websocket_mask_key connection::next_mask() {
    return {static_cast<std::uint32_t>(options_.random->next())};
}

void connection::push(const event_ptr& e) noexcept {
    if (!sending_) return;
    const auto opcode =
        options_.codec->binary() ? websocket_opcode::binary : websocket_opcode::text;
    // The frame is shared by everyone who speaks this codec; a client's is masked anew.
    const auto* frame = e->forms().find(options_.codec.get());
    try {
        if (frame == nullptr || options_.role == websocket_role::client) {
            error_code ec;
            const auto message = options_.codec->encode(*e, ec);
            if (ec) return;
            if (options_.role == websocket_role::client) return append_frame(opcode, message);
            std::string bytes;
            append_websocket_frame(bytes, opcode, message);
            frame = &e->forms().store(options_.codec.get(), std::move(bytes));
        }
        queue_->append(e, *frame);
        if (options_.sent != nullptr) options_.sent->fetch_add(1, std::memory_order_relaxed);
        pending_ = queue_->pending_bytes();
    } catch (const std::bad_alloc&) {
        end(errc::out_of_memory);
    }
}

outcome connection::deliver(const event_ptr& e) noexcept {
    if (!open_) return outcome::closed;
    if (pending_ > options_.limits.max_bytes) return outcome::dropped;
    in_lane([s = self(), e] { s->push(e); });
    return outcome::queued;
}

error_code connection::send(websocket_opcode opcode, std::string_view payload) {
    if (!open_) return errc::closed;
    if (pending_ > options_.limits.max_bytes) return errc::overflow;
    pending_ += payload.size();
    in_lane([s = self(), opcode, bytes = std::string(payload)] {
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
    in_lane([s = self(), code, text = std::string(reason)] {
        if (!s->sending_) return;
        s->send_close(code, text);
        s->closing_.arm(s->taken_.lane->timers(), s->options_.close_timeout);
    });
}

void connection::cut() {
    in_lane([s = self()] { s->end(errc::closed); });
}

void connection::send_close(std::uint16_t code, std::string_view reason) {
    std::string frame;
    if (options_.role == websocket_role::server)
        append_websocket_close(frame, code, reason);
    else
        append_websocket_close(frame, code, reason, next_mask());
    queue_->append(std::move(frame));
    sending_ = false;
    open_ = false;
    silence_.cancel();
    if (feed_) feed_->stop();
}

// We break it off: the peer is told why, and may read it before the connection goes.
void connection::fail(error_code why, std::uint16_t code) {
    broken_ = true;
    why_ = {code, why.message(), why};
    if (sending_) send_close(code, why_.reason);
    linger();
}

void connection::on_feed_end(error_code why) noexcept {
    if (!sending_) return;
    const auto code = why == errc::lagging          ? close_lagging
                      : why == errc::history_failed ? close_history_failed
                                                    : std::uint16_t{1001};
    why_ = {code, why.message(), why};
    send_close(code, why_.reason);
    closing_.arm(taken_.lane->timers(), options_.close_timeout);
}

// Both close frames are exchanged. The server closes first (RFC 6455 7.1.1); a client waits for that.
void connection::finish_closing() {
    queue_->when_empty([s = self()] {
        if (s->options_.role == websocket_role::server)
            s->end({});
        else
            s->linger();
    });
}

// Closing a socket with unread bytes would reset the connection under our last words.
void connection::linger() {
    closing_.arm(taken_.lane->timers(), options_.close_timeout);
    queue_->when_empty([s = self()] {
        if (s->ended_) return;
        s->taken_.stream->start_shutdown([](error_code) {});
    });
}

void connection::on_silence() {
    if (waiting_pong_) return end(errc::timed_out);
    waiting_pong_ = true;
    silence_.arm(taken_.lane->timers(), options_.pong_timeout);
    if (!feed_) return append_frame(websocket_opcode::ping, {});
    feed_->refresh([s = self()] {
        if (s->sending_) s->append_frame(websocket_opcode::ping, s->feed_->cursor().text());
    });
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
    if (!peer_closed_ && !why_.error) {
        why_.error = why ? why : make_error_code(errc::closed);
        if (why_.reason.empty()) why_.code = 1006;
    }
    if (options_.hooks.on_close) options_.hooks.on_close(keep, why_);
    if (auto f = std::exchange(options_.on_end, nullptr)) f(this);
    taken_.guard.reset();
}

}  // namespace tidings::websocket::detail
