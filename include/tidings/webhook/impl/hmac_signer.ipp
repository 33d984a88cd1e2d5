// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/hmac_signer.hpp>
#include <tidings/webhook/impl/keyed_scheme.hpp>

#include <new>

namespace tidings::webhook {

hmac_signer::hmac_signer(const hmac_scheme& scheme, const std::vector<std::string>& secrets)
    : scheme_(std::make_shared<tidings::detail::keyed_scheme>(scheme, secrets)) {}

error_code hmac_signer::sign(const signing_input& what, http::fields& out) const noexcept try {
    return scheme_->sign(what, out);
} catch (const std::bad_alloc&) {
    return errc::out_of_memory;
}

bool hmac_signer::sets(std::string_view field) const noexcept {
    return scheme_->sets(field);
}

}  // namespace tidings::webhook
