// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/crypto/impl/sha256.hpp>
#include <tidings/http/impl/message/url.hpp>
#include <tidings/text/impl/ascii.hpp>
#include <tidings/text/impl/base64.hpp>
#include <tidings/webhook/impl/key_ring.hpp>
#include <tidings/webhook/impl/provider_text.hpp>
#include <tidings/webhook/impl/twilio_text.hpp>
#include <tidings/webhook/twilio_signer.hpp>

#include <array>
#include <new>
#include <vector>

namespace tidings::webhook {

namespace {

constexpr std::string_view twilio_signature_field = "X-Twilio-Signature";
constexpr std::string_view twilio_token_field = "I-Twilio-Idempotency-Token";

}  // namespace

twilio_signer::twilio_signer(const std::string& auth_token)
    : key_(std::make_shared<tidings::detail::key_ring>(digest::sha1,
                                                       std::vector<std::string>{auth_token})) {}

error_code twilio_signer::sign(const signing_input& what, http::fields& out) const noexcept {
    std::string query;
    const auto ec = sign_with_query(what, out, query);
    return ec || query.empty() ? ec : make_error_code(errc::invalid_argument);
}

error_code twilio_signer::sign_with_query(const signing_input& what, http::fields& out,
                                          std::string& query) const noexcept try {
    error_code ec;
    std::string members;
    query.clear();
    auto url = http::url::parse(what.url, ec);
    if (!ec && (detail::twilio_body_hash(url.target, ec) || ec)) ec = errc::bad_url;
    if (ec) return ec;
    if (detail::is_form_type(what.content_type))
        members = detail::twilio_members(what.body, ec);
    else if (!what.body.empty())
        query.append(detail::twilio_hash_name)
            .append("=")
            .append(tidings::detail::sha256_hex(what.body));
    if (ec) return ec;
    if (!query.empty()) url.add_to_query(query);
    const auto text = url.text();
    const auto code = key_->sign(0, std::array<std::string_view, 2>{text, members});
    out.set(twilio_signature_field, tidings::detail::base64_encode(code.bytes()));
    out.set(twilio_token_field, what.id);
    return {};
} catch (const std::bad_alloc&) {
    return errc::out_of_memory;
}

bool twilio_signer::sets(std::string_view field) const noexcept {
    return tidings::detail::equal_ignoring_case(field, twilio_signature_field) ||
           tidings::detail::equal_ignoring_case(field, twilio_token_field);
}

}  // namespace tidings::webhook
