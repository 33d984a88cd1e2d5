// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/crypto/impl/sha256.hpp>
#include <tidings/store/sqlite/impl/body_store.hpp>

namespace tidings::sqlite::detail {

std::int64_t body_store::add(std::string_view bytes) {
    auto hash = tidings::detail::sha256_hex(bytes);
    if (const auto found = by_hash_.find(hash); found != by_hash_.end()) {
        const auto id = found->second->id;
        use(id);
        return id;
    }
    std::int64_t id = 0;
    {
        auto made = insert_.query(bytes_view{bytes});
        while (made.next()) id = made.number(0);
    }
    remember(std::move(hash), id);
    return id;
}

void body_store::release(std::int64_t id) {
    std::int64_t left = 0;
    {
        auto counted = release_.query(id);
        while (counted.next()) left = counted.number(0);
    }
    if (left > 0) return;
    erase_.run(id);
    forget(id);
}

void body_store::remember(std::string hash, std::int64_t id) {
    recent_.push_back({std::move(hash), id});
    const auto place = std::prev(recent_.end());
    by_hash_.emplace(place->hash, place);
    by_id_.emplace(id, place);
    if (recent_.size() > max_known) forget(recent_.front().id);
}

void body_store::forget(std::int64_t id) noexcept {
    const auto found = by_id_.find(id);
    if (found == by_id_.end()) return;
    const auto place = found->second;
    by_id_.erase(found);
    by_hash_.erase(place->hash);
    recent_.erase(place);
}

}  // namespace tidings::sqlite::detail
