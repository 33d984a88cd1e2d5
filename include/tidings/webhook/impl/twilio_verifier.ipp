// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/crypto/impl/sha256.hpp>
#include <tidings/http/impl/message/url.hpp>
#include <tidings/text/impl/base64.hpp>
#include <tidings/text/impl/hex.hpp>
#include <tidings/webhook/impl/key_ring.hpp>
#include <tidings/webhook/impl/twilio_text.hpp>
#include <tidings/webhook/twilio_verifier.hpp>

#include <array>
#include <new>
#include <optional>
#include <stdexcept>

namespace tidings::webhook {

namespace detail {
namespace {

using tidings::detail::equal_in_constant_time;

bool is_hash_of(std::string_view hex, std::string_view body) {
    const auto bytes = tidings::detail::hex_decode(hex);
    return bytes && equal_in_constant_time(tidings::detail::hex_encode(*bytes),
                                           tidings::detail::sha256_hex(body));
}

std::optional<std::string> twilio_code(const header_lookup& headers) {
    return tidings::detail::base64_decode(headers(twilio_verifier::signature_name).value_or(""));
}

}  // namespace
}  // namespace detail

twilio_verifier::twilio_verifier(const std::vector<std::string>& auth_tokens, std::string origin)
    : keys_(std::make_shared<tidings::detail::key_ring>(digest::sha1, auth_tokens)) {
    error_code ec;
    const auto url = http::url::parse(origin, ec);
    if (ec || url.target != "/" || origin.ends_with('/') || !url.user_info.empty() ||
        !url.scheme.starts_with("http"))
        throw std::invalid_argument(
            "tidings::webhook::twilio_verifier: origin is not scheme, host and port");
    // The authority leaves the scheme's own port out.
    origins_.push_back(url.scheme + "://" + url.authority());
    if (url.port == (url.secure() ? 443 : 80))
        origins_.push_back(origins_.front() + ':' + std::to_string(url.port));
}

error_code twilio_verifier::verify(const header_lookup& headers, std::string_view body,
                                   std::chrono::system_clock::time_point) const noexcept try {
    const auto target = headers(":path").value_or("");
    if (headers(signature_name).value_or("").empty()) return errc::webhook_missing_header;
    const auto code = detail::twilio_code(headers);
    if (!code) return errc::webhook_no_matching_signature;
    error_code ec;
    std::string members;
    const auto hash = detail::twilio_body_hash(target, ec);
    // Without a hash the body is a form, or empty.
    if (!ec && !hash) members = detail::twilio_members(body, ec);
    if (ec) return ec;
    if (hash && !detail::is_hash_of(*hash, body)) return errc::webhook_no_matching_signature;
    for (const auto& origin : origins_) {
        const std::array<std::string_view, 3> text{origin, target, members};
        if (keys_->any_fits(text, {*code})) return {};
    }
    return errc::webhook_no_matching_signature;
} catch (const std::bad_alloc&) {
    return errc::out_of_memory;
}

std::string twilio_verifier::attempt_id(const header_lookup& headers) const {
    const auto code = detail::twilio_code(headers);
    return code ? tidings::detail::hex_encode(*code) : std::string();
}

}  // namespace tidings::webhook
