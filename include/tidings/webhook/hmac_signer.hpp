// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/hmac_scheme.hpp>
#include <tidings/webhook/signer.hpp>

#include <memory>
#include <string>
#include <vector>

namespace tidings::detail {
class keyed_scheme;
}

namespace tidings::webhook {

/// Signs by an `hmac_scheme`. Safe from any thread.
///
/// Errors: errc::invalid_argument if the time is before 1970, or an id that is signed is empty or
/// not printable ASCII or holds the character behind it.
class hmac_signer final : public signer {
 public:
    /// In a list every secret signs, so that they can be rotated; elsewhere there is one signature,
    /// of the first.
    /// @throws std::invalid_argument for a scheme that `hmac_scheme` does not allow, an empty list
    /// or an empty secret
    TIDINGS_DECL hmac_signer(const hmac_scheme& scheme, const std::vector<std::string>& secrets);

    [[nodiscard]] TIDINGS_DECL error_code sign(const signing_input& what,
                                               http::fields& out) const noexcept override;
    TIDINGS_DECL bool sets(std::string_view field) const noexcept override;

 private:
    std::shared_ptr<tidings::detail::keyed_scheme> scheme_;
};

}  // namespace tidings::webhook
