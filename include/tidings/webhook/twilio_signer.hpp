// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/signer.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace tidings::detail {
class key_ring;
}

namespace tidings::webhook {

/// Signs as Twilio does: `X-Twilio-Signature: <base64>`, an HMAC-SHA1 of the endpoint's URL and, of
/// a form (`application/x-www-form-urlencoded`), its members sorted by name. The SHA-256 of any
/// other body, unless it is empty, is sent and signed as the URL's parameter `bodySHA256`. The URL
/// is signed without user info, fragment and the scheme's own port. `I-Twilio-Idempotency-Token` is
/// the id of the delivery, and not signed: a receiver may take two deliveries of the same body,
/// which have the same signature, for one. Safe from any thread.
///
/// Errors: errc::bad_request for a form that cannot be read; errc::bad_url for a URL that is none,
/// or has a `bodySHA256` of its own; errc::out_of_memory. `sign` alone cannot change the URL: for a
/// body that needs the parameter it fails with errc::invalid_argument.
class twilio_signer final : public signer {
 public:
    /// @throws std::invalid_argument for an empty token
    TIDINGS_DECL explicit twilio_signer(const std::string& auth_token);

    [[nodiscard]] TIDINGS_DECL error_code sign(const signing_input& what,
                                               http::fields& out) const noexcept override;
    [[nodiscard]] TIDINGS_DECL error_code sign_with_query(
        const signing_input& what, http::fields& out, std::string& query) const noexcept override;
    TIDINGS_DECL bool sets(std::string_view field) const noexcept override;

 private:
    std::shared_ptr<tidings::detail::key_ring> key_;
};

}  // namespace tidings::webhook
