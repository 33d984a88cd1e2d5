// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/inlet/impl/reconnector.hpp>
#include <tidings/rest/impl/answer.hpp>
#include <tidings/text/impl/json_text.hpp>

#include <algorithm>
#include <charconv>

namespace tidings::rest::detail {

using namespace tidings::detail;

error_code error_of(const http::response& r) noexcept {
    if (r.status >= 200 && r.status < 300) return {};
    switch (r.status) {
        case 400:
        case 415:
        case 422:
            return errc::invalid_argument;
        case 401:
            return errc::unauthorized;
        case 403:
            return errc::forbidden;
        case 404:
            return errc::not_found;
        case 408:
            return errc::timed_out;
        case 413:
            return errc::too_large;
        case 429:
            return errc::rate_limited;
        case 503:
            return errc::shutting_down;
        default:
            return errc::http_status;
    }
}

std::optional<position> read_gap(const http::response& r, error_code& ec) {
    if (r.fields.get("tidings-gap") != "true") return std::nullopt;
    const auto text = r.fields.find("tidings-gap-position");
    return text ? position::parse(*text, ec) : position();
}

batch read_batch(const http::response& r, std::size_t at_most, error_code& ec) {
    batch b;
    ec = check_json_array(r.body);
    if (const auto text = r.fields.find("tidings-position"); text && !ec)
        b.next = position::parse(*text, ec);
    b.gap = r.fields.get("tidings-gap") == "true";
    if (ec) return b;
    b.elements = json_elements(r.body, std::max(at_most, at_most + 1));  // or it is no limit
    if (b.elements.size() > at_most) ec = errc::too_many;
    return b;
}

receipt read_receipt(std::string_view body) {
    receipt out;
    if (!tidings::detail::is_json(body)) return out;
    for (const auto& [name, raw] : tidings::detail::json_members(body)) {
        error_code ec;
        if (name == "position" && raw.starts_with('"')) {
            auto p = position::parse(tidings::detail::read_json_string(raw), ec);
            if (!ec) out.position = std::move(p);
        }
        auto* const number = name == "matched"     ? &out.matched
                             : name == "delivered" ? &out.delivered
                             : name == "queued"    ? &out.queued
                             : name == "dropped"   ? &out.dropped
                                                   : nullptr;
        if (number != nullptr) std::from_chars(raw.data(), raw.data() + raw.size(), *number);
    }
    return out;
}

// Also while the same one is being published (409).
bool may_be_sent_again(error_code ec, const http::response* answer) noexcept {
    if (answer == nullptr) return ec != errc::too_large && tidings::detail::is_temporary(ec);
    return answer->status == 409 || tidings::detail::is_temporary(answer->status);
}

std::uint64_t size_of(const http::response& r, std::uint64_t otherwise) noexcept {
    const auto text = r.fields.get("content-length");
    std::uint64_t n = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
    return ec == std::errc() && end == text.data() + text.size() ? n : otherwise;
}

}  // namespace tidings::rest::detail
