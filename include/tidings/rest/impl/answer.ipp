// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest/impl/answer.hpp>
#include <tidings/text/impl/json_text.hpp>

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

}  // namespace tidings::rest::detail
