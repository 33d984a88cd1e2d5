// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/pattern_registry.hpp>
#include <tidings/control_event.hpp>

#include <memory>
#include <new>
#include <utility>

namespace tidings::detail {

pattern_registry::~pattern_registry() {
    for (const auto& [pattern, entry] : entries_) delete entry;
}

pattern_entry& pattern_registry::enter(std::string_view pattern) {
    const auto [it, added] = entries_.try_emplace(std::string(pattern), nullptr);
    if (!added) return *it->second;
    try {
        if (matched_.capacity() < entries_.size()) matched_.reserve(2 * entries_.size());
        auto entry = std::make_unique<pattern_entry>(pattern);
        index_.insert(pattern, entry.get());
        it->second = entry.release();
    } catch (...) {
        entries_.erase(it);
        throw;
    }
    note_change();
    return *it->second;
}

pattern_entry* pattern_registry::find(const std::string& pattern) const noexcept {
    const auto it = entries_.find(pattern);
    return it != entries_.end() ? it->second : nullptr;
}

void pattern_registry::erase(pattern_entry& entry, retired_list& gone) noexcept {
    erased_walks_ += entry.immediates.walks();
    index_.erase(entry.pattern, &entry);
    entries_.erase(entry.pattern);
    gone.push(entry);
    note_change();
}

// The bus cannot know which subscriptions the lost events would have matched, so a loss signal
// matches all of them.
const std::vector<pattern_entry*>& pattern_registry::match(std::string_view topic,
                                                           topic_route* route,
                                                           retired_list& gone) noexcept {
    auto* known = route != nullptr ? route->match.load(std::memory_order_relaxed) : nullptr;
    if (known != nullptr && known->generation == index_.generation()) return known->entries;
    matched_.clear();  // it has room for all
    if (is_loss_signal(topic))
        for (const auto& [pattern, entry] : entries_) matched_.push_back(entry);
    else
        index_.match(topic, [&](const auto& entries) { matched_.push_back(entries.front()); });
    if (route == nullptr) return matched_;
    try {
        auto fresh = std::make_unique<route_match>();
        fresh->entries = matched_;
        fresh->generation = index_.generation();
        if (matched_.size() == 1 && route->direct) fresh->only = matched_.front();
        route->match.store(fresh.release(), std::memory_order_release);
        if (known != nullptr) gone.push(*known);
    } catch (const std::bad_alloc&) {
        return matched_;  // the route stays as it is
    }
    return matched_;
}

std::uint64_t pattern_registry::walks() const noexcept {
    auto count = erased_walks_;
    for (const auto& [pattern, entry] : entries_) count += entry->immediates.walks();
    return count;
}

pattern_registry::entry_map pattern_registry::clear() noexcept {
    for (const auto& [pattern, entry] : entries_) {
        erased_walks_ += entry->immediates.walks();
        index_.erase(pattern, entry);
    }
    note_change();
    return std::exchange(entries_, {});
}

}  // namespace tidings::detail
