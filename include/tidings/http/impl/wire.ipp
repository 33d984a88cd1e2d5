// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/wire.hpp>
#include <tidings/impl/finds_memory.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>

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

bool wire::write(std::string bytes, std::shared_ptr<void> keep,
                 std::shared_ptr<const std::string> more) {
    out_ = std::move(bytes);
    more_ = std::move(more);
    written_ = try_write(out_);
    if (more_ && written_ == out_.size()) written_ += try_write(*more_);
    if (rest().empty()) {
        more_.reset();
        return true;
    }
    writing_ = true;
    write_on(std::move(keep));
    return false;
}

bool wire::write_copy(std::string_view bytes, std::shared_ptr<void> keep) {
    const auto written = try_write(bytes);
    if (written == bytes.size()) return true;
    out_ = bytes.substr(written);
    written_ = 0;
    writing_ = true;
    write_on(std::move(keep));
    return false;
}

std::string_view wire::rest() const noexcept {
    const std::string_view head = out_;
    if (written_ < head.size() || !more_) return head.substr(std::min(written_, head.size()));
    return std::string_view(*more_).substr(written_ - head.size());
}

// How much was written at once. A stream that fails says so again in the write that waits.
std::size_t wire::try_write(std::string_view bytes) noexcept {
    if (!stream_->can_poll()) return 0;
    error_code ec;
    const auto n = stream_->try_write(std::as_bytes(std::span(bytes)), ec);
    return ec ? 0 : n;
}

void wire::write_on(std::shared_ptr<void> keep) {
    stream_->start_write(std::as_bytes(std::span(rest())),
                         [this, keep = std::move(keep)](error_code ec, std::size_t n) mutable {
                             if (!ec) written_ += n;
                             if (!ec && !rest().empty()) return write_on(std::move(keep));
                             more_.reset();
                             writing_ = false;
                             user_.on_written(ec);
                         });
}

void wire::shutdown() {
    stream_->start_shutdown([](error_code) {});
}

}  // namespace tidings::http::detail
