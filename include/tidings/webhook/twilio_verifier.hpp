// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/verifier.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tidings::detail {
class key_ring;
}

namespace tidings::webhook {

/// Verifies Twilio's `X-Twilio-Signature: <base64>`, an HMAC-SHA1 of the URL that Twilio was given
/// and, of a form, its members sorted by name. Of any other body the URL's `bodySHA256` holds the
/// hash, which is compared. The URL is tried with and without the scheme's default port.
///
/// Errors: errc::webhook_missing_header, webhook_no_matching_signature, bad_request for a form that
/// cannot be read.
class twilio_verifier final : public verifier {
 public:
    static constexpr std::string_view signature_name = "x-twilio-signature";

    /// @param auth_tokens any may fit
    /// @param origin scheme, host and port of the URL as Twilio was given it, before any proxy:
    /// `https://example.com`
    /// @throws std::invalid_argument for an empty list, an empty token, or an origin that is none
    TIDINGS_DECL twilio_verifier(const std::vector<std::string>& auth_tokens, std::string origin);

    [[nodiscard]] TIDINGS_DECL error_code
    verify(const header_lookup& headers, std::string_view body,
           std::chrono::system_clock::time_point now) const noexcept override;
    /// The signature.
    TIDINGS_DECL std::string attempt_id(const header_lookup& headers) const override;

 private:
    std::shared_ptr<tidings::detail::key_ring> keys_;
    std::vector<std::string> origins_;  // without and with the default port
};

}  // namespace tidings::webhook
