// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/hmac_scheme.hpp>
#include <tidings/webhook/impl/key_ring.hpp>
#include <tidings/webhook/signer.hpp>
#include <tidings/webhook/verifier.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidings::detail {

/// An `hmac_scheme` with its keys, its text taken apart. Safe from any thread.
class keyed_scheme {
 public:
    using time_point = std::chrono::system_clock::time_point;

    /// @throws std::invalid_argument
    keyed_scheme(webhook::hmac_scheme scheme, const std::vector<std::string>& secrets);

    /// Whether a signature in the request's header has this scheme's prefix.
    bool names(const webhook::header_lookup& headers) const;
    /// @throws std::bad_alloc
    error_code verify(const webhook::header_lookup& headers, std::string_view body, time_point now);
    /// @throws std::bad_alloc
    error_code sign(const webhook::signing_input& what, http::fields& out);
    /// Whether a signature sets a field of this name.
    bool sets(std::string_view field) const noexcept;
    /// The code in lower-case hexadecimal digits; empty for a list, and for what is no code.
    /// @throws std::bad_alloc
    std::string code_of(const webhook::header_lookup& headers) const;

 private:
    /// What is signed beside the body, as text.
    struct values {
        std::string_view id{}, timestamp{};
    };

    bool is_list() const noexcept { return !scheme_.timestamp_member.empty(); }
    bool has_time() const noexcept { return is_list() || !scheme_.timestamp_header.empty(); }
    std::vector<std::string_view> members(std::string_view header, std::string_view name) const;
    std::vector<std::string_view> pieces(const values& v, std::string_view body) const;
    std::string encoded(std::string_view code) const;
    std::optional<std::string> decoded(std::string_view text) const;

    const webhook::hmac_scheme scheme_;
    /// Literal text; `{id}`, `{timestamp}` and `{body}` as they stand in the scheme.
    std::vector<std::string> template_;
    char id_border_ = '\0';  // what ends the id in the signed text
    key_ring keys_;
};

}  // namespace tidings::detail
