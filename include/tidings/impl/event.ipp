// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/event.hpp>
#include <tidings/impl/attribute_name.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace tidings {

event& event::extension(std::string_view name, attribute_value value) & {
    const auto it = std::find_if(extensions_.begin(), extensions_.end(),
                                 [&](const auto& e) { return e.first == name; });
    if (it == extensions_.end())
        extensions_.emplace_back(name, std::move(value));
    else
        it->second = std::move(value);
    return *this;
}

const attribute_value* event::extension(std::string_view name) const noexcept {
    for (const auto& [key, value] : extensions_)
        if (key == name) return &value;
    return nullptr;
}

event& event::remove_extension(std::string_view name) & {
    std::erase_if(extensions_, [&](const auto& e) { return e.first == name; });
    return *this;
}

event& event::data(std::string bytes, std::string_view content_type) & {
    data_ = std::move(bytes);
    content_type_ = content_type;
    value_.reset();
    deferred_error_ = {};
    has_data_ = true;
    return *this;
}

namespace detail {
namespace {

// Names that are attributes of their own, so an extension cannot stand for them.
bool is_core_attribute(std::string_view name) noexcept {
    static constexpr std::string_view core[] = {
        "id", "source", "type", "specversion", "subject", "time", "dataschema", "datacontenttype"};
    return std::find(std::begin(core), std::end(core), name) != std::end(core);
}

// One code point of UTF-8 from the front of text; char32_t(-1) when it is not well-formed.
char32_t take_code_point(std::string_view& text) noexcept {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(0);
    const std::size_t size = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if ((lead >= 0x80 && lead < 0xc2) || lead > 0xf4 || text.size() < size) return char32_t(-1);
    char32_t value = size == 1 ? lead : lead & (0x7fU >> size);
    for (std::size_t i = 1; i < size; ++i) {
        if ((byte(i) & 0xc0) != 0x80) return char32_t(-1);
        value = (value << 6) | (byte(i) & 0x3f);
    }
    static constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (value < least[size] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return char32_t(-1);
    text.remove_prefix(size);
    return value;
}

// Whether all eight are ASCII and no control characters. Each sum and difference stays within its
// byte, or follows one that is out of range itself.
bool is_plain(const char* eight) noexcept {
    constexpr std::uint64_t ones = 0x0101'0101'0101'0101;
    std::uint64_t word;
    std::memcpy(&word, eight, sizeof word);
    return ((word | (word + ones) | (word - ones * 0x20)) & (ones * 0x80)) == 0;
}

bool is_plain(std::string_view text) noexcept {
    if (text.size() < 8) {
        for (const char c : text)
            if (static_cast<unsigned char>(c - 0x20) >= 0x5f) return false;
        return true;
    }
    const auto* const last = text.data() + text.size() - 8;
    for (const auto* at = text.data(); at < last; at += 8)
        if (!is_plain(at)) return false;
    return is_plain(last);
}

// CloudEvents 1.0, 3.1.1: no control characters, no noncharacters, no surrogates.
bool is_attribute_text(std::string_view text) noexcept {
    if (is_plain(text)) return true;
    while (!text.empty()) {
        const auto c = take_code_point(text);
        if (c == char32_t(-1) || c < 0x20 || (c >= 0x7f && c <= 0x9f) ||
            (c >= 0xfdd0 && c <= 0xfdef) || (c & 0xfffe) == 0xfffe)
            return false;
    }
    return true;
}

// RFC 3339 has years of four digits.
bool is_writable_time(event_time t) noexcept {
    using namespace std::chrono;
    constexpr event_time first = sys_days(year(0) / January / 1);
    constexpr event_time end = sys_days(year(10000) / January / 1);
    return t >= first && t < end;
}

}  // namespace
}  // namespace detail

error_code event::check() const noexcept {
    if (deferred_error_) return deferred_error_;
    if (type_.empty()) return errc::event_without_type;
    if (source_.empty()) return errc::event_without_source;
    for (const auto* text : {&id_, &type_, &source_, &subject_, &data_schema_, &content_type_})
        if (!detail::is_attribute_text(*text)) return errc::event_bad_attribute_value;
    if (type_.starts_with('/')) return errc::event_bad_type;
    if (source_.find(' ') != std::string::npos) return errc::event_bad_source;
    if (time_ && !detail::is_writable_time(*time_)) return errc::event_bad_time;
    for (const auto& [name, value] : extensions_) {
        if (!detail::is_attribute_name(name) || detail::is_core_attribute(name))
            return errc::event_bad_attribute_name;
        if (const auto* text = std::get_if<std::string>(&value);
            text != nullptr && !detail::is_attribute_text(*text))
            return errc::event_bad_attribute_value;
    }
    return {};
}

}  // namespace tidings
