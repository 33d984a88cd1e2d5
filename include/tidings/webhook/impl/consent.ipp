// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/text/impl/ascii.hpp>
#include <tidings/webhook/impl/consent.hpp>

#include <algorithm>

namespace tidings::webhook::detail {

http::response consent::answer(const http::request& r) const {
    const auto origin = r.fields.get("webhook-request-origin");
    // By equality: a prefix would take trusted.example.com.attacker.tld for the one it begins with.
    const bool known = std::any_of(origins.begin(), origins.end(), [&](const std::string& each) {
        return each == "*" || tidings::detail::equal_ignoring_case(each, origin);
    });
    if (origin.empty() || !known) {
        auto refused = http::problem(403, "No consent",
                                     origin.empty() ? "WebHook-Request-Origin is missing"
                                                    : "this origin may not send webhooks here");
        refused.fields.set("Allow", "POST");
        return refused;
    }
    return {200,
            {{"Allow", "POST"},
             {"WebHook-Allowed-Origin", std::string(origin)},
             {"WebHook-Allowed-Rate", rate == 0 ? "*" : std::to_string(rate)}},
            {}};
}

}  // namespace tidings::webhook::detail
