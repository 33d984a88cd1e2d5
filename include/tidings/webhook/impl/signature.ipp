// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/crypto/impl/hmac.hpp>
#include <tidings/crypto/impl/wipe.hpp>
#include <tidings/text/impl/base64.hpp>
#include <tidings/text/impl/hex.hpp>
#include <tidings/webhook/signature.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <mutex>
#include <new>
#include <span>
#include <stdexcept>
#include <string>

namespace tidings::detail {

// One keyed context per secret. A context serves one thread at a time and a receiver serves on
// several lanes, hence the lock.
class key_ring {
 public:
    void add(std::string_view key) {
        if (key.empty()) throw std::invalid_argument("tidings::webhook: a secret is empty");
        keys_.emplace_back(key);
    }

    std::size_t size() const noexcept { return keys_.size(); }

    hmac_sha256::mac sign(std::size_t i, std::initializer_list<std::string_view> pieces) {
        const std::lock_guard lock(mutex_);
        return keys_[i].sign(pieces);
    }

    bool verify(std::string_view body, std::span<const std::byte> expected) {
        const std::lock_guard lock(mutex_);
        return std::any_of(keys_.begin(), keys_.end(),
                           [&](hmac_sha256& key) { return key.verify({body}, expected); });
    }

 private:
    std::mutex mutex_;
    std::vector<hmac_sha256> keys_;
};

}  // namespace tidings::detail

namespace tidings::webhook {

namespace {

using tidings::detail::hmac_sha256;

constexpr std::string_view github_prefix = "sha256=";
constexpr std::string_view standard_version = "v1";

std::string_view mac_bytes(const hmac_sha256::mac& mac) noexcept {
    return {reinterpret_cast<const char*>(mac.data()), mac.size()};
}

template <class Secrets, class Key>
std::shared_ptr<tidings::detail::key_ring> make_key_ring(const Secrets& secrets, Key key) {
    if (secrets.empty()) throw std::invalid_argument("tidings::webhook: no secret is given");
    auto ring = std::make_shared<tidings::detail::key_ring>();
    for (const auto& each : secrets) ring->add(key(each));
    return ring;
}

// Standard Webhooks 1.0.0, "Signature scheme": a '.' in the id lets the holder of one signed
// message move the borders between id, timestamp and body.
bool is_unambiguous(std::string_view id) noexcept {
    return std::all_of(id.begin(), id.end(),
                       [](char c) { return c > ' ' && c < '\x7f' && c != '.'; });
}

// Digits only: what the known libraries take besides ("+1", "1.0", "1junk") is signed as one text
// and read as another.
std::optional<std::chrono::seconds> read_unix_time(std::string_view text) noexcept {
    std::int64_t seconds = 0;
    const char* const end = text.data() + text.size();
    if (text.starts_with('-')) return std::nullopt;
    const auto [stop, error] = std::from_chars(text.data(), end, seconds);
    if (error != std::errc() || stop != end) return std::nullopt;
    return std::chrono::seconds(seconds);
}

error_code check_time(std::string_view text, std::chrono::system_clock::time_point now,
                      std::chrono::seconds tolerance) noexcept {
    const auto sent = read_unix_time(text);
    if (!sent) return errc::webhook_invalid_timestamp;
    const auto here = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch());
    // Neither difference overflows: a stranger's number and the tolerance are not negative, and the
    // second is only formed when the first bounds it.
    if (*sent - tolerance > here) return errc::webhook_timestamp_too_new;
    if (here - *sent > tolerance) return errc::webhook_timestamp_too_old;
    return {};
}

// Base64 writes the same bytes in one way only, so comparing texts is comparing bytes, and a token
// in any other spelling is as malformed as one that is no base64 at all.
bool any_token_is(std::string_view tokens, std::string_view expected) noexcept {
    while (!tokens.empty()) {
        const std::string_view token = tokens.substr(0, tokens.find(' '));
        tokens.remove_prefix(std::min(token.size() + 1, tokens.size()));
        if (tidings::detail::equal_in_constant_time(token, expected)) return true;
    }
    return false;
}

void append_token(const hmac_sha256::mac& mac, std::string& out) {
    out += standard_version;
    out += ',';
    tidings::detail::base64_append(mac_bytes(mac), out);
}

std::optional<std::string> read_github_mac(std::string_view signature) {
    if (!signature.starts_with(github_prefix)) return std::nullopt;
    return tidings::detail::hex_decode(signature.substr(github_prefix.size()));
}

}  // namespace

secret::secret(std::string_view text) {
    error_code ec;
    *this = parse(text, ec);
    if (ec) throw std::invalid_argument("tidings::webhook::secret: " + ec.message());
}

secret secret::parse(std::string_view text, error_code& ec) {
    ec = {};
    secret result;
    if (text.starts_with("whsec_")) text.remove_prefix(6);
    auto key = tidings::detail::base64_decode(text);
    if (key) result.key_ = *std::move(key);
    if (result.key_.size() >= 24 && result.key_.size() <= 75) return result;
    ec = errc::webhook_invalid_secret;
    return {};
}

secret::~secret() {
    tidings::detail::wipe(key_);
}

standard_signer::standard_signer(const std::vector<secret>& secrets)
    : keys_(
          make_key_ring(secrets, [](const secret& each) { return std::string_view(each.key_); })) {}

error_code standard_signer::sign(std::string_view id, std::chrono::system_clock::time_point attempt,
                                 std::string_view body, standard_headers& out) const {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(attempt.time_since_epoch());
    if (id.empty() || !is_unambiguous(id) || seconds.count() < 0) return errc::invalid_argument;
    out.id = id;
    out.timestamp = std::to_string(seconds.count());
    out.signature.clear();
    for (std::size_t i = 0; i < keys_->size(); ++i) {
        if (i != 0) out.signature += ' ';
        append_token(keys_->sign(i, {id, ".", out.timestamp, ".", body}), out.signature);
    }
    return {};
}

standard_verifier::standard_verifier(const std::vector<secret>& secrets,
                                     const standard_options& options)
    : keys_(make_key_ring(secrets, [](const secret& each) { return std::string_view(each.key_); })),
      tolerance_(options.tolerance),
      id_name_(options.header_prefix + "id"),
      timestamp_name_(options.header_prefix + "timestamp"),
      signature_name_(options.header_prefix + "signature") {
    if (tolerance_ < std::chrono::seconds(0))
        throw std::invalid_argument("tidings::webhook::standard_options: tolerance is negative");
}

error_code standard_verifier::verify(const header_lookup& headers, std::string_view body,
                                     std::chrono::system_clock::time_point now) const noexcept try {
    const std::string_view id = headers(id_name_).value_or("");
    const std::string_view timestamp = headers(timestamp_name_).value_or("");
    const std::string_view signature = headers(signature_name_).value_or("");
    if (id.empty() || timestamp.empty() || signature.empty()) return errc::webhook_missing_header;
    if (const error_code ec = check_time(timestamp, now, tolerance_)) return ec;
    if (!is_unambiguous(id)) return errc::webhook_no_matching_signature;

    // One MAC for each secret, however many tokens a stranger sends.
    std::string expected;
    for (std::size_t i = 0; i < keys_->size(); ++i) {
        expected.clear();
        append_token(keys_->sign(i, {id, ".", timestamp, ".", body}), expected);
        if (any_token_is(signature, expected)) return {};
    }
    return errc::webhook_no_matching_signature;
} catch (const std::bad_alloc&) {
    return errc::out_of_memory;
}

std::string standard_verifier::attempt_id(const header_lookup& headers) const {
    return std::string(headers(id_name_).value_or("")) + '.' +
           std::string(headers(timestamp_name_).value_or(""));
}

github_verifier::github_verifier(const std::vector<std::string>& secrets)
    : keys_(
          make_key_ring(secrets, [](const std::string& each) { return std::string_view(each); })) {}

error_code github_verifier::verify(const header_lookup& headers, std::string_view body,
                                   std::chrono::system_clock::time_point) const noexcept try {
    const std::string_view signature = headers(signature_name).value_or("");
    if (signature.empty()) return errc::webhook_missing_header;
    const auto mac = read_github_mac(signature);
    if (mac && keys_->verify(body, std::as_bytes(std::span(*mac)))) return {};
    return errc::webhook_no_matching_signature;
} catch (const std::bad_alloc&) {
    return errc::out_of_memory;
}

std::string github_verifier::attempt_id(const header_lookup& headers) const {
    const auto mac = read_github_mac(headers(signature_name).value_or(""));
    return mac ? tidings::detail::hex_encode(*mac) : std::string();
}

std::string github_sign(std::string_view key, std::string_view body) {
    return std::string(github_prefix) +
           tidings::detail::hex_encode(mac_bytes(hmac_sha256(key).sign({body})));
}

}  // namespace tidings::webhook
