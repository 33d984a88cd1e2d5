// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/crypto/digest.hpp>

#include <chrono>
#include <string>

namespace tidings::webhook {

enum class mac_encoding {
    hex,     ///< written in lower case, read in either
    base64,  ///< RFC 4648 4, padded
};

/// How a provider signs by HMAC: which text, and where the code stands. `hmac_verifier` and
/// `hmac_signer` take one; `github_scheme`, `stripe_scheme` and their like give those of providers.
struct hmac_scheme {
    std::string signature_header{};  ///< in lower case
    /// What stands before the code: "sha256=", "v0=". In a list it is the name of each signature
    /// and its '='.
    std::string prefix{};
    /// Makes the header a list, as Stripe's is, `t=1614265330,v1=<code>,v1=<code>`: the name and
    /// '=' of the member that holds the time. Members of other names are passed over.
    std::string timestamp_member{};
    std::string
        timestamp_header{};   ///< in lower case; of the time where it has a header of its own
    std::string id_header{};  ///< in lower case; of the id, where it is signed
    /// The text that is signed: `{body}` stands at its end and once, `{timestamp}` (Unix time in
    /// seconds) and `{id}` may stand once before it, each with a character behind it that the value
    /// cannot hold.
    std::string signed_text = "{body}";
    digest function = digest::sha256;
    mac_encoding encoding = mac_encoding::hex;
    /// How far the time may be from now, either way; not read without one. Not negative.
    std::chrono::seconds tolerance = std::chrono::minutes(5);
};

}  // namespace tidings::webhook
