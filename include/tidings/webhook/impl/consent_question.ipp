// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/url.hpp>
#include <tidings/text/impl/ascii.hpp>
#include <tidings/webhook/impl/consent_question.hpp>

#include <algorithm>
#include <charconv>

namespace tidings::webhook::detail {

namespace {

// A positive number, or `*`, which is 0 here; in one field.
std::optional<std::uint32_t> allowed_rate(const http::fields& f) {
    const auto text = f.get("webhook-allowed-rate");
    if (f.count("webhook-allowed-rate") != 1) return std::nullopt;
    if (text == "*") return 0;
    std::uint32_t rate = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), rate);
    const bool whole = ec == std::errc() && end == text.data() + text.size();
    return whole && rate > 0 ? std::optional(rate) : std::nullopt;
}

bool is_plain(std::string_view text) noexcept {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

}  // namespace

bool is_askable(const consent_request& c, std::string& what) {
    if (!is_plain(c.origin) || c.origin == "*") what = "the origin of the request for consent";
    error_code ec;
    if (!c.callback.empty()) http::url::parse(c.callback, ec);
    if (ec || (!c.callback.empty() && !is_plain(c.callback)))
        what = "the callback of the request for consent";
    return what.empty();
}

void ask_for_consent(const consent_request& c, http::request& r) {
    r.method = "OPTIONS";
    r.fields.set("WebHook-Request-Origin", c.origin);
    if (c.per_minute != 0) r.fields.set("WebHook-Request-Rate", std::to_string(c.per_minute));
    if (!c.callback.empty()) r.fields.set("WebHook-Request-Callback", c.callback);
}

// The origin is compared by equality: a prefix would take the name of another for it.
std::optional<consent_grant> read_consent(const consent_request& c, const http::response& r) {
    const auto& f = r.fields;
    const auto origin = f.get("webhook-allowed-origin");
    const bool known = origin == "*" || tidings::detail::equal_ignoring_case(origin, c.origin);
    if (!known || f.count("webhook-allowed-origin") != 1) return std::nullopt;
    const bool unasked = c.per_minute == 0 && f.count("webhook-allowed-rate") == 0;
    const auto rate = unasked ? std::optional<std::uint32_t>(0) : allowed_rate(f);
    return rate ? std::optional(consent_grant{*rate}) : std::nullopt;
}

}  // namespace tidings::webhook::detail
