// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/reclaim/retirable.hpp>
#include <tidings/detail/config.hpp>
#include <tidings/event_ptr.hpp>
#include <tidings/retained.hpp>

#include <map>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace tidings::detail {

/// The newest event of each topic, by rules. What leaves is retired, as it may be a C++ value that
/// the user's code destroys: it goes when no lock is held. Not thread-safe, but for `covers`.
class retained_store {
 public:
    /// A value that a subscription may have.
    struct value final : retirable {
        value(event_ptr e, std::uint64_t n) noexcept : event(std::move(e)), number(n) {}
        void reclaim() noexcept override { delete this; }
        const event_ptr event;
        const std::uint64_t number;  ///< rises with each event that was noted
        event_ptr shown{};           ///< the same without a position, once somebody asked for it
    };
    struct slice {
        std::vector<value*> values{};  ///< in the order of their coming
        std::uint64_t next = 0;        ///< read on after this
    };

    /// Null where there is no rule. @throws std::invalid_argument for a rule without a pattern
    static std::unique_ptr<retained_store> make(const std::vector<retained_rule>& rules) {
        return rules.empty() ? nullptr : std::make_unique<retained_store>(rules);
    }
    explicit retained_store(std::vector<retained_rule> rules);
    ~retained_store();
    retained_store(const retained_store&) = delete;
    retained_store& operator=(const retained_store&) = delete;

    bool covers(std::string_view topic) const noexcept { return ring_of(topic) != nullptr; }
    /// An event that is dispatched. Where memory is missing its topic has no value.
    void note(const event_ptr& e, retired_list& gone) noexcept;
    /// False where there was nothing.
    bool forget(std::string_view topic, retired_list& gone) noexcept;

    /// The number of the event that was noted last.
    std::uint64_t newest() const noexcept { return newest_; }
    /// Values of topics that match some of the patterns, by their numbers: above `after`, at most
    /// `through`, so that what was published since comes another way. `next` is `through` where
    /// nothing is left. It looks at a bounded number of them.
    /// @throws std::bad_alloc
    slice read(const std::vector<std::string>& patterns, std::uint64_t after, std::uint64_t through,
               std::size_t max);
    retained_counters counters() const noexcept;

 private:
    /// Looked at in one read, so that the bus's lock is held for a moment only.
    static constexpr std::size_t max_scanned = 1024;

    struct ring {
        retained_rule rule;
        std::map<std::uint64_t, value*> by_number{};
        std::size_t bytes = 0;
    };
    using ring_place = std::map<std::uint64_t, value*>::iterator;

    const ring* ring_of(std::string_view topic) const noexcept;
    void keep(ring& r, const event_ptr& e, retired_list& gone);
    void bury(ring& r, ring_place at, retired_list& gone) noexcept;
    void shrink(ring& r, retired_list& gone) noexcept;
    slice read_literal(const std::vector<std::string>& topics, std::uint64_t after,
                       std::uint64_t through, std::size_t max);

    std::vector<ring> rings_;
    // The text is that of the event which is kept.
    std::unordered_map<std::string_view, ring_place> by_topic_;
    std::uint64_t newest_ = 0;
    std::uint64_t evicted_ = 0;
};

}  // namespace tidings::detail
