// SPDX-License-Identifier: BSL-1.0
#include "matrix/wire.hpp"

#include <algorithm>
#include <utility>

namespace tidings::matrix {

namespace {

constexpr std::string_view blank_line = "\r\n\r\n";

std::string lower_case(std::string text) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    std::transform(text.begin(), text.end(), text.begin(), lower);
    return text;
}

std::size_t length_after(const std::string& head, std::string_view name) {
    const auto at = head.find(name);
    return at == std::string::npos ? 0 : std::stoul(head.substr(at + name.size()));
}

unsigned byte_at(const std::string& bytes, std::size_t i) {
    return static_cast<unsigned char>(bytes[i]);
}

struct frame_head {
    std::size_t size = 0;  ///< 0: not here yet
    std::size_t payload = 0;
    bool masked = false;
};

// RFC 6455 5.2
frame_head read_frame_head(const std::string& bytes) {
    if (bytes.size() < 2) return {};
    frame_head h;
    h.masked = (byte_at(bytes, 1) & 0x80) != 0;
    h.payload = byte_at(bytes, 1) & 0x7f;
    const std::size_t extended = h.payload == 126 ? 2 : h.payload == 127 ? 8 : 0;
    h.size = 2 + extended + (h.masked ? 4 : 0);
    if (bytes.size() < h.size) return {};
    if (extended != 0) h.payload = 0;
    for (std::size_t i = 0; i < extended; ++i) h.payload = h.payload << 8 | byte_at(bytes, 2 + i);
    return h;
}

std::string unmasked(std::string frame) {
    const auto h = read_frame_head(frame);
    if (!h.masked) return frame;
    for (std::size_t i = 0; i < h.payload; ++i)
        frame[h.size + i] = static_cast<char>(frame[h.size + i] ^ frame[h.size - 4 + i % 4]);
    return frame;
}

}  // namespace

std::vector<wire_unit> wire_cutter::cut(std::string_view bytes) {
    held_ += bytes;
    std::vector<wire_unit> units;
    for (auto size = next_size(); size != 0 && size <= held_.size(); size = next_size())
        units.push_back(take(size));
    return units;
}

// 0: that is not known yet.
std::size_t wire_cutter::next_size() const {
    switch (stage_) {
        case stage::chunks:
            return chunk_size();
        case stage::frames:
            return frame_size();
        default:
            return message_size();
    }
}

std::size_t wire_cutter::message_size() const {
    const auto end = held_.find(blank_line);
    if (end == std::string::npos) return 0;
    const auto head = lower_case(held_.substr(0, end));
    return end + blank_line.size() + length_after(head, "\r\ncontent-length: ");
}

std::size_t wire_cutter::chunk_size() const {
    const auto end = held_.find("\r\n");
    return end == std::string::npos ? 0 : end + 4 + std::stoul(held_, nullptr, 16);
}

std::size_t wire_cutter::frame_size() const {
    const auto h = read_frame_head(held_);
    return h.size == 0 ? 0 : h.size + h.payload;
}

wire_unit wire_cutter::take(std::size_t size) {
    wire_unit u;
    u.bytes = u.text = held_.substr(0, size);
    held_.erase(0, size);
    if (stage_ == stage::frames) u.text = unmasked(u.bytes);
    if (stage_ != stage::messages) {
        u.is = wire_unit::kind::part;
        if (stage_ == stage::chunks && u.bytes == "0\r\n\r\n") stage_ = stage::messages;
        return u;
    }
    const auto head = lower_case(u.bytes.substr(0, u.bytes.find(blank_line)));
    if (head.find("\r\ntransfer-encoding: chunked") != std::string::npos) stage_ = stage::chunks;
    if (head.find("\r\nupgrade: websocket") != std::string::npos) stage_ = stage::frames;
    return u;
}

}  // namespace tidings::matrix
