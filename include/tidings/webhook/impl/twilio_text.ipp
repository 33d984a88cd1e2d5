// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/percent.hpp>
#include <tidings/webhook/impl/twilio_text.hpp>

#include <algorithm>
#include <utility>

namespace tidings::webhook::detail {

std::string twilio_members(std::string_view form, error_code& ec) {
    auto members = http::parse_query(form, ec);
    std::sort(members.begin(), members.end());
    members.erase(std::unique(members.begin(), members.end()), members.end());
    std::string text;
    for (const auto& [name, value] : members) text += name + value;
    return text;
}

std::optional<std::string> twilio_body_hash(std::string_view target, error_code& ec) {
    std::optional<std::string> found;
    const auto at = target.find('?');
    if (at == std::string_view::npos) return found;
    for (auto& [name, value] : http::parse_query(target.substr(at + 1), ec)) {
        if (name != twilio_hash_name) continue;
        if (found) ec = errc::bad_request;
        found = std::move(value);
    }
    return found;
}

}  // namespace tidings::webhook::detail
