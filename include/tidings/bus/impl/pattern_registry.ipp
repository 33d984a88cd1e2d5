// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/pattern_registry.hpp>
#include <tidings/control_event.hpp>

#include <utility>

namespace tidings::detail {

pattern_entry& pattern_registry::enter(std::string_view pattern) {
    auto& entry = entries_[std::string(pattern)];
    if (!entry) {
        entry = std::make_unique<pattern_entry>();
        entry->pattern = pattern;
        index_.insert(pattern, entry.get());
    }
    return *entry;
}

void pattern_registry::erase(entry_map::iterator it) noexcept {
    index_.erase(it->first, it->second.get());
    entries_.erase(it);
}

// The bus cannot know which subscriptions the lost events would have matched, so a loss signal
// matches all of them.
const std::vector<pattern_entry*>& pattern_registry::match(std::string_view topic,
                                                           topic_route* route) {
    if (route != nullptr && route->generation == index_.generation()) return route->matched;
    auto& matched = route != nullptr ? route->matched : matched_;
    matched.clear();
    if (is_loss_signal(topic))
        for (const auto& [pattern, entry] : entries_) matched.push_back(entry.get());
    else
        index_.match(topic, [&](const auto& entries) { matched.push_back(entries.front()); });
    if (route != nullptr) route->generation = index_.generation();
    return matched;
}

pattern_registry::entry_map pattern_registry::clear() noexcept {
    for (const auto& [pattern, entry] : entries_) index_.erase(pattern, entry.get());
    return std::exchange(entries_, {});
}

}  // namespace tidings::detail
