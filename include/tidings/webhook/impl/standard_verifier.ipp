// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/impl/signed_id.hpp>
#include <tidings/webhook/impl/signed_time.hpp>
#include <tidings/webhook/impl/standard_keys.hpp>
#include <tidings/webhook/standard_verifier.hpp>

#include <new>
#include <stdexcept>

namespace tidings::webhook {

standard_verifier::standard_verifier(const std::vector<standard_key>& keys,
                                     const standard_options& options)
    : keys_(std::make_shared<tidings::detail::standard_keys>(keys)),
      tolerance_(options.tolerance),
      id_name_(options.header_prefix + "id"),
      timestamp_name_(options.header_prefix + "timestamp"),
      signature_name_(options.header_prefix + "signature") {
    if (tolerance_ < std::chrono::seconds(0))
        throw std::invalid_argument("tidings::webhook::standard_options: tolerance is negative");
}

error_code standard_verifier::verify(const header_lookup& headers, std::string_view body,
                                     std::chrono::system_clock::time_point now) const noexcept try {
    const std::string_view id = headers(id_name_).value_or("");
    const std::string_view timestamp = headers(timestamp_name_).value_or("");
    const std::string_view signature = headers(signature_name_).value_or("");
    if (id.empty() || timestamp.empty() || signature.empty()) return errc::webhook_missing_header;
    if (const auto ec = detail::check_signed_time(timestamp, now, tolerance_)) return ec;
    if (!detail::is_unambiguous_id(id, '.') || !keys_->fits(signature, id, timestamp, body, now))
        return errc::webhook_no_matching_signature;
    return {};
} catch (const std::bad_alloc&) {
    return errc::out_of_memory;
}

std::string standard_verifier::attempt_id(const header_lookup& headers) const {
    return std::string(headers(id_name_).value_or("")) + '.' +
           std::string(headers(timestamp_name_).value_or(""));
}

}  // namespace tidings::webhook
