// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/crypto/impl/sha256.hpp>
#include <tidings/http/impl/message/url.hpp>
#include <tidings/webhook/impl/consent_question.hpp>
#include <tidings/webhook/impl/endpoint_check.hpp>
#include <tidings/webhook/impl/endpoint_target.hpp>
#include <tidings/webhook/impl/parcel.hpp>
#include <tidings/webhook/impl/signed_time.hpp>
#include <tidings/webhook/standard_signer.hpp>

#include <utility>

namespace tidings::webhook::detail {

using namespace tidings::detail;

namespace {

// nginx and this library's server take a header of 8 KiB, Apache and Python 100 fields.
constexpr std::size_t max_head_bytes = 8 * 1024;
constexpr std::size_t max_event_fields = 64;

template <class Fields>
std::size_t bytes_of(const Fields& all) noexcept {
    constexpr std::size_t around = std::string_view(": \r\n").size();
    std::size_t bytes = 0;
    for (const auto& [name, value] : all) bytes += name.size() + value.size() + around;
    return bytes;
}

// What is not the user's is bounded: the id, the time, the fields of HTTP.
std::size_t head_bytes_of(const endpoint_options& o) noexcept {
    constexpr std::size_t of_library = 1024;
    constexpr std::size_t of_signature = 48;
    return o.url.size() + bytes_of(o.fields) + authorization_of(o).size() +
           (o.consent ? o.consent->origin.size() : 0) + (o.secrets.size() + 1) * of_signature +
           of_library;
}

std::shared_ptr<const signer> standard_signer_of(const std::string& secret,
                                                 const std::vector<std::string>& secrets,
                                                 error_code& ec) {
    std::vector<standard_key> keys;
    const auto add = [&](const std::string& text) {
        if (ec) return;
        keys.push_back(standard_key::parse(text, ec));
        if (text.starts_with("whpk_")) ec = errc::webhook_invalid_secret;  // cannot sign
    };
    if (secret.empty() && secrets.empty()) ec = errc::webhook_missing_secret;
    if (!secret.empty()) add(secret);
    for (const auto& text : secrets) add(text);
    return ec ? nullptr : std::make_shared<standard_signer>(keys);
}

}  // namespace

std::shared_ptr<const signer> make_signer(const endpoint_options& o, error_code& ec) {
    return o.signer || o.async_signer ? o.signer : standard_signer_of(o.secret, o.secrets, ec);
}

std::shared_ptr<const signer> make_signer(const endpoint_terms& o, error_code& ec) {
    return o.signer || o.async_signer ? o.signer : standard_signer_of(o.secret, o.secrets, ec);
}

std::string origin_of(const std::string& url) {
    error_code ec;
    const auto target = http::url::parse(url, ec);
    if (ec) return '"' + url.substr(0, url.find('?')) + '"';
    return target.scheme + "://" + target.authority();
}

endpoint_target::endpoint_target(endpoint_options options,
                                 std::shared_ptr<const retry_schedule> schedule)
    : on_gone_(std::exchange(options.on_gone, nullptr)),
      name_(std::make_shared<const std::string>(std::move(options.id))),
      tls_(options.tls ? std::make_shared<const io::tls_client_options>(*options.tls) : nullptr),
      authorization_(authorization_of(options)),
      head_bytes_(head_bytes_of(options)),
      terms_(std::move(options)),
      schedule_(std::move(schedule)),
      consent_(terms_.consent && !terms_.consent->given ? static_cast<int>(errc::undecided) : 0) {}

std::string endpoint_target::label() const {
    const auto where = origin_of(terms_.url);
    return id() == terms_.url ? where : id() + " at " + where;
}

std::string endpoint_target::subject() const {
    constexpr std::size_t digits = 16;
    if (id() != terms_.url) return id();
    return label() + '#' + sha256_hex(terms_.url).substr(0, digits);
}

void endpoint_target::close() noexcept {
    active_ = false;
    take_on_gone();
}

void endpoint_target::abandon() noexcept {
    held_ = false;
    take_on_gone();
}

std::function<void()> endpoint_target::take_on_gone() noexcept {
    std::function<void()> taken;
    const std::lock_guard lock(on_gone_mutex_);
    taken.swap(on_gone_);
    return taken;
}

endpoint_counters endpoint_target::counters() const noexcept {
    return {accepted, delivered, failed_attempts, dead, gaps};
}

bool endpoint_target::has_room_for(const store::outbox_message& m) const noexcept {
    const std::pair<std::string_view, std::string_view> type[]{{"Content-Type", m.content_type}};
    const bool typed = !m.content_type.empty();
    return m.fields.size() + (typed ? 1 : 0) <= max_event_fields &&
           head_bytes_ + bytes_of(m.fields) + (typed ? bytes_of(type) : 0) <= max_head_bytes;
}

http::request endpoint_target::common_request(const signer* signs) const {
    constexpr std::string_view authorization = "Authorization";
    http::request r{.method = "POST", .fields = terms_.fields};
    const bool is_signed = (signs != nullptr && signs->sets(authorization)) ||
                           (terms_.async_signer && terms_.async_signer->sets(authorization));
    if (!authorization_.empty() && !is_signed) r.fields.set(authorization, authorization_);
    if (terms_.consent) r.fields.set("WebHook-Request-Origin", terms_.consent->origin);
    return r;
}

error_code endpoint_target::sign_request(const store::outbox_entry& e, io::system_time now,
                                         const signer* signs, const made_signature& made,
                                         http::fields& out, std::string& query) const {
    const auto& m = *e.message;
    const auto body = m.body ? std::string_view(*m.body) : std::string_view();
    out.clear();
    if (!m.content_type.empty()) out.append("Content-Type", m.content_type);
    out.append(standard_headers::id_name, id_of(e));
    if (signs == nullptr && made.fields.empty()) return errc::webhook_signing_failed;
    const auto at = signs != nullptr ? now : made.at;
    out.append(standard_headers::timestamp_name, std::to_string(signed_time(at).count()));
    for (const auto& [name, value] : made.fields) out.set(name, value);
    if (signs == nullptr) return {};
    return signs->sign_with_query({id_of(e), now, body, m.content_type, terms_.url}, out, query);
}

http::request endpoint_target::make_consent_request() const {
    http::request r{.fields = terms_.fields};
    if (!authorization_.empty()) r.fields.set("Authorization", authorization_);
    ask_for_consent(*terms_.consent, r);
    return r;
}

}  // namespace tidings::webhook::detail
