// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>

#include <chrono>
#include <concepts>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace tidings::detail {
class key_ring;
}

namespace tidings::webhook {

/// How a verifier asks for a request's headers: a reference to anything callable as
/// `std::optional<std::string_view>(std::string_view lower_case_name)` that does not throw and
/// finds names in any case. Where a header was sent twice it must not pick one: it answers nothing.
/// Non-owning: lives no longer than the call it is passed to.
class header_lookup {
 public:
    template <class Find>
    requires(!std::same_as<Find, header_lookup>) &&
        std::is_invocable_r_v<std::optional<std::string_view>, const Find&,
                              std::string_view> header_lookup(const Find& find) noexcept
        : find_(&find),
    call_([](const void* f, std::string_view name) {
        return std::optional<std::string_view>((*static_cast<const Find*>(f))(name));
    }) {}

    std::optional<std::string_view> operator()(std::string_view name) const {
        return call_(find_, name);
    }

 private:
    const void* find_;
    std::optional<std::string_view> (*call_)(const void*, std::string_view);
};

/// Decides whether a request comes from a holder of a secret. Implementations are safe from any
/// thread.
class verifier {
 public:
    virtual ~verifier() = default;

    /// Success, or why the request is not to be believed. `body` is the body as received, byte for
    /// byte. Reports each error its own kind lists, and errc::out_of_memory.
    [[nodiscard]] virtual error_code verify(
        const header_lookup& headers, std::string_view body,
        std::chrono::system_clock::time_point now) const noexcept = 0;

    /// Of a request that was verified: what the signature covers and no other attempt shares, so
    /// that the request cannot be repeated with other headers as if it were another. Where only the
    /// body is signed it is the signature, in one spelling. Empty: nothing is remembered, and
    /// a request that was seen may be repeated. What it throws is answered 503.
    virtual std::string attempt_id(const header_lookup&) const { return {}; }

 protected:
    verifier() = default;
    verifier(const verifier&) = default;
    verifier& operator=(const verifier&) = default;
};

/// A symmetric signing secret of Standard Webhooks 1.0.0: 24 to 75 random bytes. It can be neither
/// printed nor read back, and its memory is wiped.
class secret {
 public:
    /// No secret; signers and verifiers refuse it.
    secret() = default;

    /// Reads `whsec_` and the bytes in base64 (standard alphabet, padded); the prefix may be
    /// missing. Keys of the asymmetric scheme (`whsk_`, `whpk_`) are refused.
    /// @throws std::invalid_argument, with the reason in its text.
    TIDINGS_DECL explicit secret(std::string_view text);

    /// The same without exceptions. @error errc::webhook_invalid_secret, and the result is empty.
    TIDINGS_DECL static secret parse(std::string_view text, error_code& ec);

    secret(const secret&) = default;
    secret(secret&&) noexcept = default;
    secret& operator=(secret other) noexcept {
        key_.swap(other.key_);
        return *this;
    }
    TIDINGS_DECL ~secret();

    bool empty() const noexcept { return key_.empty(); }

    friend std::ostream& operator<<(std::ostream&, const secret&) = delete;

 private:
    friend class standard_signer;
    friend class standard_verifier;

    std::string key_ = {};
};

/// The three headers of Standard Webhooks, by these lower-case names.
struct standard_headers {
    static constexpr std::string_view id_name = "webhook-id";
    static constexpr std::string_view timestamp_name = "webhook-timestamp";
    static constexpr std::string_view signature_name = "webhook-signature";

    std::string id = {};
    std::string timestamp = {};  ///< Unix time in seconds.
    std::string signature = {};  ///< `v1,<base64>` for each secret, separated by a space.
};

/// Signs as Standard Webhooks 1.0.0 (`v1`, HMAC-SHA256) has it. Every secret signs, so that a
/// receiver may hold the old or the new one while they are rotated. Safe from any thread.
class standard_signer {
 public:
    /// @throws std::invalid_argument for an empty list or
    /// an empty secret.
    TIDINGS_DECL explicit standard_signer(const std::vector<secret>& secrets);

    /// Fills in `out`, whose memory is used again. The id stays the same on every attempt to
    /// deliver an event, the time is the attempt's.
    /// @error errc::invalid_argument if the id is empty or holds '.' (it would make the signed text
    /// ambiguous) or anything but printable ASCII, or if the time is before 1970.
    [[nodiscard]] TIDINGS_DECL error_code sign(std::string_view id,
                                               std::chrono::system_clock::time_point attempt,
                                               std::string_view body, standard_headers& out) const;

 private:
    std::shared_ptr<tidings::detail::key_ring> keys_;
};

struct standard_options {
    /// How far the timestamp may be from now, either way. Not negative.
    std::chrono::seconds tolerance = std::chrono::minutes(5);
    /// What the header names begin with: "svix-" for senders that use that prefix.
    std::string header_prefix = "webhook-";
};

/// Verifies what `standard_signer` signs. Checks in this order: the headers are there, the
/// timestamp is a plain integer and near enough, any `v1` signature fits any secret. Signatures of
/// other versions and malformed ones are passed over.
///
/// Errors: errc::webhook_missing_header (absent or empty), webhook_invalid_timestamp,
/// webhook_timestamp_too_old, webhook_timestamp_too_new, webhook_no_matching_signature (also for an
/// id that holds '.').
class standard_verifier final : public verifier {
 public:
    /// @throws std::invalid_argument for an empty list or
    /// an empty secret, with errc::invalid_argument for a negative tolerance.
    TIDINGS_DECL explicit standard_verifier(const std::vector<secret>& secrets,
                                            const standard_options& options = {});

    [[nodiscard]] TIDINGS_DECL error_code
    verify(const header_lookup& headers, std::string_view body,
           std::chrono::system_clock::time_point now) const noexcept override;
    /// The id and the timestamp.
    TIDINGS_DECL std::string attempt_id(const header_lookup& headers) const override;

 private:
    std::shared_ptr<tidings::detail::key_ring> keys_;
    std::chrono::seconds tolerance_;
    std::string id_name_, timestamp_name_, signature_name_;
};

/// Verifies GitHub's `X-Hub-Signature-256: sha256=<hex>`, an HMAC-SHA256 of the body. It covers
/// neither a time nor `X-GitHub-Delivery` nor `X-GitHub-Event`: a `receiver` refuses a body that
/// came before under another id, as long as it remembers it, and so the same body is never two
/// events.
///
/// Errors: errc::webhook_missing_header (absent or empty), webhook_no_matching_signature.
class github_verifier final : public verifier {
 public:
    static constexpr std::string_view signature_name = "x-hub-signature-256";

    /// Any of the secrets may fit; they are the texts entered at GitHub.
    /// @throws std::invalid_argument for an empty list or
    /// an empty secret.
    TIDINGS_DECL explicit github_verifier(const std::vector<std::string>& secrets);

    [[nodiscard]] TIDINGS_DECL error_code
    verify(const header_lookup& headers, std::string_view body,
           std::chrono::system_clock::time_point now) const noexcept override;
    /// The signature.
    TIDINGS_DECL std::string attempt_id(const header_lookup& headers) const override;

 private:
    std::shared_ptr<tidings::detail::key_ring> keys_;
};

/// The value of GitHub's `X-Hub-Signature-256` header for a body.
TIDINGS_DECL std::string github_sign(std::string_view key, std::string_view body);

}  // namespace tidings::webhook
