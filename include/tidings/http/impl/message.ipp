// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/message.hpp>
#include <tidings/text/impl/ascii.hpp>
#include <tidings/text/impl/json_text.hpp>
#include <tidings/text/utf8.hpp>

#include <algorithm>
#include <iterator>

namespace tidings::http {

namespace {

// Every byte that is part of no character becomes U+FFFD.
std::string mended_utf8(std::string_view text) {
    if (is_valid_utf8(text)) return std::string(text);
    std::string mended;
    while (!text.empty()) {
        std::size_t length = 1;
        while (length < 4 && length < text.size() && !is_valid_utf8(text.substr(0, length)))
            ++length;
        const bool character = is_valid_utf8(text.substr(0, length));
        mended += character ? text.substr(0, length) : std::string_view("\xef\xbf\xbd");
        text.remove_prefix(character ? length : 1);
    }
    return mended;
}

}  // namespace

std::optional<std::string_view> fields::find(std::string_view name) const noexcept {
    for (const auto& [n, value] : *this)
        if (detail::equal_ignoring_case(n, name)) return value;
    return std::nullopt;
}

std::string_view fields::get(std::string_view name) const noexcept {
    return find(name).value_or(std::string_view());
}

std::string fields::joined(std::string_view name) const {
    std::string all;
    bool first = true;
    for (const auto& [n, value] : *this) {
        if (!detail::equal_ignoring_case(n, name)) continue;
        if (!std::exchange(first, false)) all += ", ";
        all += value;
    }
    return all;
}

std::size_t fields::count(std::string_view name) const noexcept {
    return static_cast<std::size_t>(std::count_if(begin(), end(), [name](const value_type& f) {
        return detail::equal_ignoring_case(f.first, name);
    }));
}

fields& fields::set(std::string_view name, std::string_view value) {
    const auto same = [name](const value_type& f) {
        return detail::equal_ignoring_case(f.first, name);
    };
    const auto all = list_.begin() + static_cast<std::ptrdiff_t>(size_);
    const auto first = std::find_if(list_.begin(), all, same);
    if (first == all && all != list_.end()) return append(name, value);
    if (first != all && first->first == name && std::none_of(std::next(first), all, same)) {
        first->second = value;
        return *this;
    }
    // Made first: both views may look into what is erased.
    value_type made(name, value);
    erase(made.first);
    list_.insert(list_.begin() + static_cast<std::ptrdiff_t>(size_), std::move(made));
    ++size_;
    return *this;
}

fields::fields(std::initializer_list<std::pair<std::string_view, std::string_view>> list)
    : list_(list.begin(), list.end()),
      size_(list.size()) {}

fields::fields(const fields& o) : list_(o.begin(), o.end()), size_(o.size_) {}

fields& fields::operator=(const fields& o) {
    return *this = fields(o);
}

fields& fields::append(std::string_view name, std::string_view value) {
    if (size_ < list_.size()) {
        list_[size_].first = name;
        list_[size_].second = value;
    } else {
        list_.emplace_back(name, value);
    }
    ++size_;
    return *this;
}

void fields::erase(std::string_view name) {
    const auto all = list_.begin() + static_cast<std::ptrdiff_t>(size_);
    const auto left = std::remove_if(list_.begin(), all, [name](const value_type& f) {
        return detail::equal_ignoring_case(f.first, name);
    });
    size_ = static_cast<std::size_t>(left - list_.begin());
}

void fields::reserve(std::size_t count) {
    list_.reserve(count);
}

void fields::clear() noexcept {
    constexpr std::size_t most = 16;
    constexpr std::size_t most_bytes = 64;  // of a text
    size_ = 0;
    if (list_.capacity() > most) {
        std::vector<value_type>().swap(list_);
        return;
    }
    for (auto& f : list_)
        for (auto* text : {&f.first, &f.second})
            if (text->capacity() > most_bytes) std::string().swap(*text);
}

response problem(unsigned status, std::string_view title, std::string_view detail) {
    response r{.status = status, .fields = {{"Content-Type", "application/problem+json"}}};
    r.body = "{\"title\":";
    tidings::detail::append_json_string(r.body, mended_utf8(title));
    r.body += ",\"status\":" + std::to_string(status);
    if (!detail.empty()) {
        r.body += ",\"detail\":";
        tidings::detail::append_json_string(r.body, mended_utf8(detail));
    }
    r.body += '}';
    return r;
}

std::string_view reason_phrase(unsigned status) noexcept {
    struct row {
        unsigned status;
        std::string_view phrase;
    };
    static constexpr row rows[] = {
        {100, "Continue"},
        {101, "Switching Protocols"},
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {203, "Non-Authoritative Information"},
        {204, "No Content"},
        {205, "Reset Content"},
        {206, "Partial Content"},
        {300, "Multiple Choices"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {402, "Payment Required"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {407, "Proxy Authentication Required"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {422, "Unprocessable Content"},
        {425, "Too Early"},
        {426, "Upgrade Required"},
        {428, "Precondition Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };
    const auto* const found =
        std::lower_bound(std::begin(rows), std::end(rows), status,
                         [](const row& r, unsigned s) { return r.status < s; });
    return found != std::end(rows) && found->status == status ? found->phrase : std::string_view();
}

}  // namespace tidings::http
