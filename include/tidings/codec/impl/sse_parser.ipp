// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/sse_parser.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>

namespace tidings {
namespace detail {

std::size_t find_sse_line_end(std::string_view text) noexcept {
    // Two memchr beat one search for either. The window keeps a stream of lone CRs from being
    // searched to its far end for an LF at every line.
    constexpr std::size_t window = 512;
    for (std::size_t offset = 0; offset < text.size(); offset += window) {
        const auto part = text.substr(offset, window);
        const auto lf = part.find('\n');
        const auto cr = part.substr(0, lf).find('\r');
        if (const auto end = std::min(lf, cr); end != part.npos) return offset + end;
    }
    return text.npos;
}

namespace {

struct sse_utf8_unit {
    std::size_t size;
    bool valid;
};

// "event" and its colon, behind a byte order mark.
constexpr std::size_t longest_sse_field = 3 + 6;

// The code point at the front of text, or the bytes that WHATWG Encoding 8.1.1 replaces by one
// U+FFFD: a lead byte with as many continuations as could have been right (maximal subpart).
sse_utf8_unit front_sse_unit(std::string_view text) noexcept {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(0);
    if (lead < 0x80) return {1, true};
    if (lead < 0xc2 || lead > 0xf4) return {1, false};
    const std::size_t size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    // Bounds of the second byte: no overlong form, no surrogate, nothing over U+10FFFF.
    unsigned char lower = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    unsigned char upper = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    for (std::size_t i = 1; i < size; ++i) {
        if (i == text.size() || byte(i) < lower || byte(i) > upper) return {i, false};
        lower = 0x80;
        upper = 0xbf;
    }
    return {size, true};
}

// Length of the prefix that is well-formed UTF-8.
std::size_t valid_sse_prefix(std::string_view text) noexcept {
    std::size_t i = 0;
    while (i < text.size()) {
        // Most streams are ASCII: eight bytes at a time.
        for (std::uint64_t word; text.size() - i >= sizeof word; i += sizeof word) {
            std::memcpy(&word, text.data() + i, sizeof word);
            if ((word & 0x8080808080808080U) != 0) break;
        }
        if (i == text.size()) break;
        const auto unit = front_sse_unit(text.substr(i));
        if (!unit.valid) break;
        i += unit.size;
    }
    return i;
}

void append_sse_text(std::string& out, std::string_view text) {
    for (;;) {
        const auto valid = valid_sse_prefix(text);
        out.append(text.substr(0, valid));
        text.remove_prefix(valid);
        if (text.empty()) return;
        out.append("\xef\xbf\xbd");
        text.remove_prefix(front_sse_unit(text).size);
    }
}

std::string sse_text(std::string_view text) {
    std::string result;
    append_sse_text(result, text);
    return result;
}

// ASCII digits only, so neither sign nor space. Cut to what no timer overflows on.
std::optional<std::chrono::milliseconds> parse_sse_retry(std::string_view digits) noexcept {
    constexpr std::int64_t max = std::numeric_limits<std::int32_t>::max();
    if (digits.empty()) return std::nullopt;
    std::int64_t value = 0;
    for (const char c : digits) {
        if (c < '0' || c > '9') return std::nullopt;
        value = std::min(value * 10 + (c - '0'), max);
    }
    return std::chrono::milliseconds{value};
}

}  // namespace
}  // namespace detail

sse_parser::sse_parser(sse_parser_options options) : options_{options} {}

void sse_parser::feed(std::string_view bytes) {
    if (state_ == state::failed) return;
    // Only when at least half is read, so that a byte moves once however small the reads are.
    if (begin_ >= input_.size() - begin_) {
        input_.erase(0, begin_);
        begin_ = 0;
    }
    input_.append(bytes);
}

std::optional<sse_item> sse_parser::next(error_code& ec) {
    ec = {};
    while (const auto line = take_line())
        if (auto item = on_line(*line)) return item;
    if (state_ == state::failed) ec = errc::sse_line_too_long;
    return std::nullopt;
}

error_code sse_parser::set_last_event_id(std::string_view id) {
    if (id.find_first_of({"\r\n\0", 3}) != id.npos) return errc::sse_bad_field;
    last_event_id_ = id;
    return {};
}

void sse_parser::reset_connection() noexcept {
    block_ = {};
    input_.clear();
    begin_ = 0;
    scanned_ = 0;
    first_line_ = true;
    after_cr_ = false;
    discarded_ = 0;
    state_ = state::reading;
}

std::optional<std::string_view> sse_parser::take_line() {
    while (state_ != state::failed && begin_ != input_.size()) {
        if (std::exchange(after_cr_, false) && input_[begin_] == '\n') {
            ++begin_;
            continue;
        }
        auto line = std::string_view{input_}.substr(begin_);
        const auto found = detail::find_sse_line_end(line.substr(scanned_));
        const bool complete = found != line.npos;
        if (complete) line = line.substr(0, scanned_ + found);
        // Not before the name of its field is there: a cut into other reads must change nothing.
        const bool known = complete || line.size() > detail::longest_sse_field;
        const bool too_long =
            state_ != state::reading || (known && line.size() > options_.max_line_bytes);
        if (!complete && !too_long) {
            scanned_ = line.size();
            return std::nullopt;
        }
        if (complete) after_cr_ = input_[begin_ + line.size()] == '\r';
        begin_ += line.size() + (complete ? 1 : 0);
        scanned_ = 0;
        if (std::exchange(first_line_, false) && line.starts_with("\xef\xbb\xbf"))
            line.remove_prefix(3);
        if (!too_long) return line;
        discard(line);
        if (complete && state_ != state::failed) {
            state_ = state::reading;
            discarded_ = 0;
        }
    }
    return std::nullopt;
}

// A part of a line that is too long; the first holds the name of its field.
void sse_parser::discard(std::string_view part) {
    if (state_ == state::reading) {
        const auto colon = part.find(':');
        const auto name = part.substr(0, colon);
        const bool of_event = name == "data" || name == "event" || name == "id";
        state_ = of_event ? state::discarding_field : state::discarding_other;
        if (of_event) part.remove_prefix(std::min(part.size(), name.size() + 1));
    }
    if (state_ == state::discarding_field) {
        skip_event(part.size());
        return;
    }
    discarded_ += part.size();
    if (discarded_ > options_.max_skipped_bytes) state_ = state::failed;
}

// So many bytes more belong to an event that is over its limit: nothing of it is kept but its id.
std::nullopt_t sse_parser::skip_event(std::uint64_t more) {
    if (!block_.skipped) {
        const auto size_of = [](const auto& text) { return text ? text->size() : 0; };
        block_.skipped = block_.event.size() + size_of(block_.data) + size_of(block_.id);
        block_.event = std::string();
        block_.data.reset();
    }
    *block_.skipped += more;
    if (block_.id && block_.id->size() > options_.max_event_bytes) block_.id.reset();
    if (*block_.skipped > options_.max_skipped_bytes) state_ = state::failed;
    return std::nullopt;
}

// No line end is inside a UTF-8 sequence and every syntactic byte is ASCII, so decoding the values
// of complete lines gives what decoding the whole stream first would give.
std::optional<sse_item> sse_parser::on_line(std::string_view line) {
    if (line.empty()) return dispatch();
    const auto colon = line.find(':');
    auto value = colon == line.npos ? std::string_view{} : line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (colon == 0) return sse_comment{detail::sse_text(value)};
    return on_field(line.substr(0, colon), value);
}

std::optional<sse_item> sse_parser::on_field(std::string_view name, std::string_view value) {
    const bool skipping = block_.skipped.has_value();
    if (name == "data") {
        if (skipping) return skip_event(value.size() + 1);
        if (block_.data)
            block_.data->push_back('\n');
        else
            block_.data.emplace();
        detail::append_sse_text(*block_.data, value);
    } else if (name == "event") {
        if (skipping) return skip_event(value.size());
        block_.event = detail::sse_text(value);
    } else if (name == "id") {
        if (value.find('\0') == value.npos) block_.id = detail::sse_text(value);
        if (skipping) return skip_event(value.size());
    } else if (name == "retry") {
        if (const auto time = detail::parse_sse_retry(value)) return sse_retry{*time};
    }
    const auto size_of = [](const auto& text) { return text ? text->size() : 0; };
    if (block_.event.size() + size_of(block_.data) + size_of(block_.id) > options_.max_event_bytes)
        return skip_event(0);
    return std::nullopt;
}

std::optional<sse_item> sse_parser::dispatch() {
    auto done = std::exchange(block_, {});
    const bool has_id = done.id.has_value();
    if (has_id) last_event_id_ = std::move(*done.id);
    if (done.skipped) return sse_skipped{*done.skipped};
    if (done.data) {
        if (done.event.empty()) done.event = "message";
        return sse_message{std::move(done.event), std::move(*done.data), last_event_id_, has_id};
    }
    if (has_id) return sse_id{last_event_id_};
    return std::nullopt;
}

bool is_sse_content_type(std::string_view value) noexcept {
    constexpr std::string_view expected = "text/event-stream";
    constexpr std::string_view space = " \t";
    value = value.substr(0, value.find(';'));
    value.remove_prefix(std::min(value.find_first_not_of(space), value.size()));
    value = value.substr(0, value.find_last_not_of(space) + 1);
    return std::equal(value.begin(), value.end(), expected.begin(), expected.end(),
                      [](char a, char b) {
                          return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
                      });
}

}  // namespace tidings
