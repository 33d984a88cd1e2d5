// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/crypto/impl/sha256.hpp>
#include <tidings/text/impl/take_token.hpp>
#include <tidings/topic.hpp>

#include <array>

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

// Whether `#` or `+` stands alone in a token, or between its slashes.
bool has_foreign_wildcard(std::string_view token) noexcept {
    for (std::size_t at = 0; (at = token.find_first_of("#+", at)) != std::string_view::npos; ++at) {
        const bool begins = at == 0 || token[at - 1] == '/';
        const bool ends = at + 1 == token.size() || token[at + 1] == '/';
        if (begins && ends) return true;
    }
    return false;
}

// Whether it is a topic of tokens of `[0-9A-Za-z_-]`, as nearly all are.
bool is_plain_topic(std::string_view text) noexcept {
    static constexpr auto plain = [] {
        std::array<bool, 256> fits{};
        for (int c = 0; c < 128; ++c)
            fits[static_cast<std::size_t>(c)] = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                                                (c >= 'a' && c <= 'z') || c == '_' || c == '-';
        return fits;
    }();
    if (text.size() > max_topic_bytes) return false;
    std::size_t dots = 0;
    bool in_token = false;
    for (const char c : text) {
        const bool fits = plain[static_cast<unsigned char>(c)];
        if (!fits && (c != '.' || !in_token || ++dots == max_topic_tokens)) return false;
        in_token = fits;
    }
    return in_token;
}

// `malformed` is the error of text that is no topic, or no pattern.
error_code check_syntax(std::string_view text, bool wildcards, errc malformed) noexcept {
    if (is_plain_topic(text)) return {};
    if (text.empty() || text.size() > max_topic_bytes || text.back() == '.') return malformed;
    bool foreign = false;
    for (std::size_t tokens = 0; !text.empty(); ++tokens) {
        const auto token = take_token(text);
        if (tokens == max_topic_tokens) return malformed;
        if (wildcards && (token == "*" || (token == ">" && text.empty()))) continue;
        if (!is_token(token)) return malformed;
        foreign = foreign || has_foreign_wildcard(token);
    }
    return foreign ? error_code(errc::foreign_wildcard) : error_code();
}

// Whether a pattern begins with a wildcard, which stands for no first token `tidings`.
bool begins_wild(std::string_view pattern) noexcept {
    return !pattern.empty() && (pattern[0] == '*' || pattern[0] == '>');
}

}  // namespace
}  // namespace detail::topic_grammar

error_code check_topic_syntax(std::string_view topic) noexcept {
    return detail::topic_grammar::check_syntax(topic, false, errc::bad_topic);
}

error_code check_topic(std::string_view topic) noexcept {
    if (const auto ec = check_topic_syntax(topic)) return ec;
    if (topic[0] == '_' || is_library_topic(topic)) return errc::reserved_topic;
    return {};
}

error_code check_pattern(std::string_view pattern) noexcept {
    return detail::topic_grammar::check_syntax(pattern, true, errc::bad_pattern);
}

bool is_literal_pattern(std::string_view pattern) noexcept {
    return pattern.find_first_of("*>") == std::string_view::npos;
}

bool topic_matches(std::string_view pattern, std::string_view topic) noexcept {
    return pattern_covers(pattern, topic);
}

bool patterns_overlap(std::string_view a, std::string_view b) noexcept {
    using detail::topic_grammar::begins_wild;
    if (begins_wild(a) ? is_library_topic(b) : begins_wild(b) && is_library_topic(a)) return false;
    while (!a.empty() && !b.empty()) {
        const auto x = detail::take_token(a);
        const auto y = detail::take_token(b);
        if (x == ">" || y == ">") return true;
        if (x != y && x != "*" && y != "*") return false;
    }
    return a.empty() && b.empty();
}

bool pattern_covers(std::string_view wide, std::string_view narrow) noexcept {
    if (detail::topic_grammar::begins_wild(wide) && is_library_topic(narrow)) return false;
    if (wide == ">") return !narrow.empty();
    while (!wide.empty() && !narrow.empty()) {
        const auto x = detail::take_token(wide);
        const auto y = detail::take_token(narrow);
        if (x == ">") return true;
        if (y == ">" || (x != y && x != "*")) return false;
    }
    return wide.empty() && narrow.empty();
}

std::string topic_token(std::string_view untrusted) {
    static constexpr char digits[] = "0123456789abcdef";
    constexpr std::size_t digest_digits = 32;
    constexpr std::size_t most_kept = max_topic_token_bytes - digest_digits - 2;
    using namespace detail::topic_grammar;
    std::string token;
    std::size_t kept = 0;  // bytes of the token that stay when it is too long
    for (std::size_t at = 0; at < untrusted.size() && token.size() <= max_topic_token_bytes;) {
        const auto rest = untrusted.substr(at);
        const auto c = first_character(rest);
        const bool alone =
            (at == 0 || untrusted[at - 1] == '/') && (rest.size() == 1 || rest[1] == '/');
        const bool reserved = at == 0 && (rest[0] == '_' || rest == "tidings");
        const bool stays =
            c.fits && rest[0] != '~' && !reserved && !(alone && (rest[0] == '#' || rest[0] == '+'));
        for (const char byte : rest.substr(0, c.size)) {
            if (!stays) token += '~';
            if (!stays) token += digits[static_cast<unsigned char>(byte) >> 4];
            token += stays ? byte : digits[static_cast<unsigned char>(byte) & 15];
        }
        if (token.size() <= most_kept) kept = token.size();
        at += c.size;
    }
    if (token.empty()) return "~";
    if (token.size() <= max_topic_token_bytes) return token;
    return token.substr(0, kept) + "~~" + detail::sha256_hex(untrusted).substr(0, digest_digits);
}

}  // namespace tidings
