// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/inlet/impl/recent_ids.hpp>

#include <cstring>
#include <new>

namespace tidings::detail {

namespace {

hmac make_random_hmac(io::random& random) {
    std::array<char, 32> secret{};
    random.fill(std::as_writable_bytes(std::span(secret)));
    return hmac(digest::sha256, std::string_view(secret.data(), secret.size()));
}

}  // namespace

recent_ids::recent_ids(std::size_t max_bytes, io::random& random)
    : max_bytes_(max_bytes),
      hmac_(make_random_hmac(random)) {}

recent_ids::key recent_ids::key_of(std::string_view id) {
    const std::lock_guard lock(mutex_);
    const auto mac = hmac_.sign({id});
    key k{};
    std::memcpy(k.data(), mac.bytes().data(), sizeof k);
    return k;
}

recent_ids::seen recent_ids::begin(keys ks, result& first) {
    const std::lock_guard lock(mutex_);
    auto found = seen::fresh;
    for (const auto& k : ks) {
        const auto it = entries_.find(k);
        if (it == entries_.end()) continue;
        if (it->second.now == phase::failed) {
            found = seen::again;
            continue;
        }
        if (it->second.first) first = *it->second.first;
        return it->second.now == phase::pending ? seen::pending : seen::known;
    }
    std::size_t added = 0;
    try {
        for (; added < ks.size(); ++added) add(ks[added]);
    } catch (const std::bad_alloc&) {
        for (const auto& k : ks.first(added)) erase(entries_.find(k));
        throw;
    }
    return found;
}

void recent_ids::add(const key& k) {
    if (const auto it = entries_.find(k); it != entries_.end()) {
        if (it->second.now == phase::pending) return;  // the same id twice
        it->second.now = phase::pending;
        pending_.splice(pending_.end(), settled_, it->second.place);
        return;
    }
    std::list<key> place{k};
    const auto it = entries_.try_emplace(k).first;
    it->second.place = place.begin();
    pending_.splice(pending_.end(), place);
    bytes_ += cost(it->second);
}

void recent_ids::accept(keys ks, const result& r) {
    const bool says_something = !r.id.empty() || r.position;
    const std::lock_guard lock(mutex_);
    for (const auto& k : ks) {
        const auto it = entries_.find(k);
        if (it == entries_.end() || it->second.now != phase::pending) continue;
        if (says_something) {
            auto first = std::make_unique<const result>(r);  // may throw: before anything changes
            bytes_ -= cost(it->second);
            it->second.first = std::move(first);
            bytes_ += cost(it->second);
        }
        settle(it, phase::accepted);
    }
}

void recent_ids::fail(keys ks) noexcept {
    const std::lock_guard lock(mutex_);
    for (const auto& k : ks) {
        const auto it = entries_.find(k);
        if (it != entries_.end() && it->second.now == phase::pending) settle(it, phase::failed);
    }
}

bool recent_ids::forget(keys ks) noexcept {
    const std::lock_guard lock(mutex_);
    bool found = false;
    for (const auto& k : ks) {
        const auto it = entries_.find(k);
        if (it == entries_.end()) continue;
        erase(it);
        found = true;
    }
    return found;
}

std::size_t recent_ids::bytes() const {
    const std::lock_guard lock(mutex_);
    return bytes_;
}

std::size_t recent_ids::cost(const entry& e) noexcept {
    if (!e.first) return entry_bytes;
    const auto& position = e.first->position;
    return entry_bytes + sizeof(result) + e.first->id.size() +
           (position ? position->epoch_bytes() : 0);
}

void recent_ids::settle(entry_map::iterator it, phase p) noexcept {
    it->second.now = p;
    settled_.splice(settled_.end(), pending_, it->second.place);
    while (bytes_ > max_bytes_ && !settled_.empty()) erase(entries_.find(settled_.front()));
}

void recent_ids::erase(entry_map::iterator it) noexcept {
    bytes_ -= cost(it->second);
    auto& in = it->second.now == phase::pending ? pending_ : settled_;
    in.erase(it->second.place);
    entries_.erase(it);
}

}  // namespace tidings::detail
