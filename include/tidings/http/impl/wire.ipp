// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/wire.hpp>
#include <tidings/impl/finds_memory.hpp>

#include <boost/asio/error.hpp>

namespace tidings::http::detail {

using namespace tidings::detail;

namespace {

std::string_view as_text(std::span<const std::byte> bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

wire::wire(io::stream_ptr stream, wire_user& user, tidings::detail::lane* lane)
    : user_(user),
      lane_(lane != nullptr && stream->can_poll() ? lane : nullptr),
      stream_(std::move(stream)) {}

void wire::read(std::shared_ptr<void> keep) {
    if (std::exchange(reading_, true)) return;
    if (lane_ != nullptr) return read_polled(std::move(keep));
    if (!buffer_) buffer_ = std::make_unique_for_overwrite<std::byte[]>(own_buffer_bytes);
    const std::span into(buffer_.get(), own_buffer_bytes);
    stream_->start_read(into, [this, into, keep = std::move(keep)](error_code ec, std::size_t n) {
        reading_ = false;
        user_.on_read(ec, as_text(into.first(ec ? 0 : n)));
    });
}

void wire::read_polled(std::shared_ptr<void> keep) {
    auto ready = [this, keep = std::move(keep)](error_code ec) mutable {
        std::span<std::byte> into;
        if (!finds_memory([&] { into = lane_->receive_buffer(); })) ec = errc::out_of_memory;
        const auto n = ec ? 0 : stream_->try_read(into, ec);
        if (ec == net::error::would_block) return read_polled(std::move(keep));
        reading_ = false;
        user_.on_read(ec, as_text(into.first(ec ? 0 : n)));
    };
    stream_->start_wait(io::wait_for::readable, std::move(ready));
}

bool wire::write(std::string bytes, std::shared_ptr<void> keep) {
    out_ = std::move(bytes);
    written_ = 0;
    if (try_write()) return true;
    writing_ = true;
    write_on(std::move(keep));
    return false;
}

// A stream that fails says so again in the write that waits.
bool wire::try_write() noexcept {
    if (!stream_->can_poll()) return false;
    error_code ec;
    const auto n = stream_->try_write(std::as_bytes(std::span(out_)).subspan(written_), ec);
    if (!ec) written_ += n;
    return written_ == out_.size();
}

void wire::write_on(std::shared_ptr<void> keep) {
    const auto rest = std::as_bytes(std::span(out_)).subspan(written_);
    stream_->start_write(rest,
                         [this, keep = std::move(keep)](error_code ec, std::size_t n) mutable {
                             if (!ec) written_ += n;
                             if (!ec && written_ < out_.size()) return write_on(std::move(keep));
                             writing_ = false;
                             user_.on_written(ec);
                         });
}

void wire::shutdown() {
    stream_->start_shutdown([](error_code) {});
}

}  // namespace tidings::http::detail
