// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/pattern_registry.hpp>
#include <tidings/control_event.hpp>

#include <algorithm>
#include <memory>
#include <mutex>
#include <new>
#include <utility>

namespace tidings::detail {

pattern_registry::~pattern_registry() {
    clear().reclaim();
}

pattern_entry& pattern_registry::enter(std::string_view pattern) {
    if (auto* known = index_.find(pattern)) return *known;
    if (matched_.capacity() <= index_.size()) {
        matched_.clear();
        matched_.reserve(std::max<std::size_t>(8, 2 * index_.size()));
    }
    auto* entry = pattern_entry::make(pattern);
    try {
        index_.insert(*entry);
    } catch (...) {
        entry->reclaim();
        throw;
    }
    stamps_.note(pattern);
    note_generation();
    return *entry;
}

void pattern_registry::erase(pattern_entry& entry, retired_list& gone) noexcept {
    index_.erase(entry);
    stamps_.note(entry.pattern());
    if (index_.size() == 0) cache_.clear();
    note_generation();
    {
        // A publisher that holds its lists from here on finds that the route is not current.
        const std::lock_guard lists(entry.lists_mutex);
        erased_walks_ += entry.walks();
    }
    gone.push(entry);
}

// The bus cannot know which subscriptions the lost events would have matched, so a loss signal
// matches all of them.
const std::vector<pattern_entry*>& pattern_registry::look_up(std::string_view topic) noexcept {
    if (is_loss_signal(topic)) {
        matched_.clear();  // it has room for all
        index_.for_each([&](pattern_entry& e) { matched_.push_back(&e); });
        return matched_;
    }
    const auto hash = index_.hash(topic);
    const auto stamp = stamps_.of(topic);
    if (const auto* known = cache_.find(topic, hash, stamp)) return *known;
    matched_.clear();
    index_.match(topic, [&](pattern_entry& e) { matched_.push_back(&e); });
    cache_.keep(topic, hash, stamp, matched_);
    return matched_;
}

const std::vector<pattern_entry*>& pattern_registry::look_up(std::string_view topic,
                                                             topic_route& route,
                                                             retired_list& gone) noexcept {
    const auto generation = index_.generation();
    auto* known = route.match.load(std::memory_order_relaxed);
    const auto stamp = stamps_.of(topic);
    if (known != nullptr && known->stamp == stamp) {
        known->generation.store(generation, std::memory_order_release);
        return known->entries;
    }
    matched_.clear();
    index_.match(topic, [&](pattern_entry& e) { matched_.push_back(&e); });
    try {
        auto fresh = std::make_unique<route_match>();
        fresh->entries = matched_;
        fresh->generation = generation;
        fresh->stamp = stamp;
        if (matched_.size() == 1 && route.direct) fresh->only = matched_.front();
        route.match.store(fresh.release(), std::memory_order_release);
        if (known != nullptr) gone.push(*known);
    } catch (const std::bad_alloc&) {
        return matched_;  // the route stays as it is
    }
    return matched_;
}

std::uint64_t pattern_registry::walks() const noexcept {
    auto count = erased_walks_;
    index_.for_each([&](const pattern_entry& e) { count += e.walks(); });
    return count;
}

retired_list pattern_registry::clear() noexcept {
    retired_list all;
    index_.for_each([&](pattern_entry& e) {
        erased_walks_ += e.walks();
        all.push(e);
    });
    index_.clear();
    cache_.clear();
    note_generation();
    return all;
}

}  // namespace tidings::detail
