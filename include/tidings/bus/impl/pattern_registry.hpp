// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/index/topic_index.hpp>
#include <tidings/bus/impl/pattern_entry.hpp>
#include <tidings/bus/impl/topic_route.hpp>
#include <tidings/detail/config.hpp>

#include <unordered_map>

namespace tidings::detail {

/// The patterns of a bus: one entry each, found by pattern and by the topics that it matches. An
/// entry exists while something stands in it. Guarded by the bus's mutex.
class pattern_registry {
 public:
    using entry_map = std::unordered_map<std::string, std::unique_ptr<pattern_entry>>;

    explicit pattern_registry(std::uint64_t seed) : index_(seed) {}

    /// The entry of a pattern, made where there is none.
    TIDINGS_DECL pattern_entry& enter(std::string_view pattern);
    /// Calls `f` with the entry of a pattern, where there is one; an entry that is empty then goes.
    template <class F>
    void leave(const std::string& pattern, F f) {
        const auto it = entries_.find(pattern);
        if (it == entries_.end()) return;
        f(*it->second);
        if (it->second->empty()) erase(it);
    }
    /// The entries that a topic matches; for a loss signal all of them. Valid until the next call.
    /// `route` keeps them as long as no pattern comes or goes.
    TIDINGS_DECL const std::vector<pattern_entry*>& match(std::string_view topic,
                                                          topic_route* route);
    const entry_map& entries() const noexcept { return entries_; }
    /// Takes every entry out, to be destroyed after the mutex is released.
    TIDINGS_DECL entry_map clear() noexcept;

 private:
    TIDINGS_DECL void erase(entry_map::iterator it) noexcept;

    topic_index<pattern_entry*> index_;
    entry_map entries_;
    std::vector<pattern_entry*> matched_;
};

}  // namespace tidings::detail
