// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/server/server_connection.hpp>
#include <tidings/impl/finds_memory.hpp>
#include <tidings/text/impl/header_tokens.hpp>

#include <boost/asio/error.hpp>

#include <stdexcept>

namespace tidings::http::detail {

using namespace tidings::detail;

server_connection::server_connection(std::shared_ptr<shard> s, io::stream_ptr stream,
                                     std::shared_ptr<seat> place)
    : shard_(std::move(s)),
      seat_(std::move(place)),
      remote_{stream->remote_address(), stream->remote_is_loopback()},
      reader_(shard_->options->max_header_bytes),
      deadline_([this] { on_deadline(); }) {
    wire_.emplace(std::move(stream), *this, shard_->lane.get());
}

void server_connection::start(std::shared_ptr<shard> s, io::stream_ptr stream,
                              std::shared_ptr<seat> place, ledger::verdict admitted) {
    if (!s->routes) return;
    const auto made = std::make_shared<server_connection>(s, std::move(stream), std::move(place));
    s->connections.insert(made);
    if (s->draining) return made->close();
    made->enter(phase::handshake);
    // `made` is owned by the shard, and dropped with its stream's callbacks.
    made->wire_->stream().start_handshake([self = made.get(), admitted](error_code ec) {
        const auto alive = self->shared_from_this();
        if (!ec) return self->begin(admitted);
        self->shard_->log(log_level::debug, "handshake failed", ec);
        self->close();
    });
}

void server_connection::serve(const request& r, std::string_view leftover) {
    now_.frame.to_head = r.method == "HEAD";
    now_.frame.http_1_0 = r.version < 11;
    reader_.append(leftover);
    phase_ = phase::handling;
}

void server_connection::enter(phase p) {
    phase_ = p;
    timed_ = phase::closed;
    if (!processing_) set_deadline();
}

// Of a phase that is over within one turn none is set.
void server_connection::set_deadline() {
    if (std::exchange(timed_, phase_) == phase_) return;
    const auto& o = *shard_->options;
    auto& wheel = shard_->lane->timers();
    switch (phase_) {
        case phase::handshake:
        case phase::header:
            return deadline_.arm(wheel, o.header_timeout);
        case phase::idle:
            return deadline_.arm(wheel, o.idle_timeout);
        case phase::body:
            return deadline_.arm(wheel, o.body_timeout);
        case phase::writing:
            return deadline_.arm(wheel, o.write_timeout);
        case phase::lingering:  // so long a peer has to take the last answer and close
            return deadline_.arm(wheel, std::chrono::seconds(5));
        case phase::handling:  // that of an earlier phase comes to nothing
        case phase::closed:
            return;
    }
}

void server_connection::begin(ledger::verdict admitted) {
    if (admitted == ledger::verdict::welcome) {
        enter(phase::idle);
        return process();
    }
    shard_->log(log_level::warning, admitted == ledger::verdict::full
                                        ? "connection refused: max_connections"
                                        : "connection refused: max_connections_per_address");
    answer(ledger::refusal(admitted));
}

void server_connection::on_deadline() {
    if (phase_ == phase::handling) return;
    const auto self = shared_from_this();
    const bool mid_request = phase_ == phase::header || phase_ == phase::body;
    if (mid_request && !wire_->writing()) return refuse(408, "the request took too long");
    shard_->log(log_level::debug, "connection closed by a deadline", errc::timed_out);
    close();
}

void server_connection::on_read(error_code ec, std::string_view bytes) {
    const auto self = shared_from_this();
    const auto take = [&] {
        if (ec) return on_read_failed(ec);
        if (phase_ == phase::lingering) return read();
        reader_.append(bytes);
        if (phase_ != phase::handling || !now_.on_closed) return process();
        watch_peer(std::move(now_.on_closed));
    };
    if (!finds_memory(take)) close();
}

void server_connection::on_read_failed(error_code ec) {
    peer_ended_ = true;
    // A peer may end its side and still wait for the answer that is under way.
    if (phase_ == phase::writing && ec == net::error::eof) return;
    if (reader_.begun() && phase_ != phase::handling)
        shard_->log(log_level::debug, "the peer left in the middle of a request", ec);
    close();
}

void server_connection::process() {
    if (processing_) return;
    processing_ = true;
    while (step()) {
    }
    processing_ = false;
    set_deadline();
}

// False when something has to be waited for.
bool server_connection::step() {
    const bool receiving =
        phase_ == phase::idle || phase_ == phase::header || phase_ == phase::body;
    if (!receiving || wire_->writing()) return false;
    error_code ec;
    switch (reader_.next(ec)) {
        case read_step::header:
            on_header();
            return true;
        case read_step::complete:
            if (count_body()) dispatch();
            return true;
        case read_step::failed:
            refuse(ec);
            return false;
        case read_step::more:
            if (!count_body()) return true;
            break;
    }
    if (phase_ == phase::idle && reader_.begun()) enter(phase::header);
    if (phase_ == phase::idle && (shard_->draining || peer_ended_)) {
        close();
        return false;
    }
    read();
    return false;
}

void server_connection::on_header() {
    enter(phase::body);
    auto& r = reader_.message();
    const auto frame = reader_.frame();
    now_.frame.to_head = r.method == "HEAD";
    now_.frame.http_1_0 = frame.version < 11;
    now_.keep_alive = frame.keep_alive;
    std::string suffix;
    for (const auto& candidate : *shard_->routes) {
        if (!stands_before(candidate.prefix, r.path())) continue;
        now_.service = candidate.service;
        suffix = r.path().substr(candidate.prefix.size());
        break;
    }
    const bool known =
        !now_.service || call_service([this](mounted& m) { now_.own_limit = m.max_body_bytes(); });
    if (!known) return refuse(500, "the service threw");
    reader_.limit_body(body_limit());
    const auto expected = now_.frame.http_1_0 ? std::nullopt : r.fields.find("Expect");
    if (expected && !header_has_token(*expected, "100-continue"))
        return refuse(417, "the only expectation known is 100-continue");
    // RFC 9110 10.1.1: a client that asks before it sends is answered before it sends.
    if (frame.has_body)
        now_.coming = {frame.content_length.value_or(0), expected && reader_.buffered() == 0};
    now_.pending.emplace(std::move(r), std::move(suffix), nullptr);
    if (!frame.has_body) reader_.reset();
    admit();
}

// An answer that comes before the body ends the connection, because that stands between it and the
// next request.
void server_connection::admit() {
    if (now_.coming) now_.keep_alive = false;
    enter(phase::handling);
    if (!now_.service) return answer(problem(404, "Not Found"));
    if (!now_.service->admits()) return admitted();
    auto x = std::move(*now_.pending);
    now_.pending.reset();
    x.owner_ = shared_from_this();
    const bool returned = call_service([&](mounted& s) { s.admit(x); });
    if (phase_ != phase::handling) return;  // answered or closed
    if (!x || !returned) return;            // moved away, or answered 500 by its end
    x.owner_ = nullptr;
    now_.pending.emplace(std::move(x));
    admitted();
}

// The service is to handle it, unless its Host forbids that.
void server_connection::admitted() {
    const auto& x = *now_.pending;
    if (x.caller() == nullptr && !x.any_host_)
        if (auto refused = shard_->refuse_host(x.request(), remote_.loopback))
            return answer(std::move(*refused));
    if (now_.coming) now_.keep_alive = reader_.frame().keep_alive;
    now_.on_closed = nullptr;
    now_.on_drain = nullptr;
    if (now_.coming && shard_->bodies)
        shard_->share_in(body_, x.authenticated(), remote_.address, remote_.loopback);
    enter(phase::body);
    if (!now_.coming) return dispatch();
    // What never finds room is too large, and not only now.
    const auto limit = body_limit();
    reader_.limit_body(limit);
    if (now_.coming->awaits_continue && now_.coming->length <= limit)
        wire_->write("HTTP/1.1 100 Continue\r\n\r\n", keep());
}

// The service has let it come, in a later turn than the header's.
void server_connection::proceed(exchange x) {
    const auto self = shared_from_this();
    if (phase_ != phase::handling || !now_.service) return;  // closed meanwhile
    x.owner_ = nullptr;
    now_.pending.emplace(std::move(x));
    admitted();
    process();
}

// False when the server holds too much already: the request is refused then.
bool server_connection::count_body() {
    if (!body_ || body_->grow_to(reader_.held_bytes())) return true;
    shard_->log(log_level::warning, "request refused: max_buffered_bytes", errc::overflow);
    now_.keep_alive = false;
    auto r = problem(503, "Service Unavailable", "the server holds too many bytes of bodies");
    r.fields.set("Retry-After", "1");
    answer(std::move(r));
    return false;
}

void server_connection::dispatch() {
    auto x = std::move(*now_.pending);
    now_.pending.reset();
    x.request_.body = reader_.take_body();
    x.owner_ = shared_from_this();
    reader_.reset();
    enter(phase::handling);
    call_service([&](mounted& s) { s.handle(x); });
    if (!x) reader_.reuse(std::move(x.request_));
}

void server_connection::refuse(const error_code& ec) {
    const bool no_room = body_ && body_->most() == body_limit();
    if (ec == errc::too_large)
        return refuse(413, no_room ? "the body is over what max_buffered_bytes has for this caller"
                                   : "the body is over its limit");
    if (ec == errc::header_too_large) return refuse(431, "the header is over its limit");
    if (ec == errc::unsupported_http_version) return refuse(505, ec.message());
    refuse(400, ec.message());
}

void server_connection::refuse(unsigned status, std::string_view detail) {
    now_.keep_alive = false;
    shard_->log(log_level::debug, detail, errc::bad_request);
    answer(problem(status, reason_phrase(status), detail));
}

// Without memory for an answer there is none: a peer whose connection ends asks again.
void server_connection::respond(response r) {
    if (!shard_->lane->running_here())
        return shard_->lane->post([self = shared_from_this(), r = std::move(r)]() mutable {
            self->respond(std::move(r));
        });
    if (phase_ != phase::handling) return;
    if (!finds_memory([&] { answer(std::move(r)); })) close();
}

void server_connection::answer(response&& r) {
    now_.on_closed = nullptr;
    now_.on_drain = nullptr;
    body_.reset();
    if (now_.pending) now_.pending->add_answer_fields(r);  // refused in the middle of its body
    now_.pending.reset();
    reader_.take_body();
    if (shard_->draining || header_has_token(r.fields.joined("Connection"), "close"))
        now_.keep_alive = false;
    phase_ = phase::writing;
    shard_->count_answer(r.status);
    auto frame = now_.frame;
    frame.close = !now_.keep_alive;
    frame.date = shard_->date.text(environment().clock->wall_now());
    auto& bytes = shard_->answer;
    bytes = serialise(r, frame, std::move(bytes));
    const bool all = wire_->write_copy(bytes, keep());
    if (bytes.capacity() > shard::kept_answer_bytes) std::string().swap(bytes);
    if (all) return written();
    enter(phase::writing);
}

void server_connection::on_written(error_code ec) {
    const auto self = shared_from_this();
    if (ec) return close();
    if (phase_ == phase::writing) return written();
    process();  // what was written was only "100 Continue"
}

void server_connection::written() {
    wire_->take_written();  // it waits for nothing
    if (auto f = std::exchange(now_.on_written, nullptr)) f();
    if (!now_.keep_alive) return linger();
    now_ = {};
    body_.reset();
    enter(phase::idle);
    process();
}

// Closing while bytes of the peer's are unread would reset the connection, and take the answer away
// from a peer that is still sending (RFC 9112 9.6).
void server_connection::linger() {
    if (peer_ended_) return close();
    enter(phase::lingering);
    reader_.take_rest();
    wire_->shutdown();
    read();
}

void server_connection::close() {
    const auto self = shared_from_this();
    const bool waiting = phase_ == phase::handling;
    if (phase_ == phase::closed) return;
    auto ended = std::exchange(now_, {});
    abandon();
    shard_->connections.erase(self);
    if (ended.on_closed && waiting) guarded(shard_->options->log, "http", ended.on_closed);
    if (ended.on_written) guarded(shard_->options->log, "http", ended.on_written);
}

void server_connection::give_up() noexcept {
    surrender_.connection = shared_from_this();
    shard_->lane->post(surrender_);
}

void server_connection::abandon() noexcept {
    phase_ = phase::closed;
    deadline_.cancel();
    wire_.reset();
    seat_.reset();
    now_ = {};
    body_.reset();
}

void server_connection::drain() {
    if (phase_ == phase::idle || phase_ == phase::handshake) return close();
    const auto self = shared_from_this();
    auto f = std::exchange(now_.on_drain, nullptr);
    const bool done = !f || guarded(shard_->options->log, "http", f);
    if (!done && phase_ == phase::handling) refuse(500, "the service threw");
}

taken_stream server_connection::take(bool authenticated) {
    if (phase_ != phase::handling) return {};
    if (wire_->reading()) throw std::logic_error("take() after on_peer_closed()");
    phase_ = phase::closed;
    deadline_.cancel();
    taken_stream taken{wire_->release(), reader_.take_rest(), shard_->lane, std::move(seat_),
                       make_share(authenticated)};
    wire_.reset();
    shard_->connections.erase(shared_from_this());
    return taken;
}

void server_connection::watch_peer(unique_function<void()> on_closed) {
    if (phase_ != phase::handling) return;
    now_.on_closed = std::move(on_closed);
    // Behind a next request nothing is read, as that may take the connection. What is not served is
    // read up to a header's worth. An adopted connection is kept by its exchange while it waits.
    const auto most = now_.keep_alive ? 1 : shard_->options->max_header_bytes;
    if (reader_.buffered() < most) wire_->read();
}

void server_connection::watch_drain(unique_function<void()> f) {
    if (phase_ != phase::handling) return;
    now_.on_drain = std::move(f);
    if (!shard_->draining) return;
    shard_->lane->post([weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->drain();
    });
}

}  // namespace tidings::http::detail
