// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/hmac_verifier.hpp>
#include <tidings/webhook/impl/keyed_scheme.hpp>

#include <new>
#include <stdexcept>

namespace tidings::webhook {

hmac_verifier::hmac_verifier(const hmac_scheme& scheme, const std::vector<std::string>& secrets)
    : hmac_verifier(std::vector{scheme}, secrets) {}

hmac_verifier::hmac_verifier(const std::vector<hmac_scheme>& schemes,
                             const std::vector<std::string>& secrets) {
    if (schemes.empty()) throw std::invalid_argument("tidings::webhook::hmac_verifier: no scheme");
    for (const auto& each : schemes)
        schemes_.push_back(std::make_shared<tidings::detail::keyed_scheme>(each, secrets));
}

error_code hmac_verifier::verify(const header_lookup& headers, std::string_view body,
                                 std::chrono::system_clock::time_point now) const noexcept try {
    for (const auto& scheme : schemes_)
        if (scheme->names(headers)) return scheme->verify(headers, body, now);
    // Missing, or of no known prefix: the first one says which.
    return schemes_.front()->verify(headers, body, now);
} catch (const std::bad_alloc&) {
    return errc::out_of_memory;
}

std::string hmac_verifier::attempt_id(const header_lookup& headers) const {
    for (const auto& scheme : schemes_)
        if (scheme->names(headers)) return scheme->code_of(headers);
    return {};
}

}  // namespace tidings::webhook
