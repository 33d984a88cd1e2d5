// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/control_event.hpp>
#include <tidings/impl/guarded.hpp>
#include <tidings/text/impl/json_text.hpp>
#include <tidings/text/utf8.hpp>
#include <tidings/websocket/impl/websocket_session.hpp>

// What a connection sends.

namespace tidings::websocket::detail {

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

// What does not fit into a control frame is left out; the peer has the positions of its events.
void connection::ping_with_cursor() {
    if (!sending_) return;
    std::string payload(position_ping);
    payload += feed_->cursor().text();
    if (feed_->cursor().empty() || payload.size() > max_websocket_control_bytes) payload.clear();
    append_frame(websocket_opcode::ping, payload);
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

}  // namespace tidings::websocket::detail
