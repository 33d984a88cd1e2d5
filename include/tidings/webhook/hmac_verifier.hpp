// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/hmac_scheme.hpp>
#include <tidings/webhook/verifier.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tidings::detail {
class keyed_scheme;
}

namespace tidings::webhook {

/// Verifies signatures of one `hmac_scheme`, or of several that differ in their prefix: the prefix
/// that a request has decides. Checks in this order: the headers are there, the timestamp is a
/// plain integer and near enough, a signature fits any of the secrets.
///
/// Errors: errc::webhook_missing_header (absent or empty; a list without time or signature),
/// webhook_invalid_timestamp, webhook_timestamp_too_old, webhook_timestamp_too_new,
/// webhook_no_matching_signature.
class hmac_verifier final : public verifier {
 public:
    /// Any of the secrets may fit; they are taken as they stand.
    /// @throws std::invalid_argument for a scheme that `hmac_scheme` does not allow, an empty list
    /// or an empty secret
    TIDINGS_DECL hmac_verifier(const hmac_scheme& scheme, const std::vector<std::string>& secrets);
    TIDINGS_DECL hmac_verifier(const std::vector<hmac_scheme>& schemes,
                               const std::vector<std::string>& secrets);

    [[nodiscard]] TIDINGS_DECL error_code
    verify(const header_lookup& headers, std::string_view body,
           std::chrono::system_clock::time_point now) const noexcept override;
    /// The code of the signature, in one spelling. Empty for a list, of which a stranger could
    /// leave members out: what is read of such a request must stand in its body.
    TIDINGS_DECL std::string attempt_id(const header_lookup& headers) const override;

 private:
    std::vector<std::shared_ptr<tidings::detail::keyed_scheme>> schemes_;
};

}  // namespace tidings::webhook
