// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/index/topic_index.hpp>
#include <tidings/bus/impl/pattern_entry.hpp>
#include <tidings/bus/impl/pattern_stamps.hpp>
#include <tidings/bus/impl/topic_cache.hpp>
#include <tidings/bus/impl/topic_route.hpp>
#include <tidings/detail/config.hpp>

namespace tidings::detail {

/// The patterns of a bus: one entry each, found by pattern and by the topics that it matches. An
/// entry exists while something stands in it. Guarded by the bus's mutex, but for `generation`.
class pattern_registry {
 public:
    explicit pattern_registry(std::uint64_t seed) : index_(seed), stamps_(seed) {}
    pattern_registry(const pattern_registry&) = delete;
    pattern_registry& operator=(const pattern_registry&) = delete;
    TIDINGS_DECL ~pattern_registry();

    /// The entry of a pattern, made where there is none. @throws std::bad_alloc
    TIDINGS_DECL pattern_entry& enter(std::string_view pattern);
    /// The same of one that is there, or null.
    pattern_entry* find(std::string_view pattern) const noexcept { return index_.find(pattern); }
    /// After something has left: an entry that is empty then goes.
    void tidy(pattern_entry& entry, retired_list& gone) noexcept {
        if (entry.empty()) erase(entry, gone);
    }
    /// The entries that a topic matches; for a loss signal all of them. Valid until the next call.
    /// `route` keeps them as long as none comes or goes that the topic matches; without one they
    /// are kept by topic, in few places.
    const std::vector<pattern_entry*>& match(std::string_view topic, topic_route* route,
                                             retired_list& gone) noexcept {
        if (route == nullptr) return look_up(topic);
        const auto* known = route->match.load(std::memory_order_relaxed);
        const auto generation = index_.generation();
        if (known != nullptr && known->generation.load(std::memory_order_relaxed) == generation)
            return known->entries;
        return look_up(topic, *route, gone);
    }
    /// Rises whenever a pattern comes or goes. From any thread.
    std::uint64_t generation() const noexcept {
        return generation_.load(std::memory_order_acquire);
    }
    /// While they are held no route is current.
    void hold_routes(bool held) noexcept {
        held_ = held;
        note_generation();
    }
    /// The same, for what looks at every publication.
    void watch_routes(bool watched) noexcept {
        watched_ = watched;
        note_generation();
    }
    /// Calls `f(pattern_entry&)` for each, which must not add or remove any.
    template <class F>
    void for_each(F f) const {
        index_.for_each(f);
    }
    /// Calls `f(pattern_entry&)` for each that a topic matches.
    template <class F>
    void for_each_of(std::string_view topic, F f) const {
        index_.match(topic, f);
    }
    /// How many walks over callbacks, and hands to lists without the bus's mutex, began ever.
    TIDINGS_DECL std::uint64_t walks() const noexcept;
    /// Takes every entry out, to be retired after the mutex is released.
    TIDINGS_DECL retired_list clear() noexcept;

 private:
    TIDINGS_DECL void erase(pattern_entry& entry, retired_list& gone) noexcept;
    TIDINGS_DECL const std::vector<pattern_entry*>& look_up(std::string_view topic) noexcept;
    TIDINGS_DECL const std::vector<pattern_entry*>& look_up(std::string_view topic,
                                                            topic_route& route,
                                                            retired_list& gone) noexcept;
    void note_generation() noexcept {
        generation_.store(held_ || watched_ ? 0 : index_.generation(), std::memory_order_release);
    }

    topic_index<pattern_entry> index_;
    pattern_stamps stamps_;
    topic_cache cache_;
    std::atomic<std::uint64_t> generation_{1};
    bool held_ = false;
    bool watched_ = false;
    std::uint64_t erased_walks_ = 0;
    std::vector<pattern_entry*> matched_;  // has room for all entries
};

}  // namespace tidings::detail
