// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/signer.hpp>
#include <tidings/webhook/standard_key.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tidings::webhook {

/// The three headers of Standard Webhooks, by these lower-case names.
struct standard_headers {
    static constexpr std::string_view id_name = "webhook-id";
    static constexpr std::string_view timestamp_name = "webhook-timestamp";
    static constexpr std::string_view signature_name = "webhook-signature";

    std::string id = {};
    std::string timestamp = {};  ///< Unix time in seconds.
    /// `v1,<base64>` for each secret, `v1a,<base64>` for each private key, separated by a space.
    std::string signature = {};
};

/// Signs as Standard Webhooks 1.0.0 has it (`v1`, HMAC-SHA256; `v1a`, Ed25519). Every key that has
/// not expired signs, so that a receiver may hold the old or the new one while they are rotated.
/// Safe from any thread.
class standard_signer final : public signer {
 public:
    /// @throws std::invalid_argument for an empty list, an empty key or a public one
    TIDINGS_DECL explicit standard_signer(const std::vector<standard_key>& keys);

    /// Fills in `out`, whose memory is used again. The id stays the same on every attempt to
    /// deliver an event, the time is the attempt's.
    /// @error errc::invalid_argument if the id is empty or holds '.' (it would make the signed text
    /// ambiguous) or anything but printable ASCII, or if the time is before 1970;
    /// errc::webhook_missing_secret if every key has expired. @throws std::bad_alloc
    [[nodiscard]] TIDINGS_DECL error_code sign(std::string_view id,
                                               std::chrono::system_clock::time_point attempt,
                                               std::string_view body, standard_headers& out) const;
    /// The same into fields of a request.
    [[nodiscard]] TIDINGS_DECL error_code sign(const signing_input& what,
                                               http::fields& out) const noexcept override;

 private:
    std::shared_ptr<tidings::detail::standard_keys> keys_;
};

}  // namespace tidings::webhook
