// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/crypto/impl/hmac.hpp>
#include <tidings/http/impl/message/percent.hpp>
#include <tidings/http/impl/message/url.hpp>
#include <tidings/rest_hook/impl/proof_question.hpp>
#include <tidings/text/impl/hex.hpp>
#include <tidings/webhook/impl/consent_question.hpp>

#include <algorithm>
#include <span>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

namespace {

constexpr std::string_view secret_name = "X-Hook-Secret";
constexpr std::string_view id_name = "X-Hook-Subscription";
// Of a subscription without an end: WebSub knows none such.
constexpr std::chrono::seconds without_end = std::chrono::hours(24 * 365 * 10);

std::string random_text(io::random& random) {
    std::string bytes(32, '\0');
    random.fill(std::as_writable_bytes(std::span(bytes.data(), bytes.size())));
    return hex_encode(bytes);
}

// What the URL's own query has is neither changed nor left out (5.3).
std::string with_query(const std::string& target, const std::string& query) {
    error_code ec;
    auto url = http::url::parse(target, ec).text();
    url += url.find('?') == std::string::npos ? '?' : '&';
    return url + query;
}

std::string with_challenge(const hook_record& h, const std::string& challenge,
                           io::system_time now) {
    std::string topics;
    for (const auto& topic : h.topics) topics += (topics.empty() ? "" : ",") + topic;
    auto left = without_end;
    if (const auto end = h.expires())
        left = std::clamp<std::chrono::seconds>(
            std::chrono::floor<std::chrono::seconds>(*end - now), std::chrono::seconds(1), left);
    return with_query(h.target_url, "hub.mode=subscribe&hub.topic=" + http::percent_encode(topics) +
                                        "&hub.challenge=" + challenge +
                                        "&hub.lease_seconds=" + std::to_string(left.count()));
}

// Of a hub: the lease counts from the answer, and ends no later than the permission.
std::string with_wish(const hook_record& h, const std::string& challenge, io::system_time now) {
    const auto& wish = h.websub->wish;
    auto query = "hub.mode=" + std::string(spell(wish.mode)) +
                 "&hub.topic=" + http::percent_encode(h.websub->topic);
    if (wish.mode == websub_mode::denied)
        return with_query(h.target_url, query + "&hub.reason=" + http::percent_encode(wish.reason));
    query += "&hub.challenge=" + challenge;
    auto lease = wish.lease;
    if (wish.permitted_until)
        lease = std::clamp<std::chrono::seconds>(
            std::chrono::floor<std::chrono::seconds>(*wish.permitted_until - now),
            std::chrono::seconds(0), lease);
    if (wish.mode == websub_mode::subscribe)
        query += "&hub.lease_seconds=" + std::to_string(lease.count());
    return with_query(h.target_url, query);
}

bool is_success(unsigned status) noexcept {
    return status >= 200 && status <= 299;
}

}  // namespace

proof_question::proof_question(const hook_record& h, const proof_terms& terms, io::random& random,
                               io::system_time now)
    : kind_(h.shown_by.value_or(proof::echo)),
      url_(h.target_url) {
    for (const auto& [name, value] : h.headers) request_.fields.set(name, value);
    request_.fields.set(id_name, h.id);
    switch (kind_) {
        case proof::none:
            break;
        case proof::echo:
            request_.method = "POST";
            expected_ = h.question.token;
            request_.fields.set(secret_name, expected_);
            break;
        case proof::consent:
            consent_ = terms.consent_of(h.id, h.question.token);
            webhook::detail::ask_for_consent(consent_, request_);
            break;
        case proof::challenge:
            expected_ = random_text(random);
            if (h.websub) mode_ = h.websub->wish.mode;
            url_ = h.websub ? with_wish(h, expected_, now) : with_challenge(h, expected_, now);
            break;
    }
}

// In constant time: what is to be repeated is a secret until it was.
bool proof_question::agrees(const http::response& r, std::uint32_t& per_minute) const {
    if (kind_ == proof::consent) {
        const auto given = webhook::detail::read_consent(consent_, r);
        if (given) per_minute = given->per_minute;
        return given.has_value();
    }
    if (!is_success(r.status) || expected_.empty()) return false;
    if (kind_ == proof::challenge) return equal_in_constant_time(r.body, expected_);
    return kind_ == proof::echo && r.fields.count(secret_name) == 1 &&
           equal_in_constant_time(r.fields.get(secret_name), expected_);
}

// An answer decides; the question is repeated only where there was none, or one that says that it
// failed. A denial expects no particular answer.
proof_answer proof_question::read_websub(error_code ec, const http::response& r) const {
    using kind = proof_answer::kind;
    std::uint32_t per_minute = 0;
    if (ec && ec != errc::too_large) return {kind::not_yet, "the target did not answer"};
    if (r.status == 429 || r.status >= 500) return {kind::not_yet, "the target cannot answer now"};
    if (mode_ == websub_mode::denied || (!ec && agrees(r, per_minute))) return {kind::agreed};
    return {kind::refused, "the target does not want it"};
}

proof_answer proof_question::read(error_code ec, const http::response& r) const {
    using kind = proof_answer::kind;
    proof_answer a;
    if (ec == errc::address_refused || ec == errc::bad_url || ec == errc::webhook_bad_scheme)
        return {kind::not_yet, "the target's address is not one that may be called"};
    if (mode_ != websub_mode::none) return read_websub(ec, r);
    if (ec) return {kind::not_yet, "the target did not answer"};
    if (r.status >= 300 && r.status <= 399)
        return {kind::not_yet, "the target answered by a redirect, which is not followed"};
    if (r.status == 410 || (kind_ == proof::challenge && r.status == 404))
        return {kind::refused, "the target does not want it"};
    if (agrees(r, a.per_minute)) a.what = kind::agreed;
    if (a.what != kind::agreed) a.why = "the target's answer is no agreement";
    return a;
}

}  // namespace tidings::rest_hook::detail
