// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>
#include <tidings/http/impl/message/url.hpp>
#include <tidings/http/message.hpp>
#include <tidings/text/impl/ascii.hpp>
#include <tidings/text/impl/header_tokens.hpp>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string_view>

// What the header of a message says, and whether it may.
namespace tidings::http::detail {

using tidings::detail::equal_ignoring_case;
using tidings::detail::header_has_token;

/// The fields that the reader itself reads. The first two frame the body; `Connection` may be a
/// list of values; what follows are fields that this library reads and that their specifications
/// define as a single value: two values that differ are two readings (RFC 9110 5.3).
inline constexpr std::string_view known_fields[] = {
    "Content-Length",   "Transfer-Encoding", "Host",
    "Connection",       "Authorization",     "Content-Type",
    "Idempotency-Key",  "Last-Event-ID",     "Location",
    "Origin",           "Retry-After",       "Sec-WebSocket-Accept",
    "Sec-WebSocket-Key"};
enum known_field : std::size_t { content_length, transfer_encoding, host, connection, single };

// RFC 6455 11.3.4, 11.3.5: a request may offer many protocols, a response may list many versions.
inline std::string_view single_field_of(const request&) noexcept {
    return "Sec-WebSocket-Version";
}
inline std::string_view single_field_of(const response&) noexcept {
    return "Sec-WebSocket-Protocol";
}

/// What the fields of a message say to its reader.
class field_summary {
 public:
    template <class Message>
    explicit field_summary(const Message& m) noexcept {
        for (const auto& [name, value] : m.fields) add(name, value, single_field_of(m));
    }

    std::size_t count(known_field f) const noexcept { return seen_[f].count; }
    /// The first value.
    std::string_view get(known_field f) const noexcept { return seen_[f].first; }
    bool repeats_single() const noexcept { return repeated_singles_ != 0; }
    /// `Connection: close`, `Connection: keep-alive`
    bool closes() const noexcept { return closes_; }
    bool stays() const noexcept { return stays_; }

 private:
    static constexpr std::size_t known = std::size(known_fields);

    void add(std::string_view name, std::string_view value, std::string_view one_more) noexcept {
        std::size_t f = 0;
        while (f < known && !equal_ignoring_case(name, known_fields[f])) ++f;
        if (f == known && !equal_ignoring_case(name, one_more)) return;
        auto& seen = seen_[f];
        if (seen.count++ == 0) seen.first = value;
        if (f >= single && value != seen.first) ++repeated_singles_;
        if (f != connection) return;
        closes_ = closes_ || header_has_token(value, "close");
        stays_ = stays_ || header_has_token(value, "keep-alive");
    }

    struct {
        std::size_t count = 0;
        std::string_view first{};
    } seen_[known + 1];
    std::size_t repeated_singles_ = 0;
    bool closes_ = false;
    bool stays_ = false;
};

/// One length or one chunked coding and nothing else.
inline error_code check_framing(const field_summary& f, unsigned version) noexcept {
    if (f.count(content_length) + f.count(transfer_encoding) > 1) return errc::ambiguous_framing;
    if (f.count(content_length) == 1) {
        const auto value = f.get(content_length);
        const bool plain =
            !value.empty() && value.size() <= 19 &&
            std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
        if (!plain) return errc::ambiguous_framing;
    }
    if (f.count(transfer_encoding) == 0) return {};
    const bool chunked = equal_ignoring_case(f.get(transfer_encoding), "chunked");
    return chunked && version >= 11 ? error_code() : errc::ambiguous_framing;
}

inline error_code check_host(const request& r, const field_summary& f) noexcept {
    if (f.count(host) > 1 || (f.count(host) == 0 && r.version >= 11)) return errc::bad_request;
    const auto text = f.get(host);
    const bool bad = std::any_of(text.begin(), text.end(), [](char c) {
        return c == ' ' || c == '\t' || c == '/' || c == '\\' || c == '@' || c == ',' || c == '?' ||
               c == '#';
    });
    return bad ? errc::bad_request : error_code();
}

/// Leaves a target in origin-form (RFC 9112 3.2); "*" stays. The authority of an absolute one takes
/// the place of Host (3.2.2).
inline error_code normalise_target(request& r) {
    if (r.target.find('#') != std::string::npos) return errc::bad_request;
    if (r.target.starts_with('/')) return {};
    if (r.target == "*" && r.method == "OPTIONS") return {};
    error_code ec;
    const auto absolute = url::parse(r.target, ec);
    if (ec) return errc::bad_request;
    r.fields.set("Host", absolute.authority());
    r.target = absolute.target;
    return {};
}

inline error_code check_start(request& r, const field_summary& f) {
    const auto ec = check_host(r, f);
    return ec ? ec : normalise_target(r);
}
inline error_code check_start(const response& r, const field_summary&) noexcept {
    return r.status >= 100 && r.status <= 999 ? error_code() : errc::bad_request;
}

inline bool may_have_body(const request&) noexcept {
    return true;
}
inline bool may_have_body(const response& r) noexcept {
    return r.status >= 200 && r.status != 204 && r.status != 304;
}

}  // namespace tidings::http::detail
