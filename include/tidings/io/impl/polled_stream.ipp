// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/impl/polled_stream.hpp>

#if TIDINGS_POLL_SET

#include <tidings/io/impl/descriptor.hpp>
#include <tidings/io/impl/socket_stream.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>

namespace tidings::detail {

namespace {

// Closes it where its owner cannot be made.
std::shared_ptr<poll_set> set_for(const net::any_io_executor& executor, int descriptor) {
    try {
        return poll_set::of(executor);
    } catch (...) {
        close_descriptor(descriptor);
        throw;
    }
}

// Asks until a signal does not interrupt.
template <class Call>
std::size_t call_system(Call call, error_code& ec) noexcept {
    for (;;) {
        const auto result = call();
        ec = {};
        if (result >= 0) return static_cast<std::size_t>(result);
        if (errno == EINTR) continue;
        ec = error_code(errno, boost::system::system_category());
        return 0;
    }
}

}  // namespace

polled_stream::polled_stream(const net::any_io_executor& executor, int descriptor,
                             std::optional<io::socket_address> peer)
    : set_(set_for(executor, descriptor)),
      entry_(descriptor),
      peer_(std::move(peer)) {
    const int on = 1;
    if (peer_) ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

polled_stream::~polled_stream() {
    set_->remove(entry_);
    if (!closed_) close_descriptor(entry_.descriptor);
}

// It is entered in the other set when it waits next.
bool polled_stream::rebind(const net::any_io_executor& executor) {
    auto other = poll_set::of(executor);
    set_->remove(entry_);
    set_ = std::move(other);
    return true;
}

void polled_stream::post(error_code ec, io::ready_callback done) {
    if (!alive_) alive_ = std::make_shared<char>();
    net::post(set_->executor(),
              [this, alive = std::weak_ptr(alive_), ec, done = std::move(done)]() mutable {
                  if (!alive.expired()) done(closed_ ? net::error::operation_aborted : ec);
              });
}

void polled_stream::start_handshake(io::ready_callback done) {
    post({}, std::move(done));
}

void polled_stream::start_read(std::span<std::byte> into, io::read_callback done) {
    start_wait(io::wait_for::readable, [this, into, done = std::move(done)](error_code ec) mutable {
        const auto n = ec ? 0 : try_read(into, ec);
        if (ec == net::error::would_block) return start_read(into, std::move(done));
        done(ec, n);
    });
}

void polled_stream::start_write(std::span<const std::byte> from, io::read_callback done) {
    error_code ec;
    const auto n = try_write(from, ec);
    if (ec != net::error::would_block)
        return post(ec, [n, done = std::move(done)](error_code e) mutable { done(e, e ? 0 : n); });
    start_wait(io::wait_for::writable, [this, from, done = std::move(done)](error_code e) mutable {
        const auto written = e ? 0 : try_write(from, e);
        if (e == net::error::would_block) return start_write(from, std::move(done));
        done(e, written);
    });
}

void polled_stream::start_wait(io::wait_for what, io::ready_callback done) {
    auto ec = closed_ ? net::error::operation_aborted : error_code();
    if (!ec) ec = set_->wait(entry_, what, done);
    if (ec) post(ec, std::move(done));
}

std::size_t polled_stream::try_read(std::span<std::byte> into, error_code& ec) noexcept {
    ec = closed_ ? net::error::operation_aborted : error_code();
    if (ec || into.empty()) return 0;
    const auto n = call_system(
        [&] { return ::recv(entry_.descriptor, into.data(), into.size(), MSG_DONTWAIT); }, ec);
    if (!ec && n == 0) ec = net::error::eof;
    // What comes behind a read that did not fill its buffer is reported; the end only once.
    entry_.drained = !entry_.hung_up && (ec || n < into.size());
    return n;
}

std::size_t polled_stream::try_write(std::span<const std::byte> from, error_code& ec) noexcept {
    ec = closed_ ? net::error::operation_aborted : error_code();
    if (ec || from.empty()) return 0;
    return call_system(
        [&] {
            return ::send(entry_.descriptor, from.data(), from.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        },
        ec);
}

void polled_stream::start_shutdown(io::ready_callback done) {
    error_code ec;
    if (!closed_) call_system([&] { return ::shutdown(entry_.descriptor, SHUT_WR); }, ec);
    post(ec, std::move(done));
}

void polled_stream::close() noexcept {
    if (std::exchange(closed_, true)) return;
    set_->abort(entry_);
    close_descriptor(entry_.descriptor);
}

std::string polled_stream::remote_address() const {
    return peer_ ? to_text(*peer_) : "unix";
}

}  // namespace tidings::detail

#endif
