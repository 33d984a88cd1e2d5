// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/impl/tls_context.hpp>
#include <tidings/text/impl/ascii.hpp>
#include <tidings/text/impl/base64.hpp>
#include <tidings/webhook/impl/consent_question.hpp>
#include <tidings/webhook/impl/endpoint_check.hpp>

#include <algorithm>
#include <array>
#include <cmath>

namespace tidings::webhook::detail {

using namespace tidings::detail;

namespace {

// Of the connection, of framing, and of the body.
bool is_of_message(std::string_view name) noexcept {
    constexpr std::array<std::string_view, 10> names{
        "host",    "connection", "keep-alive",   "transfer-encoding", "te",
        "trailer", "upgrade",    "content-type", "content-length",    "content-encoding"};
    return std::any_of(names.begin(), names.end(),
                       [&](auto n) { return equal_ignoring_case(name, n); });
}

bool is_of_http(std::string_view name) noexcept {
    return is_of_message(name) || equal_ignoring_case(name, "expect") ||
           starts_with_ignoring_case(name, "content-") || starts_with_ignoring_case(name, "proxy-");
}

bool is_of_event(std::string_view name) noexcept {
    return starts_with_ignoring_case(name, "webhook-") || starts_with_ignoring_case(name, "ce-");
}

bool is_sendable_field(const http::fields::value_type& f) noexcept {
    return is_token(f.first) && std::none_of(f.second.begin(), f.second.end(), is_field_control);
}

error_code check_fields(const endpoint_options& o, const signer* s, std::string& what) {
    const auto signs = [&](std::string_view name) {
        return (s != nullptr && s->sets(name)) || (o.async_signer && o.async_signer->sets(name));
    };
    for (const auto& f : o.fields) {
        const auto& name = f.first;
        if (!is_sendable_field(f)) {
            what = is_token(name) ? "the value of the field " + name : "the name of a field";
            return errc::invalid_argument;
        }
        if (is_of_http(name) || is_of_event(name) || signs(name)) {
            what = "the field " + name;
            return errc::webhook_reserved_field;
        }
    }
    return {};
}

// RFC 6750 2.1: b64token.
bool is_bearer_token(std::string_view token) noexcept {
    const auto end = token.find_last_not_of('=') + 1;
    return end != 0 &&
           std::all_of(token.begin(), token.begin() + static_cast<std::ptrdiff_t>(end), [](char c) {
               const bool of_word =
                   (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
               return of_word || std::string_view("-._~+/").find(c) != std::string_view::npos;
           });
}

bool has_control(std::string_view text) noexcept {
    return std::any_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '\x7f'; });
}

bool has_basic(const endpoint_options& o) noexcept {
    return !o.basic.user.empty() || !o.basic.password.empty();
}

error_code check_credentials(const endpoint_options& o, std::string& what) {
    const bool bears = !o.bearer_token.empty();
    const bool given = o.fields.find("Authorization").has_value();
    if (int(bears) + int(has_basic(o)) + int(given) > 1)
        what = "more than one kind of credentials";
    else if (bears && !is_bearer_token(o.bearer_token))
        what = "the bearer token";
    else if (o.basic.user.find(':') != std::string::npos || has_control(o.basic.user) ||
             has_control(o.basic.password))
        what = "the name or password of a user";
    return what.empty() ? error_code() : make_error_code(errc::webhook_bad_credentials);
}

}  // namespace

bool may_sign(const http::fields& f) noexcept {
    return !f.empty() && std::all_of(f.begin(), f.end(), [](const auto& each) {
        return is_sendable_field(each) && !is_of_message(each.first);
    });
}

error_code check_endpoint(const endpoint_options& o, const signer* s, std::string& what) {
    if (o.signer && o.async_signer) what = "two signers";
    if (!what.empty() || (o.consent && !is_askable(*o.consent, what)))
        return errc::invalid_argument;
    if (const auto ec = check_fields(o, s, what)) return ec;
    if (const auto ec = check_credentials(o, what)) return ec;
    if (!std::isfinite(o.rate.per_second) || o.rate.per_second < 0) {
        what = "the rate";
        return errc::invalid_argument;
    }
    const auto ec = o.tls ? check_client_tls(*o.tls) : error_code();
    if (ec) what = "the TLS certificate, its key, or the roots";
    return ec;
}

std::string authorization_of(const endpoint_options& o) {
    if (!o.bearer_token.empty()) return "Bearer " + o.bearer_token;
    if (!has_basic(o)) return {};
    return "Basic " + base64_encode(o.basic.user + ':' + o.basic.password);
}

}  // namespace tidings::webhook::detail
