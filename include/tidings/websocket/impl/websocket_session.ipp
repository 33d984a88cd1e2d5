// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/websocket_close.hpp>
#include <tidings/control_event.hpp>
#include <tidings/impl/guarded.hpp>
#include <tidings/outlet/impl/live_state.hpp>
#include <tidings/text/utf8.hpp>
#include <tidings/websocket/impl/websocket_session.hpp>

#include <boost/asio/error.hpp>

namespace tidings::websocket::detail {

using namespace tidings::detail;

namespace {

// Beyond the codes of `close_code_for`: this library's own, and a peer too slow to serve.
std::uint16_t close_code_of_failure(const error_code& ec) noexcept {
    return ec == errc::timed_out ? close_too_slow : close_code_for(ec);
}

// Why the session itself ends: the feed, the bus, or a hook that threw.
std::uint16_t close_code_of_end(const error_code& ec) noexcept {
    if (ec == errc::lagging) return close_lagging;
    if (ec == errc::history_failed) return close_history_failed;
    if (ec == errc::closed) return 1001;
    if (ec == errc::unauthorized) return close_unauthorized;
    if (ec == errc::forbidden) return close_forbidden;
    return ec == errc::callback_threw ? close_code_of_failure(ec) : 1013;
}

std::unique_ptr<const close_reason> keep_reason(close_reason why) {
    return std::make_unique<const close_reason>(std::move(why));
}

}  // namespace

websocket_session::websocket_session(http::live_stream&& stream,
                                     std::shared_ptr<const live_session_options> live,
                                     websocket_session_parts own, origin_id origin)
    : websocket_session(std::move(stream.connection.held), std::move(stream), std::move(live),
                        std::move(own), origin) {}

websocket_session::websocket_session(std::shared_ptr<http::detail::body_share> held,
                                     http::live_stream&& stream,
                                     std::shared_ptr<const live_session_options> live,
                                     websocket_session_parts own, origin_id origin)
    : session(std::move(stream), std::move(live)),
      own_(std::move(own)),
      origin_(origin),
      input_(state().connection(), state().lane(), *this, options(), std::move(held)),
      closing_(options().role) {}

const close_reason& websocket_session::why() const noexcept {
    static const close_reason no_memory{1006, {}, errc::out_of_memory};
    return why_ ? *why_ : no_memory;
}

const websocket::hooks& websocket_session::hooks() const noexcept {
    static const websocket::hooks none;
    return own_.hooks && !hooks_dropped_ ? *own_.hooks : none;
}

void websocket_session::opened() {
    restart_silence_timer();
    const auto keep = own_.hooks;
    if (const auto& f = hooks().on_open) f(self());
}

void websocket_session::read() {
    input_.start(self(), state().stream().take_leftover());
}

// RFC 6455 10.3: fresh for each frame.
websocket_mask_key websocket_session::next_mask() const {
    return {static_cast<std::uint32_t>(options().random->next())};
}

std::string websocket_session::frame(websocket_opcode opcode, std::string_view payload) const {
    std::string bytes;
    if (is_client())
        append_websocket_frame(bytes, opcode, payload, next_mask());
    else
        append_websocket_frame(bytes, opcode, payload);
    return bytes;
}

std::string websocket_session::close_frame(std::uint16_t code, std::string_view reason) const {
    std::string bytes;
    if (is_client())
        append_websocket_close(bytes, code, reason, next_mask());
    else
        append_websocket_close(bytes, code, reason);
    return bytes;
}

frame_kind websocket_session::frames(websocket_role role, const websocket::codec* c) noexcept {
    static constexpr char tag = 0;
    if (role == websocket_role::client || c == nullptr) return {};
    return {&tag, c->number()};
}

error_code websocket_session::frame_of(const event_ptr& e, std::string& out) {
    if (is_client() && is_control(e)) return {};  // a server takes none from a client
    error_code ec;
    out = options().codec->encode(*e, ec);
    if (ec) return ec;
    const auto opcode =
        options().codec->binary() ? websocket_opcode::binary : websocket_opcode::text;
    std::optional<websocket_mask_key> key;
    if (is_client()) key = next_mask();
    make_websocket_frame(out, opcode, key);
    return {};
}

void websocket_session::hold_reading(bool held) noexcept {
    if (held && !is_open()) return;
    const auto keep = self();
    if (held) {
        input_.hold();
        state().await_silence(live_state::never);
    } else {
        input_.release();
        restart_silence_timer();
    }
}

void websocket_session::take_close(const websocket_item& item) {
    input_.discard();
    if (!why_) why_ = keep_reason({item.close_code, std::string(item.text()), {}});
    begin_close(closing_event::close_received, item.close_code == 1005 ? 1000 : item.close_code,
                item.text());
}

void websocket_session::on_input_failed(error_code why) {
    const auto code = close_code_of_failure(why);
    why_ = keep_reason({code, why.message(), why});
    begin_close(closing_event::failed, code, why_->reason);
}

void websocket_session::on_input_end(error_code ec) {
    input_.stop();
    const bool orderly = ec == net::error::eof;
    perform(closing_.resume(orderly ? closing_event::peer_ended : closing_event::aborted), ec);
}

// Of several pings the last needs an answer (RFC 6455 5.5.3): for a peer that sends them and does
// not read, one pong waits and not a pile of them.
void websocket_session::answer_ping(std::string_view payload) {
    if (!is_open()) return;
    if (state().queue().ready())
        append(frame(websocket_opcode::pong, payload));
    else
        pong_ = std::make_unique<std::string>(payload);
}

outcome websocket_session::deliver(const event_ptr& e) noexcept {
    if (!is_open()) return outcome::closed;
    bool taken = options().codec != nullptr;
    if (!taken || !guarded(options().log, "websocket", [&] { taken = peer_takes(e); }) || !taken)
        return outcome::dropped;
    return live_session::deliver(e);
}

// Whether `max_sent_bytes` has room for the event; else it is logged.
bool websocket_session::peer_takes(const event_ptr& e) const {
    constexpr std::size_t most_growth = 6;  // a control character in JSON
    const auto most = options().max_sent_bytes;
    if (most == 0 || e->footprint() <= most / most_growth) return true;
    error_code none;  // what has no form is found when it is sent
    const auto size = options().codec->encode(*e, none).size();
    if (size <= most) return true;
    if (options().log)
        options().log({log_level::warning, "websocket",
                       "an event of " + std::to_string(size) +
                           " bytes is dropped: over max_sent_bytes of the client (" +
                           std::to_string(most) +
                           "), which stands for max_message_bytes of the server's service",
                       errc::too_large});
    return false;
}

error_code websocket_session::send_text(std::string_view text) {
    if (!is_valid_utf8(text)) return errc::invalid_utf8;
    return send_message(websocket_opcode::text, text);
}

error_code websocket_session::send_binary(std::string_view bytes) {
    return send_message(websocket_opcode::binary, bytes);
}

// The payload is copied once: into what is sent, or into its frame.
error_code websocket_session::send_message(websocket_opcode opcode, std::string_view payload) {
    if (const auto ec = state().check_send()) return ec;
    if (is_client() || !state().lane().running_here()) return send(frame(opcode, payload));
    std::string header;
    append_websocket_header(header, opcode, payload.size());
    state().queue().append({header, payload});
    return {};
}

error_code websocket_session::ping(std::string_view payload) {
    if (payload.size() > max_websocket_control_bytes) return errc::ws_control_too_long;
    if (!is_open()) return errc::closed;
    in_lane([s = self(), bytes = frame(websocket_opcode::ping, payload)]() mutable {
        if (s->is_open()) s->append(std::move(bytes));
    });
    return {};
}

void websocket_session::on_room() {
    if (const auto payload = std::exchange(pong_, nullptr); payload && is_open())
        append(frame(websocket_opcode::pong, *payload));
}

void websocket_session::restart_silence_timer() noexcept {
    awaiting_pong_ = false;
    if (is_open() && !input_.held() && options().ping_interval.count() != 0)
        state().await_silence(options().ping_interval);
}

// The ping stands behind all that the peer has still to read. While a full socket takes more, or
// nothing yet, the peer is slow, not gone; one that has stopped to read meets the write timeout.
void websocket_session::on_silence() {
    const auto& queue = state().queue();
    const bool behind =
        std::exchange(stalls_seen_, queue.stalls()) != queue.stalls() || !queue.empty();
    if (awaiting_pong_ && !behind)
        return perform(closing_.resume(closing_event::aborted), errc::timed_out);
    state().await_silence(options().pong_timeout);
    state().queue().shrink();
    if (!std::exchange(awaiting_pong_, true)) state().beat_soon();
}

// What does not fit into a control frame is left out; the peer has the positions of its events.
std::string websocket_session::beat(const position& here) {
    std::string payload(position_ping);
    payload += here.text();
    if (here.empty() || payload.size() > max_websocket_control_bytes) payload.clear();
    return frame(websocket_opcode::ping, payload);
}

void websocket_session::close(std::uint16_t code, std::string_view reason) {
    in_lane([s = self(), code, text = std::string(reason)] {
        s->begin_close(closing_event::close_asked, code, text);
    });
}

void websocket_session::begin_close(closing_event e, std::uint16_t code, std::string_view reason) {
    const auto action = closing_.resume(e);
    if (action != closing_action::send_close) return perform(action, {});
    goodbye_ = close_frame(code, reason);
    finish({});
}

// Where `closing_` is open, the end is not of its making.
std::string websocket_session::say_goodbye(error_code why) {
    if (publisher_) publisher_->cancel();
    input_.release();  // for the peer's close frame
    if (!closing_.is_open()) return std::exchange(goodbye_, {});
    closing_.resume(why == errc::callback_threw ? closing_event::failed
                                                : closing_event::close_asked);
    if (!why) return close_frame(1000, {});
    if (why == errc::callback_threw) input_.discard();
    why_ = keep_reason({close_code_of_end(why), why.message(), why});
    return close_frame(why_->code, why_->reason);
}

void websocket_session::goodbye_sent() {
    perform(closing_.resume(closing_event::output_sent), {});
}

void websocket_session::perform(closing_action a, error_code why) {
    switch (a) {
        case closing_action::none:
        case closing_action::send_close:  // only `begin_close` has its code
            return;
        case closing_action::shut_down:
            return state().shut_down();
        case closing_action::start_deadline:
            return state().await_end();
        case closing_action::end:
            return state().end(why);
    }
}

void websocket_session::ended(error_code why) {
    closing_.resume(closing_event::aborted);
    if (publisher_) publisher_->cancel();
    input_.stop();
    guarded(options().log, "websocket", [&] {
        if (!why_) why_ = keep_reason({1006, {}, why ? why : make_error_code(errc::closed)});
    });
    guarded(options().log, "websocket", [this, keep = own_.hooks] {
        if (const auto& f = hooks().on_close) f(self(), this->why());
    });
    if (!own_.calls) return;
    if (auto f = std::exchange(own_.calls->on_end, nullptr)) f(this);
}

void websocket_session::release() noexcept {
    own_.hooks.reset();
    if (own_.calls) {
        own_.calls->on_event = nullptr;
        own_.calls->on_skipped = nullptr;
    }
    if (!state().has_ended()) return;
    publisher_.reset();
    own_.calls.reset();
    input_.stop();  // where the context ends first, nothing else stops it
}

void websocket_session::drop_hooks() noexcept {
    hooks_dropped_ = true;
    try {
        state().lane().post([s = self()] { s->release(); });
    } catch (const std::bad_alloc&) {
        return;  // they are released at the session's end
    }
}

}  // namespace tidings::websocket::detail
