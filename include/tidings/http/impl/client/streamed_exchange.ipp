// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/client/streamed_exchange.hpp>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <cstring>

namespace tidings::http::detail {

using namespace tidings::detail;

streamed_exchange::streamed_exchange(const std::shared_ptr<client_state>& owner,
                                     net::any_io_executor executor, question asked, callback done)
    : owner_(owner),
      executor_(std::move(executor)),
      options_(owner->options()),
      asked_(std::move(asked)),
      done_(std::move(done)),
      reader_(options_.max_header_bytes) {}

void streamed_exchange::start() {
    tidings::detail::watch_context(executor_, weak_from_this());
    net::post(executor_, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->begin();
    });
}

void streamed_exchange::cancel() noexcept {
    cancelled_ = true;
    try {
        net::dispatch(executor_, [self = shared_from_this()] {
            if (self->done_) self->close();  // else it is late
        });
    } catch (const std::bad_alloc&) {
        return;  // its deadline ends it
    }
}

void streamed_exchange::abort(error_code ec) {
    net::post(executor_, [self = shared_from_this(), ec] { self->complete(ec); });
}

void streamed_exchange::begin() {
    if (cancelled_ || !done_) return;
    auto& environment = options_.environment;
    deadline_ = environment.clock->make_timer(executor_);
    deadline_->start_wait(environment.clock->now() + options_.connect_timeout,
                          [weak = weak_from_this()] {
                              if (const auto self = weak.lock()) self->complete(errc::timed_out);
                          });
    cancel_connecting_ = environment.network->start_connect(
        executor_, connecting_to(asked_.to, options_),
        [weak = weak_from_this()](error_code ec, io::stream_ptr stream) {
            if (const auto self = weak.lock()) self->on_connected(ec, std::move(stream));
        });
}

void streamed_exchange::on_connected(error_code ec, io::stream_ptr stream) {
    if (cancelled_ || !done_) return;
    cancel_connecting_ = nullptr;
    if (ec) return complete(connection_error(ec));
    wire_.emplace(std::move(stream), *this);
    wire_->write(std::move(asked_.text));
    wire_->read();
}

void streamed_exchange::on_read(error_code ec, std::string_view bytes) {
    const auto self = shared_from_this();
    if (done_ && cancelled_) return;
    const bool ended = ec == net::error::eof;
    if (!ec) reader_.append(bytes);
    if (done_) return ec ? complete(connection_error(ec)) : read_header();
    if (ended)
        end_ = reader_.end(ec) == read_step::complete ? net::error::eof
                                                      : make_error_code(errc::connection_failed);
    else if (ec)
        end_ = ec;
    if (read_body()) return deliver();
    wire_->read();
}

void streamed_exchange::read_header() {
    for (;;) {
        error_code ec;
        const auto step = reader_.next(ec);
        if (step == read_step::more) return wire_->read();
        if (ec) return complete(ec);
        const auto status = reader_.message().status;
        // Taken over only whole: nothing of the request may still be on its way.
        if (status >= 200 || (status == 101 && asked_.upgrade && !wire_->writing())) {
            head_ = {.status = status, .fields = reader_.message().fields};
            // What the status says counts all the same: the reader of the body meets the error.
            if (status != 101 && reader_.frame().has_body &&
                !is_readable(head_, asked_.encoding_given))
                end_ = errc::unsupported_encoding;
            return complete({});
        }
        if (step == read_step::complete)
            reader_.reset();
        else if (status == 101 || ++interim_ > max_interim_answers)
            return complete(errc::bad_request);
    }
}

void streamed_exchange::complete(error_code ec) {
    const auto self = shared_from_this();
    if (!done_) return;
    auto done = std::exchange(done_, nullptr);
    deadline_.reset();
    if (const auto owner = owner_.lock()) owner->remove(self);
    if (ec || cancelled_) close();
    if (!cancelled_) done(ec, *this);
}

std::string streamed_exchange::take_rest() {
    if (head_.status == 101) return reader_.take_rest();
    read_body();
    return std::move(body_);
}

// Whether there is something to deliver: bytes, or the end.
bool streamed_exchange::read_body() {
    if (body_taken_ < body_.size()) return true;
    error_code ec;
    auto step = read_step::more;
    if (!end_) step = reader_.next(ec);
    if (ec)
        end_ = ec;
    else if (step == read_step::complete)
        end_ = net::error::eof;
    body_ = reader_.take_body();
    body_taken_ = 0;
    return !body_.empty() || end_;
}

void streamed_exchange::read(std::span<std::byte> into, io::read_callback done) {
    into_ = into;
    read_done_ = std::move(done);
    if (wire_ && !read_body()) return wire_->read();
    if (!wire_) end_ = net::error::operation_aborted;
    net::post(executor_, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->deliver();
    });
}

void streamed_exchange::deliver() {
    if (!read_done_) return;
    const auto n = std::min(into_.size(), body_.size() - body_taken_);
    if (n > 0) std::memcpy(into_.data(), body_.data() + body_taken_, n);
    body_taken_ += n;
    std::exchange(read_done_, nullptr)(n > 0 ? error_code() : end_, n);
}

void streamed_exchange::on_context_end() noexcept {
    done_ = nullptr;
    read_done_ = nullptr;
    deadline_.reset();
    cancel_connecting_ = nullptr;
    wire_.reset();
    executor_ = tidings::detail::ended_executor();
}

void streamed_exchange::drop() noexcept {
    read_done_ = nullptr;
    close();
}

void streamed_exchange::close() noexcept {
    const auto self = weak_from_this().lock();
    if (const auto owner = owner_.lock(); owner && self) owner->remove(self);
    done_ = nullptr;
    deadline_.reset();
    if (cancel_connecting_) std::exchange(cancel_connecting_, nullptr)();
    wire_.reset();
    body_.clear();
    body_taken_ = 0;
    end_ = net::error::operation_aborted;
    if (!read_done_ || !self) return;
    net::post(executor_, [weak = weak_from_this()] {
        if (const auto s = weak.lock()) s->deliver();
    });
}

}  // namespace tidings::http::detail
