// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/server/ledger.hpp>
#include <tidings/http/impl/server/peer_key.hpp>

namespace tidings::http::detail {

using namespace tidings::detail;

ledger::admission ledger::enter(const std::string& remote_address, bool loopback) {
    std::string address;
    if (!loopback || options_->count_loopback) address = peer_key(remote_address);
    auto result = verdict::welcome;
    {
        const std::lock_guard lock(mutex_);
        const auto known = per_address_.find(address);
        if (size_ >= options_->max_connections)
            result = verdict::full;
        else if (known != per_address_.end() &&
                 known->second >= options_->max_connections_per_address)
            result = verdict::address_full;
        if (result != verdict::welcome) {
            if (refusals_ >= max_refusals) return {verdict::turned_away, nullptr};
            ++refusals_;
        } else {
            if (!address.empty()) ++per_address_[address];
            ++size_;
        }
    }
    const bool refused = result != verdict::welcome;
    if (!refused && options_->metrics) options_->metrics->gauge("http_connections", {}, 1);
    return {result, std::make_shared<seat>(shared_from_this(), std::move(address), refused)};
}

response ledger::refusal(verdict v) {
    auto r = v == verdict::full
                 ? problem(503, "Service Unavailable", "too many connections")
                 : problem(429, "Too Many Requests", "too many connections from your address");
    r.fields.set("Retry-After", "5");
    return r;
}

std::size_t ledger::size() const noexcept {
    const std::lock_guard lock(mutex_);
    return size_;
}

void ledger::when_empty(tidings::unique_function<void()> f) {
    {
        const std::lock_guard lock(mutex_);
        if (size_ > 0) {
            when_empty_ = std::move(f);
            return;
        }
    }
    f();
}

void ledger::leave(const std::string& address, bool refused) noexcept {
    tidings::unique_function<void()> empty;
    {
        const std::lock_guard lock(mutex_);
        if (refused) {
            --refusals_;
            return;
        }
        const auto known = per_address_.find(address);
        if (known != per_address_.end() && --known->second == 0) per_address_.erase(known);
        if (--size_ == 0) empty = std::move(when_empty_);
    }
    if (options_->metrics) options_->metrics->gauge("http_connections", {}, -1);
    if (empty) empty();
}

}  // namespace tidings::http::detail
