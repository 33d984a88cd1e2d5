// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/percent.hpp>
#include <tidings/http/impl/message/url.hpp>
#include <tidings/rest_hook/impl/proof_terms.hpp>
#include <tidings/rest_hook/impl/websub_request.hpp>
#include <tidings/text/impl/ascii.hpp>
#include <tidings/webhook/impl/consent_question.hpp>
#include <tidings/webhook/impl/ip_network.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

namespace {

constexpr std::chrono::hours longest_wait{24 * 365};

[[noreturn]] void refuse_options(const std::string& why) {
    throw std::invalid_argument("tidings::rest_hook::proof_options: " + why);
}

ip_network network_of(const std::string& text) {
    error_code ec;
    const auto network = webhook::detail::parse_ip_network(text, ec);
    if (ec) refuse_options("not a network in CIDR form: " + text);
    return network;
}

bool has(const std::vector<proof>& all, proof p) noexcept {
    return std::find(all.begin(), all.end(), p) != all.end();
}

// What the user wrote as a name: in lower case, without the dots that may stand around it.
std::string plain_name(std::string_view text) {
    while (text.starts_with('.')) text.remove_prefix(1);
    while (text.ends_with('.')) text.remove_suffix(1);
    std::string name(text);
    std::transform(name.begin(), name.end(), name.begin(), [](char c) { return ascii_lower(c); });
    return name;
}

bool is_at_or_below(std::string_view name, std::string_view suffix) noexcept {
    if (name == suffix) return true;
    return name.ends_with(suffix) && name.size() > suffix.size() &&
           name[name.size() - suffix.size() - 1] == '.';
}

}  // namespace

proof_terms::proof_terms(proof_options o, const webhook::address_guard_options& guard)
    : options_(std::move(o)),
      guard_(guard) {
    for (const auto& text : guard.allowed_networks) allowed_.push_back(network_of(text));
    if (!options_.public_url.empty() && !is_web_url(options_.public_url))
        refuse_options("public_url is no http or https URL");
    while (options_.public_url.ends_with('/')) options_.public_url.pop_back();
    std::string what;
    if (!options_.origin.empty() &&
        !webhook::detail::is_askable(consent_of("hook_x", "token"), what))
        refuse_options(what + " is none that a request can have");
    if (options_.within.count() <= 0) refuse_options("within is no time");
    options_.within = std::min<std::chrono::seconds>(options_.within, longest_wait);
    for (auto& wait : options_.waits)
        wait = std::clamp(wait, std::chrono::seconds(1), options_.within);
    options_.max_questions = std::max<std::size_t>(options_.max_questions, 1);
    options_.max_per_host = std::max<std::size_t>(options_.max_per_host, 1);
    for (auto& given : options_.rules) {
        rule r{given, std::nullopt};
        if (!given.network.empty()) r.network = network_of(given.network);
        r.given.host_suffix = plain_name(given.host_suffix);
        if (!given.host_suffix.empty() && r.given.host_suffix.empty())
            refuse_options("not a name: " + given.host_suffix);
        r.given.takes = available(given.takes);
        rules_.push_back(std::move(r));
    }
    options_.takes = available(options_.takes);
}

std::vector<proof> proof_terms::available(const std::vector<proof>& takes) const {
    auto left = takes;
    if (options_.origin.empty()) std::erase(left, proof::consent);
    if (left.empty())
        refuse_options(takes.empty() ? "nothing is taken"
                                     : "consent is asked for by an origin, which is missing");
    return left;
}

proof_terms::target proof_terms::target_of(const std::string& url) {
    error_code ec;
    const auto parsed = http::url::parse(url, ec);
    auto address = webhook::detail::literal_address(parsed.host);
    if (address) return {{}, address};
    auto name = plain_name(parsed.host);
    if (name == "localhost") address = net::ip::address_v4::loopback();
    return {std::move(name), address};
}

bool proof_terms::fits(const rule& r, const std::string& owner, const target& t) {
    if (!r.given.principal.empty() && r.given.principal != owner) return false;
    if (!r.given.host_suffix.empty() && !is_at_or_below(t.name, r.given.host_suffix)) return false;
    if (!r.network) return true;
    return t.address &&
           webhook::detail::holds(*r.network, webhook::detail::to_ip_octets(*t.address));
}

bool proof_terms::is_allowed_besides(const target& t) const {
    static const webhook::address_guard strangers;
    if (!t.address || !guard_.allows(*t.address)) return false;
    const auto octets = webhook::detail::to_ip_octets(*t.address);
    return !strangers.allows(*t.address) ||
           std::any_of(allowed_.begin(), allowed_.end(),
                       [&](const auto& n) { return webhook::detail::holds(n, octets); });
}

const std::vector<proof>& proof_terms::taken(const std::string& owner,
                                             const std::string& target_url) const {
    static const std::vector<proof> nothing{proof::none};
    const auto t = target_of(target_url);
    for (const auto& r : rules_)
        if (fits(r, owner, t)) return r.given.takes;
    return is_allowed_besides(t) ? nothing : options_.takes;
}

bool proof_terms::permits(const std::vector<proof>& taken, proof p) const noexcept {
    if (p == proof::consent && options_.origin.empty()) return false;
    return has(taken, p) || has(taken, proof::none);
}

webhook::consent_request proof_terms::consent_of(const std::string& id,
                                                 const std::string& token) const {
    webhook::consent_request c{.origin = options_.origin};
    if (!options_.public_url.empty())
        c.callback = options_.public_url + '/' + http::percent_encode(id) +
                     "/confirm?token=" + http::percent_encode(token);
    return c;
}

io::system_time proof_terms::next_after(const open_question& q,
                                        io::system_time now) const noexcept {
    const auto& waits = options_.waits;
    const std::size_t at = q.asked == 0 ? 0 : q.asked - 1;
    return at < waits.size() ? std::min<io::system_time>(now + waits[at], q.until) : q.until;
}

}  // namespace tidings::rest_hook::detail
