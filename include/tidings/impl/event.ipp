// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/event.hpp>
#include <tidings/impl/attribute_name.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace tidings {

event::event(std::string_view type, std::string_view source) : texts_(type, source, {}) {}

event::event(copied, std::string_view type, std::string_view source, std::string_view data,
             std::string_view content_type)
    : texts_(type, source, data.size() <= max_packed_data ? data : std::string_view()),
      has_data_(true) {
    if (data.size() > max_packed_data) long_text_ = std::make_shared<const std::string>(data);
    known_content_type_ = place_among_known(content_type);
    if (known_content_type_ == 0) texts_.set(detail::text_pack::content_type, content_type);
}

// The default is the constant itself.
std::uint8_t event::place_among_known(std::string_view content_type) noexcept {
    if (content_type.data() == plain_text.data() && content_type.size() == plain_text.size())
        return 1;
    std::uint8_t known = std::size(known_content_types);
    while (--known != 0 && content_type != known_content_types[known]) {
    }
    return known;
}

void event::set_content_type(std::string_view v) {
    const auto known = place_among_known(v);
    texts_.set(detail::text_pack::content_type, known == 0 ? v : std::string_view());
    known_content_type_ = known;
}

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
    std::shared_ptr<const std::string> long_text;
    if (bytes.size() > max_packed_data)
        long_text = std::make_shared<const std::string>(std::move(bytes));
    set_content_type(content_type);
    texts_.set(detail::text_pack::data, long_text ? std::string_view() : bytes);
    long_text_ = std::move(long_text);
    value_.reset();
    is_invalid_utf8_ = false;
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

// Whether all eight are ASCII from `Least` on, and no control character. Each sum and difference
// stays within its byte, or follows one that is out of range itself.
template <char Least>
bool is_plain_word(std::uint64_t word) noexcept {
    constexpr std::uint64_t ones = 0x0101'0101'0101'0101;
    return ((word | (word + ones) | (word - ones * Least)) & (ones * 0x80)) == 0;
}

template <class Word>
Word word_at(const char* from) noexcept {
    Word word;
    std::memcpy(&word, from, sizeof word);
    return word;
}

template <char Least = ' '>
bool is_plain(std::string_view text) noexcept {
    const auto* const begin = text.data();
    const auto* const end = begin + text.size();
    if (text.size() >= 8) {
        for (const auto* at = begin; at < end - 8; at += 8)
            if (!is_plain_word<Least>(word_at<std::uint64_t>(at))) return false;
        return is_plain_word<Least>(word_at<std::uint64_t>(end - 8));
    }
    if (text.size() >= 4)
        return is_plain_word<Least>(std::uint64_t{word_at<std::uint32_t>(begin)} << 32 |
                                    word_at<std::uint32_t>(end - 4));
    for (const char c : text)
        if (c < Least || c == '\x7f') return false;
    return true;
}

// CloudEvents 1.0, 3.1.1: no control characters, no noncharacters, no surrogates.
bool is_international_text(std::string_view text) noexcept {
    while (!text.empty()) {
        const auto c = take_code_point(text);
        if (c == char32_t(-1) || c < 0x20 || (c >= 0x7f && c <= 0x9f) ||
            (c >= 0xfdd0 && c <= 0xfdef) || (c & 0xfffe) == 0xfffe)
            return false;
    }
    return true;
}

bool is_attribute_text(std::string_view text) noexcept {
    return is_plain(text) || is_international_text(text);
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

errc event::find_problem() const noexcept {
    using pack = detail::text_pack;
    if (is_invalid_utf8_) return errc::invalid_utf8;
    if (type().empty()) return errc::event_without_type;
    if (source().empty()) return errc::event_without_source;
    const auto fits = [&](pack::field f) {
        const auto text = texts_.get(f);
        return text.empty() || detail::is_attribute_text(text);
    };
    const bool plain_source = detail::is_plain<' ' + 1>(source());
    if (!detail::is_plain(type()) && !fits(pack::type)) return errc::event_bad_attribute_value;
    if (!plain_source && !fits(pack::source)) return errc::event_bad_attribute_value;
    if (texts_.any_of(pack::id, pack::subject, pack::data_schema, pack::content_type) &&
        (!fits(pack::id) || !fits(pack::subject) || !fits(pack::data_schema) ||
         !fits(pack::content_type)))
        return errc::event_bad_attribute_value;
    if (type().front() == '/') return errc::event_bad_type;
    if (!plain_source && source().find(' ') != std::string_view::npos)
        return errc::event_bad_source;
    if (time_ && !detail::is_writable_time(*time_)) return errc::event_bad_time;
    return extensions_.empty() ? errc() : find_extension_problem();
}

errc event::find_extension_problem() const noexcept {
    for (const auto& [name, value] : extensions_) {
        if (!detail::is_attribute_name(name) || detail::is_core_attribute(name))
            return errc::event_bad_attribute_name;
        if (const auto* text = std::get_if<std::string>(&value);
            text != nullptr && !detail::is_attribute_text(*text))
            return errc::event_bad_attribute_value;
    }
    return {};
}

std::size_t event::size() const noexcept {
    auto bytes = texts_.size();
    if (long_text_) bytes += long_text_->size();
    for (const auto& [name, value] : extensions_) {
        bytes += sizeof(extensions_.front()) + name.size();
        if (const auto* text = std::get_if<std::string>(&value)) bytes += text->size();
    }
    return bytes;
}

}  // namespace tidings
