// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/guarded.hpp>
#include <tidings/websocket/impl/websocket_session.hpp>

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

const http::request& connection::request() const noexcept {
    static const http::request none;
    return options_.request ? *options_.request : none;
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

void connection::take_close(const websocket_item& item) {
    peer_closed_ = true;
    if (!why_.error) why_ = {item.close_code, std::string(item.text()), {}};
    if (sending_) send_close(item.close_code == 1005 ? 1000 : item.close_code, item.text());
    linger();
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

// The ping stands behind all that the peer has still to read. While a full socket takes more, or
// nothing yet, the peer is slow, not gone; one that has stopped to read meets the write timeout.
void connection::on_silence() {
    const auto stalls = queue_->stalls();
    const bool behind = std::exchange(stalls_seen_, stalls) != stalls || !queue_->empty();
    if (waiting_pong_ && !behind) return end(errc::timed_out);
    silence_.arm(taken_.lane->timers(), options_.pong_timeout);
    if (std::exchange(waiting_pong_, true)) return;
    if (!feed_) return append_frame(websocket_opcode::ping, {});
    feed_->refresh([s = self()] { s->ping_with_cursor(); });
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
