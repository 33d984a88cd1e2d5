// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/impl/consent_book.hpp>
#include <tidings/webhook/impl/proxy_fault.hpp>

#include <algorithm>

namespace tidings::webhook::detail {

namespace {

constexpr std::chrono::seconds first_wait{60};
constexpr std::chrono::hours longest_wait{1};

io::steady_time::duration wait_after(std::uint32_t failures) noexcept {
    const auto doublings = std::min<std::uint32_t>(failures, 10);
    return std::min<io::steady_time::duration>(first_wait * (1 << doublings), longest_wait);
}

}  // namespace

consent_book::permission& consent_book::of(const endpoint_target& t) {
    auto& p = known_[t.id()];
    const auto& asks = *t.terms().consent;
    const bool same =
        p.url == t.terms().url && p.origin == asks.origin && p.asked_per_minute == asks.per_minute;
    if (same || p.at == stage::asking) return p;
    unwait(p);
    p = {.url = t.terms().url, .origin = asks.origin, .asked_per_minute = asks.per_minute};
    return p;
}

void consent_book::unwait(permission& p) noexcept {
    if (!p.waits) return;
    waiting_.erase(*p.waits);
    p.waits.reset();
}

consent_book::pass consent_book::look(const endpoint_target& t, io::steady_time now) {
    if (!t.terms().consent || t.terms().consent->given) return pass::open;
    auto& p = of(t);
    const bool over = p.until && *p.until <= now;
    if (p.at == stage::granted && !over) return pass::open;
    if (p.at == stage::refused && !over && !p.waits) p.waits = waiting_.emplace(*p.until, t.id());
    if (p.at == stage::asking || (p.at == stage::refused && !over)) return pass::closed;
    return pass::ask;
}

void consent_book::dismiss(const std::string& id) noexcept {
    if (const auto it = known_.find(id); it != known_.end()) unwait(it->second);
}

void consent_book::begin(const endpoint_target& t) {
    auto& p = of(t);
    unwait(p);
    p.at = stage::asking;
    p.until.reset();
    ++asking_;
}

void consent_book::drop_question(const endpoint_target& t) noexcept {
    if (asking_ != 0) --asking_;
    const auto it = known_.find(t.id());
    if (it != known_.end() && it->second.at == stage::asking) it->second.at = stage::unknown;
}

error_code consent_book::on_answer(const endpoint_target& t, error_code ec, const http::response& r,
                                   io::steady_time now) {
    const auto it = known_.find(t.id());
    if (it == known_.end() || it->second.at != stage::asking) {
        if (asking_ != 0) --asking_;
        return {};  // the callback came first
    }
    --asking_;
    auto& p = it->second;
    const auto given = r.status != 0 ? read_consent(*t.terms().consent, r) : std::nullopt;
    if (given) {
        p.at = stage::unknown;
        grant(t, *given, now);
        return {};
    }
    p.at = stage::refused;
    if (is_proxy_fault(ec, r.status)) {
        p.until = now + wait_of_proxy_fault(++p.proxy_failures);
        return errc::undecided;
    }
    p.proxy_failures = 0;
    p.until = now + wait_after(p.failures++);
    return r.status != 0 || !ec ? make_error_code(errc::webhook_no_consent) : ec;
}

void consent_book::grant(const endpoint_target& t, consent_grant g, io::steady_time now) {
    if (!t.terms().consent || t.terms().consent->given) return;
    auto& p = of(t);
    unwait(p);
    const auto valid = t.terms().consent->valid_for;
    p.at = stage::granted;
    p.given = g;
    p.failures = p.proxy_failures = 0;
    p.until.reset();
    if (valid.count() > 0) p.until = now + valid;
}

std::uint32_t consent_book::per_minute(const endpoint_target& t) const {
    const auto it = known_.find(t.id());
    const bool granted = it != known_.end() && it->second.at == stage::granted;
    return granted ? it->second.given.per_minute : 0;
}

void consent_book::ready(io::steady_time now, std::vector<std::string>& ids) {
    while (!waiting_.empty() && waiting_.begin()->first <= now) {
        ids.push_back(waiting_.begin()->second);
        unwait(known_.find(ids.back())->second);
    }
}

std::optional<io::steady_time> consent_book::next() const {
    return waiting_.empty() ? std::nullopt : std::optional(waiting_.begin()->first);
}

}  // namespace tidings::webhook::detail
