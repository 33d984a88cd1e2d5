// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/history.hpp>
#include <tidings/io/clock.hpp>

#include <deque>
#include <map>
#include <mutex>
#include <unordered_map>

namespace tidings::detail {

/// One rule's events, oldest first, and what is known of those that are gone.
class history_ring {
 public:
    struct item {
        event_ptr event;
        io::steady_time time;
    };

    explicit history_ring(history_rule rule) : rule_(std::move(rule)) {}

    const history_rule& rule() const noexcept { return rule_; }
    const std::deque<item>& items() const noexcept { return items_; }

    /// Adds the newest and hands what falls out to `gone`.
    TIDINGS_DECL void push(event_ptr e, io::steady_time now, std::vector<event_ptr>& gone);
    TIDINGS_DECL void expire(io::steady_time now, std::vector<event_ptr>& gone);
    /// Whether an event after `sequence` that is gone could have matched one of the patterns.
    TIDINGS_DECL bool lost(std::uint64_t sequence, const std::vector<std::string>& patterns) const;
    /// The first item after `sequence`.
    TIDINGS_DECL std::size_t first_after(std::uint64_t sequence) const noexcept;

 private:
    // Beyond so many topics the oldest is remembered only as "some topic of this ring".
    static constexpr std::size_t max_evicted_topics = 4096;
    void evict_front(std::vector<event_ptr>& gone);

    history_rule rule_;
    std::deque<item> items_;
    std::size_t bytes_ = 0;
    std::uint64_t evicted_through_ = 0;    // newest that is gone
    std::uint64_t forgotten_through_ = 0;  // newest that is gone and whose topic is not known
    std::unordered_map<std::string, std::uint64_t> evicted_topics_;
    std::map<std::uint64_t, std::string> evicted_order_;
};

/// The history in memory; see `make_memory_history`.
class memory_history final : public history {
 public:
    TIDINGS_DECL memory_history(std::vector<history_rule> rules, io::clock& clock);

    bool covers(std::string_view topic) const noexcept override;
    void listen(history_listener& listener) override;
    void unlisten(const history_listener& listener) noexcept override;
    void append(const event_ptr& e, append_handler handler) override;
    position head() const override;
    std::uint64_t head_sequence() const override;
    void start_read(position after, std::vector<std::string> patterns, std::size_t max_events,
                    read_handler handler) override;
    std::optional<position> find(std::string_view source, std::string_view id) const override;

 private:
    // A slice looks at so many events at most, so that a read that matches little stays short.
    static constexpr std::size_t max_scanned = 4096;

    position position_of(std::uint64_t sequence) const;
    bool parse(const position& p, std::uint64_t& sequence) const noexcept;
    history_slice read(const position& after, const std::vector<std::string>& patterns,
                       std::size_t max_events);
    void scan(history_slice& slice, const std::vector<std::string>& patterns,
              std::size_t max_events) const;
    void forget(std::vector<event_ptr>& gone);
    history_ring* ring_of(std::string_view topic) noexcept;

    io::clock& clock_;
    std::string epoch_;
    mutable std::mutex mutex_;  // guards what follows but listener_
    std::vector<history_ring> rings_;
    std::uint64_t head_ = 0;
    std::unordered_map<std::string, std::uint64_t> ids_;  // source, NUL, id
    std::mutex listener_mutex_;  // held while the listener is called: commits are told in order
    history_listener* listener_ = nullptr;
};

}  // namespace tidings::detail
