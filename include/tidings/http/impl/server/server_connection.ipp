// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/serialise.hpp>
#include <tidings/http/impl/server/server_connection.hpp>
#include <tidings/text/impl/header_tokens.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <stdexcept>

namespace tidings::http::detail {

namespace {

// How long a peer has to take the last answer and close.
constexpr std::chrono::milliseconds linger_timeout{5'000};

std::string_view status_class(unsigned status) noexcept {
    switch (status / 100) {
        case 2:
            return "2xx";
        case 3:
            return "3xx";
        case 4:
            return "4xx";
        default:
            return "5xx";
    }
}

}  // namespace

std::string_view date_cache::text(io::system_time now) {
    const auto second = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch());
    if (std::exchange(second_, second) != second) text_ = http_date(now);
    return text_;
}

connection::connection(std::shared_ptr<shard> s, io::stream_ptr stream, std::shared_ptr<seat> place)
    : shard_(std::move(s)),
      seat_(std::move(place)),
      remote_address_(stream->remote_address()),
      loopback_(stream->remote_is_loopback()),
      reader_(shard_->options->max_header_bytes),
      deadline_([this] { on_deadline(); }) {
    wire_.emplace(std::move(stream), *this, shard_->lane.get());
}

void connection::start(std::shared_ptr<shard> s, io::stream_ptr stream, std::shared_ptr<seat> place,
                       ledger::verdict why) {
    if (!s->routes) return;
    const auto made = std::make_shared<connection>(s, std::move(stream), std::move(place));
    s->connections.insert(made);
    if (s->draining) return made->close();
    made->enter(phase::handshake);
    // `made` is owned by the shard, and dropped with its stream's callbacks.
    made->wire_->stream().start_handshake([self = made.get(), why](error_code ec) {
        const auto alive = self->shared_from_this();
        if (!ec) return self->begin(why);
        self->shard_->log(log_level::debug, "handshake failed", ec);
        self->close();
    });
}

std::shared_ptr<connection> connection::adopt(const request& r, io::stream_ptr stream,
                                              std::string leftover, io::environment environment) {
    auto s = std::make_shared<shard>();
    s->lane = tidings::detail::lane::make(stream->executor(), *environment.clock);
    s->options = std::make_shared<const server_options>(
        server_options{.environment = std::move(environment)});
    auto made = std::make_shared<connection>(std::move(s), std::move(stream), nullptr);
    made->adopted_ = true;
    made->to_head_ = r.method == "HEAD";
    made->http_1_0_ = r.version < 11;
    made->reader_.append(leftover);
    made->phase_ = phase::handling;
    tidings::detail::watch_context(made->home()->executor(), made);
    return made;
}

void connection::enter(phase p) {
    phase_ = p;
    const auto& o = *shard_->options;
    auto& wheel = shard_->lane->timers();
    switch (p) {
        case phase::handshake:
        case phase::header:
            return deadline_.arm(wheel, o.header_timeout);
        case phase::idle:
            return deadline_.arm(wheel, o.idle_timeout);
        case phase::body:
            return deadline_.arm(wheel, o.body_timeout);
        case phase::writing:
            return deadline_.arm(wheel, o.write_timeout);
        case phase::lingering:
            return deadline_.arm(wheel, linger_timeout);
        case phase::handling:
        case phase::closed:
            return deadline_.cancel();
    }
}

void connection::begin(ledger::verdict why) {
    if (why == ledger::verdict::welcome) {
        enter(phase::idle);
        return process();
    }
    shard_->log(log_level::warning, why == ledger::verdict::full
                                        ? "connection refused: max_connections"
                                        : "connection refused: max_connections_per_address");
    auto r = why == ledger::verdict::full
                 ? problem(503, "Service Unavailable", "too many connections")
                 : problem(429, "Too Many Requests", "too many connections from your address");
    r.fields.set("Retry-After", "5");
    answer(std::move(r));
}

void connection::on_deadline() {
    const auto self = shared_from_this();
    const bool mid_request = phase_ == phase::header || phase_ == phase::body;
    if (mid_request && !wire_->writing()) return refuse(408, "the request took too long");
    shard_->log(log_level::debug, "connection closed by a deadline", errc::timed_out);
    close();
}

void connection::read() {
    wire_->read(adopted_ ? shared_from_this() : nullptr);
}

void connection::on_read(error_code ec, std::string_view bytes) {
    const auto self = shared_from_this();
    if (ec) return on_read_failed(ec);
    if (phase_ == phase::lingering) return read();
    reader_.append(bytes);
    // Beyond a header's worth, what a peer sends while it waits stays in its socket.
    const bool watching = phase_ == phase::handling && on_closed_;
    if (watching && reader_.buffered() < shard_->options->max_header_bytes) return read();
    process();
}

void connection::on_read_failed(error_code ec) {
    peer_ended_ = true;
    // A peer may end its side and still wait for the answer that is under way.
    if (phase_ == phase::writing && ec == net::error::eof) return;
    if (reader_.begun() && phase_ != phase::handling)
        shard_->log(log_level::debug, "the peer left in the middle of a request", ec);
    close();
}

void connection::process() {
    if (processing_) return;
    processing_ = true;
    while (step()) continue;
    processing_ = false;
}

// False when something has to be waited for.
bool connection::step() {
    const bool receiving =
        phase_ == phase::idle || phase_ == phase::header || phase_ == phase::body;
    if (!receiving || wire_->writing()) return false;
    error_code ec;
    switch (reader_.next(ec)) {
        case read_step::header:
            on_header();
            return true;
        case read_step::complete:
            dispatch();
            return true;
        case read_step::failed:
            refuse(ec);
            return false;
        case read_step::more:
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

void connection::on_header() {
    enter(phase::body);
    const auto& r = reader_.message();
    const auto& frame = reader_.frame();
    to_head_ = r.method == "HEAD";
    http_1_0_ = frame.version < 11;
    keep_alive_ = frame.keep_alive;
    route_ = {};
    for (const auto& candidate : *shard_->routes) {
        if (!stands_before(candidate.prefix, r.path())) continue;
        route_ = candidate;
        break;
    }
    const auto own = route_.service ? route_.service->max_body_bytes() : 0;
    const auto limit = own != 0 ? own : shard_->options->max_body_bytes;
    reader_.limit_body(limit);

    // RFC 9110 10.1.1: who asks before sending is answered before it sends.
    const auto expected = r.fields.find("Expect");
    if (!expected || http_1_0_) return;
    if (!header_has_token(*expected, "100-continue"))
        return refuse(417, "the only expectation known is 100-continue");
    const bool wanted =
        frame.has_body && reader_.buffered() == 0 && frame.content_length.value_or(0) <= limit;
    if (wanted) wire_->write("HTTP/1.1 100 Continue\r\n\r\n");
}

void connection::dispatch() {
    request r = std::move(reader_.message());
    reader_.reset();
    enter(phase::handling);
    const auto to = std::exchange(route_, {});
    if (!to.service) return answer(problem(404, "Not Found"));
    auto suffix = std::string(r.path().substr(to.prefix.size()));
    handle(*to.service, exchange(std::move(r), std::move(suffix), shared_from_this()));
}

void connection::handle(mounted& service, exchange x) {
    try {
        service.handle(x);
    } catch (const std::exception& e) {
        shard_->log(log_level::error, e.what(), errc::callback_threw);
    } catch (...) {
        shard_->log(log_level::error, "a service threw", errc::callback_threw);
    }
}

void connection::refuse(const error_code& ec) {
    if (ec == errc::too_large) return refuse(413, "the body is over its limit");
    if (ec == errc::header_too_large) return refuse(431, "the header is over its limit");
    refuse(400, ec.message());
}

void connection::refuse(unsigned status, std::string_view detail) {
    keep_alive_ = false;
    shard_->log(log_level::debug, detail, errc::bad_request);
    answer(problem(status, reason_phrase(status), detail));
}

void connection::respond(response r) {
    if (!shard_->lane->running_here()) {
        net::post(shard_->lane->executor(),
                  [self = shared_from_this(), r = std::move(r)]() mutable {
                      if (self->phase_ == phase::handling) self->answer(std::move(r));
                  });
    } else if (phase_ == phase::handling) {
        answer(std::move(r));
    }
}

void connection::answer(response r) {
    on_closed_ = nullptr;
    on_drain_ = nullptr;
    if (shard_->draining || header_has_token(r.fields.joined("Connection"), "close"))
        keep_alive_ = false;
    enter(phase::writing);
    shard_->count("http_requests", {{"status", status_class(r.status)}});
    const response_frame frame{.to_head = to_head_,
                               .close = !keep_alive_,
                               .http_1_0 = http_1_0_,
                               .date = shard_->date.text(environment().clock->wall_now())};
    if (wire_->write(serialise(r, frame), adopted_ ? shared_from_this() : nullptr)) written();
}

void connection::on_written(error_code ec) {
    const auto self = shared_from_this();
    if (ec) return close();
    if (phase_ == phase::writing) return written();
    process();  // what was written was only "100 Continue"
}

void connection::written() {
    if (!keep_alive_) return linger();
    to_head_ = http_1_0_ = false;
    enter(phase::idle);
    process();
}

// Closing while bytes of the peer's are unread would reset the connection, and take the answer away
// from a peer that is still sending (RFC 9112 9.6).
void connection::linger() {
    if (peer_ended_) return close();
    enter(phase::lingering);
    reader_.take_rest();
    wire_->shutdown();
    read();
}

void connection::close() {
    const auto self = shared_from_this();
    const bool waiting = phase_ == phase::handling;
    if (phase_ == phase::closed) return;
    enter(phase::closed);
    wire_.reset();
    seat_.reset();
    on_drain_ = nullptr;
    shard_->connections.erase(self);
    if (auto f = std::exchange(on_closed_, nullptr); f && waiting) f();
}

void connection::on_context_end() noexcept {
    abandon();
}

void connection::abandon() noexcept {
    phase_ = phase::closed;
    deadline_.cancel();
    wire_.reset();
    seat_.reset();
    on_closed_ = nullptr;
    on_drain_ = nullptr;
}

void connection::drain() {
    if (phase_ == phase::idle || phase_ == phase::handshake) return close();
    if (auto f = std::exchange(on_drain_, nullptr)) f();
}

taken_stream connection::take() {
    if (phase_ != phase::handling) return {};
    if (wire_->reading()) throw std::logic_error("take() after on_peer_closed()");
    enter(phase::closed);
    taken_stream taken{wire_->release(), reader_.take_rest(), shard_->lane, std::move(seat_)};
    wire_.reset();
    shard_->connections.erase(shared_from_this());
    return taken;
}

void connection::watch_peer(unique_function<void()> on_closed) {
    if (phase_ != phase::handling) return;
    on_closed_ = std::move(on_closed);
    // An adopted one is kept by its exchange while it waits.
    if (reader_.buffered() < shard_->options->max_header_bytes) wire_->read();
}

void connection::watch_drain(unique_function<void()> f) {
    if (phase_ != phase::handling) return;
    on_drain_ = std::move(f);
    if (!shard_->draining) return;
    net::post(shard_->lane->executor(), [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self) return;
        if (auto call = std::exchange(self->on_drain_, nullptr)) call();
    });
}

}  // namespace tidings::http::detail
