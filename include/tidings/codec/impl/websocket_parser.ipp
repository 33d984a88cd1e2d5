// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/websocket_close.hpp>
#include <tidings/codec/websocket_parser.hpp>

#include <algorithm>
#include <cassert>
#include <exception>

namespace tidings {
namespace detail {

// What an idle connection may keep: a reallocation saved for peers whose small messages are split.
inline constexpr std::size_t websocket_idle_bytes = 256;

// Memory from here on is worth passing on: the system gives and takes it in pages, each of which
// costs a fault. A lane keeps no more than the second.
inline constexpr std::size_t websocket_large_bytes = std::size_t{64} * 1024;
inline constexpr std::size_t websocket_spare_bytes = std::size_t{2} * 1024 * 1024;

inline unsigned websocket_byte(std::byte byte) noexcept {
    return std::to_integer<unsigned>(byte);
}

inline std::size_t websocket_header_size(std::byte second) noexcept {
    const unsigned length = websocket_byte(second) & 0x7f;
    const std::size_t mask = (websocket_byte(second) & 0x80) != 0 ? 4 : 0;
    return mask + (length == 127 ? 10 : length == 126 ? 4 : 2);
}

inline std::uint64_t read_websocket_integer(std::span<const std::byte> bytes) noexcept {
    std::uint64_t value = 0;
    for (const std::byte byte : bytes) value = value << 8 | websocket_byte(byte);
    return value;
}

}  // namespace detail

websocket_parser::websocket_parser(websocket_role role, websocket_parser_options options) noexcept
    : spare_{options.spare},
      max_message_bytes_{options.max_message_bytes},
      max_skipped_bytes_{options.max_skipped_bytes},
      role_{role} {}

void websocket_parser::feed(std::span<std::byte> bytes) noexcept {
    assert(input_.empty());
    if (done()) return;
    input_ = bytes;
    arrived_ += bytes.size();
}

std::optional<websocket_item> websocket_parser::next(error_code& ec) noexcept {
    ec = {};
    while (!done()) {
        if (stage_ == stage::header) {
            held_.resize(message_bytes_);  // drops what the last item was shown from
            if (!read_header()) break;
        }
        if (auto item = read_payload()) return item;
        if (stage_ == stage::payload) break;
    }
    release_when_idle();
    if (error_ != errc{}) ec = error_;
    return std::nullopt;
}

std::size_t websocket_parser::held_bytes() const noexcept {
    const std::size_t inside_the_object = std::string{}.capacity();
    return held_.capacity() > inside_the_object ? held_.capacity() : 0;
}

bool websocket_parser::read_header() noexcept {
    if (header_bytes_ < 2) {
        if (!fill_header(2)) return false;
        if (const errc reason = check_start(); reason != errc{}) {
            fail(reason);
            return false;
        }
    }
    if (!fill_header(detail::websocket_header_size(header_[1]))) return false;
    header_bytes_ = 0;
    if (const errc reason = begin_frame(); reason != errc{}) {
        fail(reason);
        return false;
    }
    return true;
}

bool websocket_parser::fill_header(std::size_t size) noexcept {
    const std::size_t count = std::min(size - header_bytes_, input_.size());
    std::copy_n(input_.data(), count, header_.data() + header_bytes_);
    header_bytes_ = static_cast<std::uint8_t>(header_bytes_ + count);
    input_ = input_.subspan(count);
    return header_bytes_ == size;
}

// Everything that the first two bytes decide, so that a bad frame is refused at its beginning.
errc websocket_parser::check_start() const noexcept {
    const unsigned first = detail::websocket_byte(header_[0]);
    const unsigned second = detail::websocket_byte(header_[1]);
    if ((first & 0x70) != 0) return errc::ws_reserved_bits;
    const auto opcode = static_cast<websocket_opcode>(first & 0x0f);
    if (detail::is_websocket_control(opcode)) {
        if (opcode > websocket_opcode::pong) return errc::ws_bad_opcode;
        if ((first & 0x80) == 0) return errc::ws_control_fragmented;
        if ((second & 0x7f) > max_websocket_control_bytes) return errc::ws_control_too_long;
    } else {
        if (opcode > websocket_opcode::binary) return errc::ws_bad_opcode;
        const bool continues = opcode == websocket_opcode::continuation;
        const bool under_way = message_ != websocket_opcode::continuation;
        if (continues != under_way) return errc::ws_bad_continuation;
    }
    const bool masked = (second & 0x80) != 0;
    if (masked != (role_ == websocket_role::server)) return errc::ws_bad_mask;
    return {};
}

errc websocket_parser::begin_frame() noexcept {
    const unsigned short_length = detail::websocket_byte(header_[1]) & 0x7f;
    const std::size_t mask_bytes = role_ == websocket_role::server ? mask_.size() : 0;
    const std::size_t length_end = detail::websocket_header_size(header_[1]) - mask_bytes;
    std::uint64_t length = short_length;
    if (short_length >= 126) {
        length = detail::read_websocket_integer(std::span{header_}.first(length_end).subspan(2));
        const std::uint64_t shortest = short_length == 126 ? 126 : 0x1'0000;
        if (length < shortest || length >> 63 != 0) return errc::ws_bad_length;
    }
    std::copy_n(header_.data() + length_end, mask_bytes, mask_.data());
    opcode_ = static_cast<websocket_opcode>(detail::websocket_byte(header_[0]) & 0x0f);
    fin_ = (detail::websocket_byte(header_[0]) & 0x80) != 0;
    if (!detail::is_websocket_control(opcode_))
        if (const errc reason = begin_data(length); reason != errc{}) return reason;
    frame_left_ = length;
    stage_ = stage::payload;
    ++frames_;
    return {};
}

errc websocket_parser::begin_data(std::uint64_t length) noexcept {
    if (opcode_ != websocket_opcode::continuation) message_ = opcode_;
    if (skipped_ == 0 && length <= max_message_bytes_ - message_bytes_) return {};
    const std::uint64_t before = skipped_ != 0 ? skipped_ : message_bytes_;
    if (before > max_skipped_bytes_ || length > max_skipped_bytes_ - before) return errc::too_large;
    skipped_ = before + length;
    message_bytes_ = 0;
    release_held();
    utf8_.reset();
    return {};
}

std::optional<websocket_item> websocket_parser::read_payload() noexcept {
    const auto count =
        static_cast<std::size_t>(std::min<std::uint64_t>(frame_left_, input_.size()));
    const std::span<std::byte> arrived = input_.first(count);
    input_ = input_.subspan(count);
    frame_left_ -= count;
    if (skipped_ != 0 && !detail::is_websocket_control(opcode_)) return skip();
    if (role_ == websocket_role::server) detail::apply_websocket_mask(arrived, mask_);

    const bool control = detail::is_websocket_control(opcode_);
    if (!control && message_ == websocket_opcode::text && !utf8_.feed(arrived)) {
        fail(errc::invalid_utf8);
        return std::nullopt;
    }
    const bool whole = frame_left_ == 0;
    const std::size_t start = control ? message_bytes_ : 0;
    std::span<const std::byte> payload = arrived;
    if (!whole || !fin_ || held_.size() != start) {
        if (!hold(arrived)) return std::nullopt;
        if (!control) message_bytes_ = held_.size();
        payload = std::as_bytes(std::span{held_}).subspan(start);
    }
    if (!whole) return std::nullopt;
    stage_ = stage::header;
    if (!fin_) return std::nullopt;
    return control ? finish_control(payload) : finish_message(payload);
}

std::optional<websocket_item> websocket_parser::skip() noexcept {
    if (frame_left_ != 0) return std::nullopt;
    stage_ = stage::header;
    if (!fin_) return std::nullopt;
    return websocket_item{.opcode = std::exchange(message_, websocket_opcode::continuation),
                          .skipped_bytes = std::exchange(skipped_, 0)};
}

std::optional<websocket_item> websocket_parser::finish_message(
    std::span<const std::byte> payload) noexcept {
    // Only text feeds the validator, which is therefore complete whenever no text is under way.
    if (!utf8_.complete()) {
        fail(errc::invalid_utf8);
        return std::nullopt;
    }
    message_bytes_ = 0;
    return websocket_item{.opcode = std::exchange(message_, websocket_opcode::continuation),
                          .payload = payload};
}

std::optional<websocket_item> websocket_parser::finish_control(
    std::span<const std::byte> payload) noexcept {
    websocket_item item{.opcode = opcode_, .payload = payload};
    if (opcode_ != websocket_opcode::close) return item;
    item.close_code = 1005;
    if (!payload.empty()) {
        // A payload of one byte reads as a code below 256, none of which is valid.
        const std::size_t code_bytes = std::min<std::size_t>(payload.size(), 2);
        item.close_code =
            static_cast<std::uint16_t>(detail::read_websocket_integer(payload.first(code_bytes)));
        item.payload = payload.subspan(code_bytes);
        const bool valid_code = is_valid_close_code_for_wire(item.close_code);
        if (!valid_code || !is_valid_utf8(item.text())) {
            fail(valid_code ? errc::invalid_utf8 : errc::ws_bad_close_code);
            return std::nullopt;
        }
    }
    stage_ = stage::done;
    input_ = {};
    return item;
}

// One allocation for a message whose length is known, unless a peer claims what it has not earned.
void websocket_parser::make_room(std::uint64_t bytes) {
    std::string larger;  // a string that has memory already would take more than is reserved
    const std::uint64_t wanted = bytes + frame_left_;
    if (spare_ != nullptr && wanted >= detail::websocket_large_bytes &&
        wanted <= spare_->capacity())
        larger.swap(*spare_);
    else
        larger.reserve(static_cast<std::size_t>(std::max(bytes, std::min(wanted, 2 * arrived_))));
    larger = held_;
    held_.swap(larger);
}

void websocket_parser::release_held() noexcept {
    std::string freed;
    freed.swap(held_);
    if (spare_ == nullptr || freed.capacity() <= spare_->capacity()) return;
    const bool large = freed.capacity() >= detail::websocket_large_bytes;
    if (large && freed.capacity() <= detail::websocket_spare_bytes) freed.swap(*spare_);
}

bool websocket_parser::hold(std::span<const std::byte> bytes) noexcept {
    try {
        const std::uint64_t now = held_.size() + bytes.size();
        if (now > held_.capacity()) make_room(now);
        held_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        return true;
    } catch (const std::exception&) {
        fail(errc::out_of_memory);
        return false;
    }
}

void websocket_parser::fail(errc reason) noexcept {
    error_ = reason;
    stage_ = stage::done;
    input_ = {};
}

void websocket_parser::release_when_idle() noexcept {
    const bool idle = done() || (stage_ == stage::header && message_bytes_ == 0);
    if (idle && held_bytes() > detail::websocket_idle_bytes) release_held();
}

}  // namespace tidings
