// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/history.hpp>
#include <tidings/store/sqlite/impl/body_store.hpp>
#include <tidings/store/sqlite/impl/epoch_list.hpp>
#include <tidings/store/sqlite/impl/event_keys.hpp>
#include <tidings/store/sqlite/impl/lost_topics.hpp>

#include <span>

namespace tidings::sqlite::detail {

/// What one rule holds in the file.
struct ring_totals {
    std::size_t events = 0;
    std::size_t bytes = 0;
    std::int64_t oldest = 0;  ///< when it was stored, in milliseconds since 1970
};

/// An event that no rule has room for any more.
struct evicted_event {
    std::size_t ring = 0;
    std::uint64_t offset = 0;
    std::string topic{};
    std::optional<event_key> key{};
};

/// So much is evicted in one transaction, which the write-ahead log has to hold.
struct eviction_limit {
    std::size_t events = 0;
    std::size_t bytes = 0;
};

/// What a history finds in its file when it begins.
struct loaded_history {
    epoch_list epochs;
    std::vector<lost_topics> lost;
    std::vector<std::pair<event_key, std::uint64_t>> keys;
};

/// The history's side of the file. Of the writing thread; everything throws `failure`.
class history_file {
 public:
    TIDINGS_DECL history_file(connection& c, body_store& bodies, event_keys& keys,
                              std::vector<history_rule> rules);

    /// Fits the rows to the rules, and begins an epoch; what has to go goes by `evict`. `now`:
    /// milliseconds since 1970.
    TIDINGS_DECL loaded_history load(std::uint64_t epoch, std::int64_t now);
    /// Keeps an event in a ring; gives its offset. `size`: what the event holds, in bytes.
    TIDINGS_DECL std::uint64_t append(const publication& e, std::string_view data, std::size_t size,
                                      std::size_t ring, std::int64_t now);
    /// Takes what the rules have no room for, until the limit is reached. Whether that is all.
    TIDINGS_DECL bool evict(std::int64_t now, eviction_limit limit,
                            std::vector<evicted_event>& gone);
    /// Writes down what reads need to know after a restart.
    TIDINGS_DECL void note(std::span<const evicted_event> gone,
                           std::span<const std::uint64_t> forgotten);

    std::uint64_t head() const noexcept { return head_; }
    const std::vector<ring_totals>& totals() const noexcept { return totals_; }

 private:
    bool has_same_rules();
    void fit_to_rules(std::vector<lost_topics>& lost);
    void load_epochs(loaded_history& loaded, std::uint64_t epoch, std::int64_t now);
    void load_lost(loaded_history& loaded);
    void count();
    void evict_from(std::size_t ring, std::int64_t now, eviction_limit& limit,
                    std::vector<evicted_event>& gone);
    bool is_over(std::size_t ring, const ring_totals& t, std::int64_t now) const noexcept;

    connection& connection_;
    body_store& bodies_;
    event_keys& keys_;
    const std::vector<history_rule> rules_;
    statement insert_, oldest_, erase_, note_lost_, forget_, set_forgotten_, set_head_;
    std::vector<ring_totals> totals_;       // of each rule, and of topics that none keeps any more
    std::vector<std::uint64_t> forgotten_;  // as the file has them
    std::uint64_t head_ = 0;
    std::uint64_t noted_head_ = 0;
};

/// The place of the rule that an event goes by; nothing where it keeps none.
TIDINGS_DECL std::optional<std::size_t> ring_of(std::span<const history_rule> rules,
                                                std::string_view topic) noexcept;

}  // namespace tidings::sqlite::detail
