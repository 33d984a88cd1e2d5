// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/client/tunnel_stream.hpp>
#include <tidings/io/impl/socket_stream.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace tidings::http::detail {

tunnel_stream::tunnel_stream(io::stream_ptr lower, std::string early, io::socket_address target)
    : lower_(std::move(lower)),
      early_(std::move(early)),
      target_(std::move(target)) {}

std::size_t tunnel_stream::take_early(std::span<std::byte> into) noexcept {
    const auto n = std::min(into.size(), early_.size());
    std::copy_n(reinterpret_cast<const std::byte*>(early_.data()), n, into.begin());
    early_.erase(0, n);
    if (early_.empty()) std::string().swap(early_);
    return n;
}

// Dropped where the stream is gone by then.
template <class F>
void tunnel_stream::post(F f) {
    net::post(executor(), [this, alive = std::weak_ptr(alive_), f = std::move(f)]() mutable {
        if (alive.expired()) return;
        f(closed_ ? error_code(net::error::operation_aborted) : error_code());
    });
}

void tunnel_stream::start_handshake(io::ready_callback done) {
    post(std::move(done));
}

void tunnel_stream::start_read(std::span<std::byte> into, io::read_callback done) {
    if (early_.empty()) return lower_->start_read(into, std::move(done));
    post([this, into, done = std::move(done)](error_code ec) mutable {
        const auto n = ec ? 0 : take_early(into);
        done(ec, n);
    });
}

void tunnel_stream::start_write(std::span<const std::byte> from, io::read_callback done) {
    lower_->start_write(from, std::move(done));
}

void tunnel_stream::start_wait(io::wait_for what, io::ready_callback done) {
    if (what == io::wait_for::readable && !early_.empty()) return post(std::move(done));
    lower_->start_wait(what, std::move(done));
}

std::size_t tunnel_stream::try_read(std::span<std::byte> into, error_code& ec) noexcept {
    if (early_.empty() || closed_) return lower_->try_read(into, ec);
    ec = {};
    return take_early(into);
}

std::size_t tunnel_stream::try_write(std::span<const std::byte> from, error_code& ec) noexcept {
    return lower_->try_write(from, ec);
}

void tunnel_stream::start_shutdown(io::ready_callback done) {
    lower_->start_shutdown(std::move(done));
}

void tunnel_stream::close() noexcept {
    closed_ = true;
    lower_->close();
}

std::string tunnel_stream::remote_address() const {
    return tidings::detail::to_text(target_);
}

}  // namespace tidings::http::detail
