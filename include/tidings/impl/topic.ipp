// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/text/impl/take_token.hpp>
#include <tidings/topic.hpp>

namespace tidings {

namespace detail::topic_grammar {
namespace {

struct character {
    std::size_t size;  // bytes; 1 where the text is not UTF-8
    bool fits;         // may stand in a token
};

bool is_visible(char32_t c) noexcept {
    const bool c1 = c >= 0x80 && c <= 0x9f;
    const bool white_space = c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
                             c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
                             c == 0x3000;
    const bool noncharacter = (c >= 0xfdd0 && c <= 0xfdef) || (c & 0xfffe) == 0xfffe;
    return !c1 && !white_space && !noncharacter;
}

// The character at the front of text that is not empty.
character first_character(std::string_view text) noexcept {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(0);
    if (lead < 0x80)
        return {1, lead > ' ' && lead < 0x7f && lead != '.' && lead != '*' && lead != '>'};
    const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || text.size() < size) return {1, false};
    char32_t value = lead & (0x7fU >> size);
    for (std::size_t i = 1; i < size; ++i) {
        if ((byte(i) & 0xc0) != 0x80) return {1, false};
        value = (value << 6) | (byte(i) & 0x3f);
    }
    static constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (value < least[size] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return {1, false};
    return {size, is_visible(value)};
}

bool is_token(std::string_view text) noexcept {
    if (text.empty()) return false;
    while (!text.empty()) {
        const auto c = first_character(text);
        if (!c.fits) return false;
        text.remove_prefix(c.size);
    }
    return true;
}

bool is_well_formed(std::string_view text, bool wildcards) noexcept {
    if (text.empty() || text.size() > max_topic_bytes || text.back() == '.') return false;
    for (std::size_t tokens = 0; !text.empty(); ++tokens) {
        const auto token = take_token(text);
        if (tokens == max_topic_tokens) return false;
        if (wildcards && (token == "*" || (token == ">" && text.empty()))) continue;
        if (!is_token(token)) return false;
    }
    return true;
}

bool is_reserved(std::string_view first_token) noexcept {
    return first_token == "tidings" || first_token.substr(0, 1) == "_";
}

}  // namespace
}  // namespace detail::topic_grammar

error_code check_topic_syntax(std::string_view topic) noexcept {
    if (!detail::topic_grammar::is_well_formed(topic, false)) return errc::bad_topic;
    return {};
}

error_code check_topic(std::string_view topic) noexcept {
    if (const auto ec = check_topic_syntax(topic)) return ec;
    if (detail::topic_grammar::is_reserved(detail::take_token(topic))) return errc::reserved_topic;
    return {};
}

error_code check_pattern(std::string_view pattern) noexcept {
    if (!detail::topic_grammar::is_well_formed(pattern, true)) return errc::bad_pattern;
    return {};
}

bool is_literal(std::string_view pattern) noexcept {
    return pattern.find_first_of("*>") == std::string_view::npos;
}

bool matches(std::string_view pattern, std::string_view topic) noexcept {
    return covers(pattern, topic);
}

bool overlaps(std::string_view a, std::string_view b) noexcept {
    while (!a.empty() && !b.empty()) {
        const auto x = detail::take_token(a);
        const auto y = detail::take_token(b);
        if (x == ">" || y == ">") return true;
        if (x != y && x != "*" && y != "*") return false;
    }
    return a.empty() && b.empty();
}

bool covers(std::string_view wide, std::string_view narrow) noexcept {
    while (!wide.empty() && !narrow.empty()) {
        const auto x = detail::take_token(wide);
        const auto y = detail::take_token(narrow);
        if (x == ">") return true;
        if (y == ">" || (x != y && x != "*")) return false;
    }
    return wide.empty() && narrow.empty();
}

std::string topic_token(std::string_view untrusted) {
    std::string token;
    while (!untrusted.empty()) {
        const auto c = detail::topic_grammar::first_character(untrusted);
        const auto piece = c.fits ? untrusted.substr(0, c.size) : std::string_view("_");
        if (token.empty() && piece == "_") token = "x";
        if (token.size() + piece.size() > max_topic_token_bytes) break;
        token += piece;
        untrusted.remove_prefix(c.size);
    }
    if (token.empty() || detail::topic_grammar::is_reserved(token)) token.insert(0, "x");
    return token;
}

}  // namespace tidings
