// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/hook_answer.hpp>
#include <tidings/rest_hook/impl/hook_body.hpp>
#include <tidings/text/impl/json_text.hpp>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

std::string text_member(std::string_view body, std::string_view name) {
    if (!is_json(body)) return {};
    for (const auto& [key, raw] : json_members(body))
        if (key == name && raw.starts_with('"')) return read_json_string(raw);
    return {};
}

error_code error_of(const http::response& r) {
    switch (r.status) {
        case 400:
        case 413:
        case 415:
            return errc::invalid_argument;
        case 401:
            return errc::unauthorized;
        case 403:
            return errc::forbidden;
        case 404:
        case 410:
            return errc::not_found;
        case 409:
            return errc::store_conflict;
        case 429:
            return errc::too_many;
        case 503:
            return errc::shutting_down;
        case 422:
            break;
        default:
            return r.status < 200 || r.status > 299 ? errc::http_status : error_code();
    }
    const auto title = text_member(r.body, "title");
    if (title == bad_event_title) return errc::hook_bad_event;
    if (title == bad_member_title) return errc::invalid_argument;
    return title == bad_secret_title ? errc::webhook_invalid_secret : errc::hook_bad_target;
}

}  // namespace tidings::rest_hook::detail
