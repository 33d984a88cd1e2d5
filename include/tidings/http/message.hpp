// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tidings::http {

/// Header fields in order of appearance; names compare without regard to case (RFC 9110 5.1).
class fields {
 public:
    using value_type = std::pair<std::string, std::string>;
    using const_iterator = std::vector<value_type>::const_iterator;
    fields() = default;
    TIDINGS_DECL fields(std::initializer_list<std::pair<std::string_view, std::string_view>> list);
    TIDINGS_DECL fields(const fields& o);
    fields(fields&& o) noexcept : list_(std::move(o.list_)), size_(std::exchange(o.size_, 0)) {}
    TIDINGS_DECL fields& operator=(const fields& o);
    fields& operator=(fields&& o) noexcept {
        list_ = std::move(o.list_);
        size_ = std::exchange(o.size_, 0);
        return *this;
    }
    ~fields() = default;

    /// The first value of that name.
    TIDINGS_DECL std::optional<std::string_view> find(std::string_view name) const noexcept;
    /// The first value of that name, or empty text.
    TIDINGS_DECL std::string_view get(std::string_view name) const noexcept;
    /// All values of that name joined with ", " (RFC 9110 5.2).
    TIDINGS_DECL std::string joined(std::string_view name) const;
    TIDINGS_DECL std::size_t count(std::string_view name) const noexcept;
    TIDINGS_DECL fields& set(std::string_view name, std::string_view value);
    TIDINGS_DECL fields& append(std::string_view name, std::string_view value);
    TIDINGS_DECL void erase(std::string_view name);
    /// Makes room for so many in all.
    TIDINGS_DECL void reserve(std::size_t count);
    /// Empties it, and keeps some of its memory for as many as there were, at most 16.
    TIDINGS_DECL void clear() noexcept;

    const_iterator begin() const noexcept { return list_.begin(); }
    const_iterator end() const noexcept {
        return list_.begin() + static_cast<std::ptrdiff_t>(size_);
    }
    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }

 private:
    // What is behind the last one is memory for the next.
    std::vector<value_type> list_;
    std::size_t size_ = 0;
};

struct request {
    std::string method = "GET";
    std::string target = "/";  ///< origin-form: path and query as they came, percent-encoded
    http::fields fields{};
    std::string body{};
    unsigned version = 11;  ///< 10 or 11
    /// Of a client's request: making it twice does no more than once, whatever its method.
    bool idempotent = false;

    std::string_view path() const noexcept {
        return std::string_view(target).substr(0, target.find('?'));
    }
    std::string_view query() const noexcept {
        const auto at = target.find('?');
        return at == std::string::npos ? std::string_view()
                                       : std::string_view(target).substr(at + 1);
    }
};

struct response {
    unsigned status = 200;
    http::fields fields{};
    std::string body{};
};

/// An answer that says what is wrong: application/problem+json (RFC 9457). `detail` may hold text
/// of the peer; what is not UTF-8 in it is replaced.
TIDINGS_DECL response problem(unsigned status, std::string_view title,
                              std::string_view detail = {});
/// The phrase of a status (RFC 9110 15), empty if unknown.
TIDINGS_DECL std::string_view reason_phrase(unsigned status) noexcept;

}  // namespace tidings::http
