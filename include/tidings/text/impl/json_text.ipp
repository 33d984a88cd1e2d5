// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/json_depth.hpp>
#include <tidings/text/impl/hex.hpp>
#include <tidings/text/impl/json_text.hpp>
#include <tidings/text/impl/plain_prefix.hpp>
#include <tidings/text/utf8.hpp>

#include <algorithm>
#include <new>
#include <span>

namespace tidings::detail {

void append_json_string(std::string& out, std::string_view text) {
    static constexpr char digits[] = "0123456789abcdef";
    out += '"';
    std::size_t clean = 0;
    for (auto i = plain_prefix<'"', '\\'>(text); i < text.size(); ++i) {
        const char c = text[i];
        const auto code = static_cast<unsigned char>(c);
        if (code >= 0x20 && c != '"' && c != '\\') continue;
        out.append(text, clean, i - clean);
        clean = i + 1;
        out += '\\';
        switch (c) {
            case '"':
            case '\\':
                out += c;
                break;
            case '\n':
                out += 'n';
                break;
            case '\r':
                out += 'r';
                break;
            case '\t':
                out += 't';
                break;
            default:
                out += "u00";
                out += digits[code >> 4];
                out += digits[code & 15];
        }
        i += plain_prefix<'"', '\\'>(text.substr(clean));
    }
    out.append(text, clean);
    out += '"';
}

namespace {

bool is_space(char c) noexcept {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

std::string_view trim(std::string_view text) noexcept {
    while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
    return text;
}

// What is open, one bit for each object (true) or array; the first 64 without an allocation.
class open_values {
 public:
    bool empty() const noexcept { return depth_ == 0; }
    bool back() const noexcept { return (last_ & 1) != 0; }
    void push_back(bool object) {
        if (depth_ != 0 && depth_ % 64 == 0) outer_.push_back(last_);
        last_ = last_ << 1 | static_cast<std::uint64_t>(object);
        ++depth_;
    }
    void pop_back() noexcept {
        last_ >>= 1;
        if (--depth_ == 0 || depth_ % 64 != 0) return;
        last_ = outer_.back();
        outer_.pop_back();
    }

 private:
    std::size_t depth_ = 0;
    std::uint64_t last_ = 0;  // the innermost, 64 at most
    std::vector<std::uint64_t> outer_{};
};

// RFC 8259 as a loop.
class json_grammar {
 public:
    explicit json_grammar(std::string_view text) noexcept
        : at_(text.data()),
          end_(text.data() + text.size()) {}

    bool is_value() {
        for (;;) {
            skip_space();
            const char opened = at_ != end_ && (*at_ == '{' || *at_ == '[') ? *at_++ : '\0';
            if (opened == '\0' && !take_scalar()) return false;
            if (opened != '\0') {
                open_.push_back(opened == '{');
                skip_space();
                const bool empty = at_ != end_ && *at_ == closing();
                if (!empty && opened == '{' && !take_name()) return false;
                if (!empty) continue;
            }
            if (!end_values()) return false;
            if (open_.empty()) return at_ == end_;
        }
    }

    /// What was read of it, up to what is wrong.
    const char* reached() const noexcept { return at_; }

 private:
    // After a value, or at the end of an empty object or array: what closes, and a comma with the
    // name that follows it.
    bool end_values() {
        for (;;) {
            skip_space();
            if (open_.empty()) return true;
            if (!take(closing())) break;
            open_.pop_back();
        }
        return take(',') && (!open_.back() || take_name());
    }

    char closing() const { return open_.back() ? '}' : ']'; }

    bool take(char c) noexcept {
        const bool there = at_ != end_ && *at_ == c;
        if (there) ++at_;
        return there;
    }
    void skip_space() noexcept {
        while (at_ != end_ && is_space(*at_)) ++at_;
    }
    bool take_name() noexcept {
        skip_space();
        if (!take_string()) return false;
        skip_space();
        return take(':');
    }
    bool take_scalar() noexcept {
        if (at_ == end_) return false;
        switch (*at_) {
            case '"':
                return take_string();
            case 't':
                return take_word("true");
            case 'f':
                return take_word("false");
            case 'n':
                return take_word("null");
            default:
                return take_number();
        }
    }
    bool take_word(std::string_view word) noexcept {
        const std::string_view rest(at_, static_cast<std::size_t>(end_ - at_));
        if (!rest.starts_with(word)) return false;
        at_ += word.size();
        return true;
    }
    bool take_string() noexcept {
        if (!take('"')) return false;
        skip_plain();
        while (at_ != end_) {
            const char c = *at_++;
            if (c == '"') return true;
            if (static_cast<unsigned char>(c) < 0x20) return --at_, false;
            if (c != '\\') continue;
            if (!take_escape()) return false;
            skip_plain();
        }
        return false;
    }
    // Some of what a string holds as it is.
    void skip_plain() noexcept {
        at_ += plain_prefix<'"', '\\'>({at_, static_cast<std::size_t>(end_ - at_)});
    }
    bool take_escape() noexcept {
        if (at_ == end_) return false;
        const char c = *at_++;
        if (c != 'u') return std::string_view("\"\\/bfnrt").find(c) != std::string_view::npos;
        if (end_ - at_ < 4) return false;
        for (const char* const stop = at_ + 4; at_ != stop; ++at_)
            if (hex_value(*at_) < 0) return false;
        return true;
    }
    bool take_digits() noexcept {
        const char* const begin = at_;
        while (at_ != end_ && *at_ >= '0' && *at_ <= '9') ++at_;
        return at_ != begin;
    }
    bool take_number() noexcept {
        take('-');
        if (!take('0') && !take_digits()) return false;
        if (take('.') && !take_digits()) return false;
        if (!take('e') && !take('E')) return true;
        if (!take('+')) take('-');
        return take_digits();
    }

    const char* at_;
    const char* const end_;
    open_values open_;
};

// The four hexadecimal digits behind `\u`.
char32_t read_code_unit(const char* digits) noexcept {
    char32_t unit = 0;
    for (int i = 0; i < 4; ++i) unit = unit * 16 + static_cast<char32_t>(hex_value(digits[i]));
    return unit;
}

// UTF-8 (RFC 3629), without its ban on surrogates.
void append_code_point(std::string& out, char32_t c) {
    const auto last = [&](char32_t bits) { out += static_cast<char>(0x80 | (bits & 0x3f)); };
    if (c < 0x80) {
        out += static_cast<char>(c);
    } else if (c < 0x800) {
        out += static_cast<char>(0xc0 | (c >> 6));
        last(c);
    } else if (c < 0x10000) {
        out += static_cast<char>(0xe0 | (c >> 12));
        last(c >> 6);
        last(c);
    } else {
        out += static_cast<char>(0xf0 | (c >> 18));
        last(c >> 12);
        last(c >> 6);
        last(c);
    }
}

}  // namespace

std::string read_json_string(std::string_view literal) {
    static constexpr std::string_view escapes = "bfnrt";
    static constexpr std::string_view meanings = "\b\f\n\r\t";
    auto text = literal.substr(1, literal.size() - 2);
    std::string out;
    for (;;) {
        const auto plain = std::min(text.find('\\'), text.size());
        out += text.substr(0, plain);
        text.remove_prefix(plain);
        if (text.size() < 2) return out;
        const char escape = text[1];
        if (escape != 'u') {
            const auto known = escapes.find(escape);
            out += known == std::string_view::npos ? escape : meanings[known];
            text.remove_prefix(2);
            continue;
        }
        if (text.size() < 6) return out;
        auto c = read_code_unit(text.data() + 2);
        text.remove_prefix(6);
        const bool high = c >= 0xd800 && c <= 0xdbff;
        if (high && text.size() >= 6 && text[0] == '\\' && text[1] == 'u') {
            const auto low = read_code_unit(text.data() + 2);
            if (low >= 0xdc00 && low <= 0xdfff) {
                c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
                text.remove_prefix(6);
            }
        }
        append_code_point(out, c);
    }
}

error_code check_json(std::string_view text) noexcept {
    try {
        const bool valid = is_valid_utf8(text) && json_grammar(text).is_value();
        return valid ? error_code() : error_code(errc::invalid_json);
    } catch (const std::bad_alloc&) {
        return errc::out_of_memory;
    }
}

std::string json_fault(std::string_view text) {
    std::size_t at = 0;
    utf8_validator utf8;
    while (at < text.size() && utf8.feed(std::as_bytes(std::span(text.substr(at, 1))))) ++at;
    if (at == text.size()) {
        json_grammar grammar(text);
        if (utf8.complete() && grammar.is_value()) return {};
        at = static_cast<std::size_t>(grammar.reached() - text.data());
    }
    const auto before = text.substr(0, at);
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const auto column = at - (before.rfind('\n') + 1) + 1;  // none is -1
    return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

namespace {

// Splits what stands between the outer brackets at the outermost commas.
std::vector<std::string_view> split(std::string_view text, std::size_t at_most) {
    std::vector<std::string_view> parts;
    text = trim(text.substr(1, text.size() - 2));
    std::size_t depth = 0;
    std::size_t start = 0;
    for (std::size_t i = 0; i < text.size() && parts.size() < at_most;) {
        const char c = text[i];
        if (c == '"') {
            i = skip_json_string(text, i);
            continue;
        }
        if (c == '{' || c == '[') ++depth;
        if (c == '}' || c == ']') --depth;
        if (c == ',' && depth == 0) {
            parts.push_back(trim(text.substr(start, i - start)));
            start = i + 1;
        }
        ++i;
    }
    if (!text.empty() && parts.size() < at_most) parts.push_back(trim(text.substr(start)));
    return parts;
}

}  // namespace

error_code check_json_array(std::string_view text) noexcept {
    return trim(text).starts_with('[') ? check_json(text) : error_code(errc::invalid_json);
}

std::vector<std::pair<std::string, std::string_view>> json_members(std::string_view text,
                                                                   std::size_t at_most) {
    std::vector<std::pair<std::string, std::string_view>> members;
    text = trim(text);
    if (!text.starts_with('{')) return members;
    for (const auto part : split(text, at_most)) {
        const auto end = skip_json_string(part, 0);
        const auto colon = part.find(':', end);
        members.emplace_back(read_json_string(part.substr(0, end)), trim(part.substr(colon + 1)));
    }
    return members;
}

std::vector<std::string_view> json_elements(std::string_view text, std::size_t at_most) {
    text = trim(text);
    return text.starts_with('[') ? split(text, at_most) : std::vector<std::string_view>();
}

}  // namespace tidings::detail
