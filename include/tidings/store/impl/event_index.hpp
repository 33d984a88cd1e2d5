// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/outbox_operations.hpp>

#include <cstdint>
#include <functional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

namespace tidings::store::detail {

/// The keys of an outbox's entries by the hash of their event. Others may have the same hash.
class event_index {
 public:
    void add(const outbox_entry& e) { keys_.insert(place_of(e)); }
    void remove(const outbox_entry& e) noexcept { keys_.erase(place_of(e)); }
    /// In order, behind a key.
    std::vector<std::uint64_t> find(const outbox_event& of, std::uint64_t after_key) const {
        std::vector<std::uint64_t> found;
        const auto hash = hash_of(of.id);
        for (auto it = keys_.upper_bound({hash, after_key}); it != keys_.end() && it->first == hash;
             ++it)
            found.push_back(it->second);
        return found;
    }

 private:
    using place = std::pair<std::size_t, std::uint64_t>;

    static std::size_t hash_of(std::string_view id) noexcept {
        return std::hash<std::string_view>()(id);
    }
    static place place_of(const outbox_entry& e) noexcept {
        return {hash_of(e.message->id), e.key};
    }

    std::set<place> keys_;
};

}  // namespace tidings::store::detail
