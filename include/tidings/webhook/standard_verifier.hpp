// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/standard_key.hpp>
#include <tidings/webhook/verifier.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tidings::webhook {

struct standard_options {
    /// How far the timestamp may be from now, either way. Not negative.
    std::chrono::seconds tolerance = std::chrono::minutes(5);
    /// What the header names begin with: "svix-" for senders that use that prefix.
    std::string header_prefix = "webhook-";
};

/// Verifies what `standard_signer` signs. Checks in this order: the headers are there, the
/// timestamp is a plain integer and near enough, any signature fits any key that has not expired:
/// `v1` a secret, `v1a` a public key, neither the other's. Signatures of other versions and
/// malformed ones are passed over, as are `v1a` behind the first 16.
///
/// Errors: errc::webhook_missing_header (absent or empty), webhook_invalid_timestamp,
/// webhook_timestamp_too_old, webhook_timestamp_too_new, webhook_no_matching_signature (also for an
/// id that holds '.').
class standard_verifier final : public verifier {
 public:
    /// @throws std::invalid_argument for an empty list, an empty key or a negative tolerance
    TIDINGS_DECL explicit standard_verifier(const std::vector<standard_key>& keys,
                                            const standard_options& options = {});

    [[nodiscard]] TIDINGS_DECL error_code
    verify(const header_lookup& headers, std::string_view body,
           std::chrono::system_clock::time_point now) const noexcept override;
    /// The id and the timestamp.
    TIDINGS_DECL std::string attempt_id(const header_lookup& headers) const override;

 private:
    std::shared_ptr<tidings::detail::standard_keys> keys_;
    std::chrono::seconds tolerance_;
    std::string id_name_, timestamp_name_, signature_name_;
};

}  // namespace tidings::webhook
