// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/control_event.hpp>
#include <tidings/impl/guarded.hpp>
#include <tidings/text/impl/json_text.hpp>
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

std::uint16_t close_code_of_feed_end(const error_code& ec) noexcept {
    if (ec == errc::lagging) return close_lagging;
    return ec == errc::history_failed ? close_history_failed : 1001;
}

}  // namespace

websocket_session::websocket_session(http::taken_stream taken, websocket_session_options options,
                                     origin_id origin)
    : taken_(std::move(taken)),
      options_(std::move(options)),
      origin_(origin),
      remote_address_(taken_.stream->remote_address()),
      output_(taken_.lane, *taken_.stream, options_),
      input_(*taken_.stream, *taken_.lane, *this, options_),
      closing_(options_.role),
      silence_([this] { on_silence(); }),
      close_deadline_([this] { advance(closing_event::timed_out, errc::timed_out); }) {}

websocket_session::~websocket_session() {
    if (feed_) feed_->stop();
}

const websocket::hooks& websocket_session::hooks() const noexcept {
    static const websocket::hooks none;
    return options_.hooks && !hooks_dropped_ ? *options_.hooks : none;
}

const http::request& websocket_session::request() const noexcept {
    static const http::request none;
    return options_.request ? *options_.request : none;
}

void websocket_session::start(std::string first) {
    watch_context(taken_.lane->executor(), self());
    std::weak_ptr<websocket_session> weak = self();
    output_.queue().listen({.on_room =
                                [weak] {
                                    if (const auto s = weak.lock()) s->on_room();
                                },
                            .on_error =
                                [weak](error_code ec) {
                                    if (const auto s = weak.lock())
                                        s->advance(closing_event::aborted, ec);
                                }});
    if (!first.empty()) output_.queue().append(std::move(first));
    restart_silence_timer();
    const auto opened = [this, keep = options_.hooks] {
        if (const auto& f = hooks().on_open) f(self());
    };
    if (!guarded(options_.log, "websocket", opened)) {
        input_.discard();
        on_input_failed(errc::callback_threw);
    }
}

error_code websocket_session::subscribe(std::shared_ptr<bus_state> bus, feed_options f) {
    f.origin = origin_;
    const bool resumes = f.after.has_value();
    feed_ = std::make_shared<feed>(std::move(bus), taken_.lane, self(), std::move(f));
    const auto ec = feed_->start();
    // So that the peer can resume even if it is cut before the first event.
    if (!ec && !resumes && !feed_->cursor().empty()) ping_with_cursor();
    return ec;
}

void websocket_session::serve() {
    input_.start(self(), std::exchange(taken_.leftover, {}));
}

// Once this side closes, only the peer's close frame matters (RFC 6455 5.5.1).
void websocket_session::on_item(const websocket_item& item) {
    // A hook may end the session, which releases the hooks.
    const auto keep = options_.hooks;
    if (item.opcode == websocket_opcode::close) return take_close(item);
    if (!closing_.is_open()) return;
    switch (item.opcode) {
        case websocket_opcode::ping:
            if (const auto& f = hooks().on_ping) f(self(), item.text());
            return answer_ping(item.text());
        case websocket_opcode::pong:
            if (const auto& f = hooks().on_pong) f(self(), item.text());
            return;
        default:
            return take_message(item);
    }
}

void websocket_session::take_message(const websocket_item& item) {
    if (hooks_dropped_) return;
    if (item.skipped_bytes != 0) {
        if (options_.log)
            options_.log({log_level::warning, "websocket", "message skipped", errc::too_large});
        if (options_.on_skipped) options_.on_skipped(item.skipped_bytes);
        return;
    }
    const bool binary = item.opcode == websocket_opcode::binary;
    if (const auto& f = hooks().on_message; f && f(self(), {item.text(), binary})) return;
    // The hook may have closed the session, or ended its owner.
    if (!options_.codec || hooks_dropped_ || !closing_.is_open()) return;
    input_.count_publication();
    error_code ec;
    auto event = options_.codec->decode(item.text(), binary, ec);
    const auto id = event.event.id();
    if (!ec) ec = options_.on_event ? options_.on_event(std::move(event)) : errc::forbidden;
    if (ec) refuse(id, ec);
}

void websocket_session::take_close(const websocket_item& item) {
    input_.discard();
    if (!why_) why_ = {item.close_code, std::string(item.text()), {}};
    begin_close(closing_event::close_received, item.close_code == 1005 ? 1000 : item.close_code,
                item.text());
}

void websocket_session::on_input_failed(error_code why) {
    const auto code = close_code_of_failure(why);
    why_ = {code, why.message(), why};
    begin_close(closing_event::failed, code, why_->reason);
}

void websocket_session::on_input_end(error_code ec) {
    input_.stop();
    advance(ec == net::error::eof ? closing_event::peer_ended : closing_event::aborted, ec);
}

// The event that the peer sent is answered in band, by one that it can match.
void websocket_session::refuse(std::string_view id, error_code why) {
    if (options_.log) options_.log({log_level::warning, "websocket", "message refused", why});
    if (!closing_.is_open()) return;
    if (is_client()) {
        if (why != errc::out_of_memory) return;
        // The client comes back, and gets the event again.
        input_.discard();
        return on_input_failed(why);
    }
    if (output_.queue().over(options_.limits.max_bytes)) return on_feed_end(errc::lagging);
    tidings::event answer("tidings.refused", "/tidings");
    std::string data = R"({"id":)";
    append_json_string(data, id);
    data += R"(,"error":)";
    append_json_string(data, why.message());
    data += '}';
    answer.data(std::move(data), "application/json");
    error_code ec;
    const auto p = publication::make("tidings.refused", std::move(answer), {}, ec);
    if (p) guarded(options_.log, "websocket", [&] { output_.append_answer(p); });
}

// Of several pings the last needs an answer (RFC 6455 5.5.3): for a peer that sends them and does
// not read, one pong waits and not a pile of them.
void websocket_session::answer_ping(std::string_view payload) {
    if (!closing_.is_open()) return;
    if (output_.queue().ready())
        output_.append(websocket_opcode::pong, payload);
    else
        pong_.emplace(payload);
}

// Runs `f`, which appends about so many bytes, in the lane: at once when the caller is there.
template <class F>
void websocket_session::in_lane(std::size_t bytes, F f) {
    if (taken_.lane->running_here()) return f();
    output_.queue().expect(bytes);
    taken_.lane->post([s = self(), bytes, f = std::move(f)]() mutable {
        s->output_.queue().arrived(bytes);
        f();
    });
}

void websocket_session::push(const event_ptr& e) noexcept {
    if (!closing_.is_open() || !options_.codec) return;
    guarded(options_.log, "websocket", [&] { output_.append_event(e); });
}

outcome websocket_session::deliver(const event_ptr& e) noexcept {
    if (!closing_.is_open()) return outcome::closed;
    if (!options_.codec) return outcome::dropped;
    if (output_.queue().over(options_.limits.max_bytes)) {
        ++missed_;
        return outcome::dropped;
    }
    bool fits = true;
    if (!guarded(options_.log, "websocket", [&] { fits = output_.takes(e); }) || !fits)
        return outcome::dropped;
    const auto push_here = [s = self(), e] {
        if (const auto missed = s->missed_.exchange(0); missed != 0 && !s->is_client())
            s->push(make_lagged_event(missed));
        s->push(e);
    };
    const bool handed_over =
        guarded(options_.log, "websocket", [&] { in_lane(queue_cost(e), push_here); });
    return handed_over ? outcome::queued : outcome::dropped;
}

// In the lane the payload is copied once, into its frame.
error_code websocket_session::send(websocket_opcode opcode, std::string_view payload) {
    if (!closing_.is_open()) return errc::closed;
    const bool control = opcode == websocket_opcode::ping;
    if (!control && output_.queue().over(options_.limits.max_bytes)) return errc::overflow;
    if (taken_.lane->running_here()) {
        output_.append(opcode, payload);
        return {};
    }
    in_lane(payload.size(), [s = self(), opcode, bytes = std::string(payload)] {
        if (s->closing_.is_open()) s->output_.append(opcode, bytes);
    });
    return {};
}

error_code websocket_session::send_text(std::string_view text) {
    if (!is_valid_utf8(text)) return errc::invalid_utf8;
    return send(websocket_opcode::text, text);
}

error_code websocket_session::send_binary(std::string_view bytes) {
    return send(websocket_opcode::binary, bytes);
}

error_code websocket_session::ping(std::string_view payload) {
    if (payload.size() > max_websocket_control_bytes) return errc::ws_control_too_long;
    return send(websocket_opcode::ping, payload);
}

void websocket_session::on_room() {
    if (const auto payload = std::exchange(pong_, std::nullopt); payload && closing_.is_open())
        output_.append(websocket_opcode::pong, *payload);
    if (feed_) feed_->pump();
}

void websocket_session::restart_silence_timer() noexcept {
    awaiting_pong_ = false;
    if (closing_.is_open() && options_.ping_interval.count() != 0)
        silence_.arm(taken_.lane->timers(), options_.ping_interval);
}

// The ping stands behind all that the peer has still to read. While a full socket takes more, or
// nothing yet, the peer is slow, not gone; one that has stopped to read meets the write timeout.
void websocket_session::on_silence() {
    const auto stalls = output_.queue().stalls();
    const bool behind = std::exchange(stalls_seen_, stalls) != stalls || !output_.queue().empty();
    if (awaiting_pong_ && !behind) return advance(closing_event::aborted, errc::timed_out);
    silence_.arm(taken_.lane->timers(), options_.pong_timeout);
    if (std::exchange(awaiting_pong_, true)) return;
    if (!feed_) return output_.append(websocket_opcode::ping, {});
    feed_->refresh([s = self()] { s->ping_with_cursor(); });
}

// What does not fit into a control frame is left out; the peer has the positions of its events.
void websocket_session::ping_with_cursor() {
    if (!closing_.is_open()) return;
    std::string payload(position_ping);
    payload += feed_->cursor().text();
    if (feed_->cursor().empty() || payload.size() > max_websocket_control_bytes) payload.clear();
    output_.append(websocket_opcode::ping, payload);
}

void websocket_session::close(std::uint16_t code, std::string_view reason) {
    in_lane(0, [s = self(), code, text = std::string(reason)] {
        s->begin_close(closing_event::close_asked, code, text);
    });
}

void websocket_session::abort() {
    in_lane(0, [s = self()] { s->advance(closing_event::aborted, errc::closed); });
}

void websocket_session::on_feed_end(error_code why) noexcept {
    if (!closing_.is_open()) return;
    const auto code = close_code_of_feed_end(why);
    why_ = {code, why.message(), why};
    begin_close(closing_event::close_asked, code, why_->reason);
}

void websocket_session::begin_close(closing_event e, std::uint16_t code, std::string_view reason) {
    const auto action = closing_.resume(e);
    if (action == closing_action::send_close) return send_close(code, reason);
    perform(action, {});
}

void websocket_session::send_close(std::uint16_t code, std::string_view reason) {
    silence_.cancel();
    if (feed_) feed_->stop();
    output_.append_close(code, reason);
    output_.queue().when_empty([s = self()] { s->advance(closing_event::output_sent); });
}

void websocket_session::advance(closing_event e, error_code why) {
    perform(closing_.resume(e), why);
}

void websocket_session::perform(closing_action a, error_code why) {
    switch (a) {
        case closing_action::none:
        case closing_action::send_close:  // only `begin_close` has its code
            return;
        case closing_action::shut_down:
            // Closing a socket with unread bytes would reset the connection under our last words.
            taken_.stream->start_shutdown([](error_code) {});
            [[fallthrough]];
        case closing_action::start_deadline:
            return close_deadline_.arm(taken_.lane->timers(), options_.close_timeout);
        case closing_action::end:
            return end(why);
    }
}

void websocket_session::end(error_code why) {
    const auto keep = self();
    silence_.cancel();
    close_deadline_.cancel();
    input_.stop();
    if (feed_) feed_->stop();
    output_.queue().close();
    taken_.stream->close();
    if (!why_) why_ = {1006, {}, why ? why : make_error_code(errc::closed)};
    guarded(options_.log, "websocket", [&, kept = options_.hooks] {
        if (const auto& f = hooks().on_close) f(keep, *why_);
    });
    release_callbacks();
    taken_.lane->post([f = std::move(feed_)] {});  // with the authorizer; it may be the caller
    if (auto f = std::exchange(options_.on_end, nullptr)) f(this);
    taken_.guard.reset();
}

// What they captured may hold the session. One of them may be the caller: it ends behind the call.
void websocket_session::release_callbacks() {
    taken_.lane->post([hooks = std::move(options_.hooks),
                       on_event = std::exchange(options_.on_event, nullptr),
                       on_skipped = std::exchange(options_.on_skipped, nullptr)] {});
}

void websocket_session::drop_hooks() noexcept {
    hooks_dropped_ = true;
    try {
        taken_.lane->post([s = self()] { s->release_callbacks(); });
    } catch (const std::bad_alloc&) {
        return;  // they are released at the session's end
    }
}

// Nothing is called.
void websocket_session::on_context_end() noexcept {
    closing_.resume(closing_event::aborted);
    input_.stop();
    if (feed_) feed_->stop();
    output_.queue().close();
    taken_.stream.reset();
    taken_.guard.reset();
    options_.hooks.reset();
    options_.on_event = nullptr;
    options_.on_skipped = nullptr;
    options_.on_end = nullptr;
}

}  // namespace tidings::websocket::detail
