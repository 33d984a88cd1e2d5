// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/impl/signed_id.hpp>
#include <tidings/webhook/impl/signed_time.hpp>
#include <tidings/webhook/impl/standard_keys.hpp>
#include <tidings/webhook/standard_signer.hpp>

#include <new>
#include <stdexcept>

namespace tidings::webhook {

standard_signer::standard_signer(const std::vector<standard_key>& keys)
    : keys_(std::make_shared<tidings::detail::standard_keys>(keys)) {
    if (keys_->has_public_key())
        throw std::invalid_argument("tidings::webhook::standard_signer: a public key cannot sign");
}

error_code standard_signer::sign(std::string_view id, std::chrono::system_clock::time_point attempt,
                                 std::string_view body, standard_headers& out) const {
    const auto seconds = detail::signed_time(attempt);
    if (id.empty() || !detail::is_unambiguous_id(id, '.') || seconds.count() < 0)
        return errc::invalid_argument;
    out.id = id;
    out.timestamp = std::to_string(seconds.count());
    keys_->sign(id, out.timestamp, body, attempt, out.signature);
    return out.signature.empty() ? make_error_code(errc::webhook_missing_secret) : error_code();
}

error_code standard_signer::sign(const signing_input& what, http::fields& out) const noexcept try {
    standard_headers h;
    if (const auto ec = sign(what.id, what.attempt, what.body, h)) return ec;
    out.set(standard_headers::id_name, h.id);
    out.set(standard_headers::timestamp_name, h.timestamp);
    out.set(standard_headers::signature_name, h.signature);
    return {};
} catch (const std::bad_alloc&) {
    return errc::out_of_memory;
}

}  // namespace tidings::webhook
