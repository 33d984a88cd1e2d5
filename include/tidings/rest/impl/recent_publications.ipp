// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest/impl/recent_publications.hpp>

#include <algorithm>

namespace tidings::rest::detail {

recent_publications::standing recent_publications::begin(const keys& ks, result& first) {
    const std::lock_guard lock(mutex_);
    for (const auto& key : ks) {
        const auto it = entries_.find(key);
        if (it == entries_.end() || it->second.now == phase::failed) continue;
        first = it->second.what;
        return it->second.now == phase::pending ? standing::pending : standing::known;
    }
    auto found = standing::fresh;
    for (const auto& key : ks) {
        const auto [it, fresh] = entries_.try_emplace(key);
        if (fresh) continue;
        found = standing::again;
        settled_.erase(it->second.place);
        it->second = {};
    }
    return found;
}

void recent_publications::accept(const keys& ks, const result& r) {
    const std::lock_guard lock(mutex_);
    for (const auto& key : ks) settle(key, phase::accepted, r);
}

void recent_publications::fail(const keys& ks) noexcept {
    const std::lock_guard lock(mutex_);
    for (const auto& key : ks) {
        try {
            settle(key, phase::failed, {});
        } catch (const std::bad_alloc&) {
            entries_.erase(key);
        }
    }
}

void recent_publications::settle(const std::string& key, phase p, const result& r) {
    const auto it = entries_.find(key);
    if (it == entries_.end() || it->second.now != phase::pending) return;
    it->second.what = r;
    it->second.place = settled_.insert(settled_.end(), &it->first);
    it->second.now = p;
    if (settled_.size() <= max_) return;
    entries_.erase(*settled_.front());
    settled_.pop_front();
}

}  // namespace tidings::rest::detail
