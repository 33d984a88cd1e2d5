// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/private_key.hpp>
#include <tidings/webhook/public_key.hpp>
#include <tidings/webhook/secret.hpp>

#include <chrono>
#include <string>
#include <string_view>

namespace tidings::detail {
class standard_keys;
}

namespace tidings::webhook {

/// One of the keys that a signer or verifier of Standard Webhooks has at a time: while they are
/// rotated the old one and the new one, each with its own end.
class standard_key {
 public:
    using time_point = std::chrono::system_clock::time_point;
    static constexpr time_point never = time_point::max();

    /// For signatures `v1`. From `expires` on it neither signs nor verifies.
    standard_key(const secret& s, time_point expires = never) : bytes_(s.key_), expires_(expires) {}
    /// For signatures `v1a`; a verifier uses its public half.
    standard_key(const private_key& k, time_point expires = never)
        : bytes_(k.seed_),
          expires_(expires),
          kind_(kind::private_half) {}
    /// For verifiers of `v1a`. It is never taken for the secret of a `v1`.
    standard_key(const public_key& k, time_point expires = never)
        : bytes_(k.point_),
          expires_(expires),
          kind_(kind::public_half) {}

    /// Reads any of the three by its prefix: `whsec_` or none, `whsk_`, `whpk_`.
    /// @error errc::webhook_invalid_secret, and the result is empty
    TIDINGS_DECL static standard_key parse(std::string_view text, error_code& ec,
                                           time_point expires = never);

    standard_key(const standard_key&) = default;
    standard_key(standard_key&&) noexcept = default;
    TIDINGS_DECL standard_key& operator=(standard_key other) noexcept;
    TIDINGS_DECL ~standard_key();

    bool empty() const noexcept { return bytes_.empty(); }
    time_point expires() const noexcept { return expires_; }

    friend std::ostream& operator<<(std::ostream&, const standard_key&) = delete;

 private:
    friend class tidings::detail::standard_keys;
    enum class kind { symmetric, private_half, public_half };

    std::string bytes_;
    time_point expires_;
    kind kind_ = kind::symmetric;
};

}  // namespace tidings::webhook
