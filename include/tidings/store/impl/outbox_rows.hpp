// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/impl/attempt_log.hpp>
#include <tidings/store/impl/attempt_tally.hpp>
#include <tidings/store/impl/claim_lines.hpp>
#include <tidings/store/impl/event_index.hpp>
#include <tidings/store/outbox_operations.hpp>

#include <map>
#include <memory>

namespace tidings::store::detail {

/// The entries and endpoints of an outbox in memory, with every index of them and what they hold in
/// bytes. The operations of an outbox, `outbox_tables`, are made of these steps.
class outbox_rows {
 protected:
    using place = claim_lines::place;
    using key_set = std::set<std::uint64_t>;
    struct endpoint;
    struct row {
        outbox_listed listed{};
        endpoint* of = nullptr;
        std::size_t bytes = 0;                // of its own
        claim_lines::line::node_type node{};  // while it is in no line, and not dead
    };
    using row_map = std::map<std::uint64_t, row>;
    using mark_map = std::map<std::string, position>;                   // by history
    using members = std::set<std::pair<std::uint32_t, std::uint64_t>>;  // index, key
    struct endpoint_row;
    /// What of an endpoint is held, with its marks: made with the first of it, given back when
    /// there is nothing any more.
    struct endpoint {
        endpoint(const std::string& id, endpoint_row& r)
            : row(r),
              lines(id),
              counts{.id = lines.id} {}
        const std::string& id() const noexcept { return *lines.id; }
        bool empty() const noexcept {
            return owed.empty() && dead.empty() && marks.empty() && counts.minutes.empty();
        }

        endpoint_row& row;
        claim_lines::endpoint lines;
        key_set owed{}, dead{};
        std::map<std::string, key_set, std::less<>> partitions{};  // of what is owed
        std::map<std::string, members, std::less<>> batches{};     // of what is owed
        mark_map marks{};
        attempt_tally::endpoint counts;
        std::size_t owed_bytes = 0;
    };
    /// The row of an endpoint, in little memory as long as nothing has happened to it.
    struct endpoint_row {
        /// What few of them have.
        struct particulars {
            std::optional<outbox_limits> limits{};
            std::string history{};
            position began{};
            outbox_health health{};
        };
        const outbox_health& health() const noexcept;
        /// @throws std::bad_alloc, and nothing is changed, as the next
        particulars& change();
        void set_limits(const std::optional<outbox_limits>& l);
        outbox_endpoint listed(const std::string& id) const;

        std::string owner{};
        outbox_time added{};
        std::unique_ptr<particulars> more{};  // null: as of a new one
        std::unique_ptr<endpoint> held{};     // null: nothing is
    };
    using endpoint_map = std::map<std::string, endpoint_row, std::less<>>;
    using endpoint_item = endpoint_map::value_type;
    struct by_owner {
        using is_transparent = void;
        bool operator()(const endpoint_item* a, const endpoint_item* b) const noexcept {
            return std::pair(std::string_view(a->second.owner), a) <
                   std::pair(std::string_view(b->second.owner), b);
        }
        bool operator()(const endpoint_item* a, std::string_view owner) const noexcept {
            return a->second.owner < owner;
        }
        bool operator()(std::string_view owner, const endpoint_item* a) const noexcept {
            return owner < a->second.owner;
        }
    };
    using owner_set = std::set<endpoint_item*, by_owner>;

    explicit outbox_rows(const outbox_options& options)
        : options_(options),
          tally_(options_.attempt_counts) {}
    ~outbox_rows() = default;

    /// Finds the row of an endpoint or makes it.
    endpoint_item& open_row(const std::string& id, outbox_time now);
    /// The same, and what is held of it.
    endpoint& open_one(const std::string& id, outbox_time now);
    /// Where one of these throws, nothing is changed.
    void set_row(endpoint_item& e, outbox_endpoint as);
    void set_owner(endpoint_item& e, std::string owner);
    const outbox_limits& limits_of(const endpoint_row& e) const noexcept {
        return e.more && e.more->limits ? *e.more->limits : options_.each;
    }
    /// Pending, with its key. Where it throws, nothing was inserted.
    void insert(outbox_entry entry, endpoint& of, outbox_time now);
    void remove(row_map::iterator it) noexcept;
    void remove_dead(std::uint64_t key) noexcept;
    /// Of an endpoint of which no entry is left. Gives the next.
    endpoint_map::iterator remove_endpoint(endpoint_map::iterator it) noexcept;
    /// Makes what is owed a dead letter.
    void bury(row& r, error_code why, outbox_time now);
    /// The other way round; the row's state and due time are the caller's to set.
    void unbury(row& r);
    /// Drops the oldest dead letters that are too many.
    void trim_dead() noexcept;
    void set_batch(row& r, outbox_batch batch);
    /// Changes when a pending entry is due.
    void set_due(row& r, outbox_time due) noexcept;
    /// Which rows may be of an event, in order of keys.
    std::vector<std::uint64_t> rows_of(const outbox_event& e, std::uint64_t after_key) const;
    /// Puts a row whose state has changed into the line it belongs to, or takes it out.
    void update_line(row& r) noexcept;

    // For an outbox that writes down what changes.
    void note(const row& r) noexcept {
        if (changes_ != nullptr) changes_->note_entry(r.listed.entry.key);
    }
    void note_endpoint(const std::string& id) noexcept {
        if (changes_ != nullptr) changes_->note_endpoint(id);
    }

    const outbox_options options_;
    outbox_changes* changes_ = nullptr;
    message_uses uses_;
    attempt_tally tally_;
    row_map rows_;
    endpoint_map endpoints_;
    mark_map marks_;  // of the whole outbox
    claim_lines lines_;
    std::set<std::pair<std::size_t, endpoint*>> sizes_;       // bytes owed, of what is held
    owner_set owners_;                                        // of endpoints that have one
    std::set<place> by_death_;                                // since when, key
    std::set<place> by_expiry_;                               // of what is owed
    mutable std::optional<event_index> by_event_;             // none: nobody has asked
    std::size_t owed_ = 0, owed_bytes_ = 0, dead_bytes_ = 0;  // bytes without messages
    mutable std::uint64_t oldest_owed_ = 0;                   // no key before it is owed

 private:
    void enter_partition(row& r);
    void leave_partition(row& r) noexcept;
    void resize_owed(endpoint& e, std::size_t bytes) noexcept;
    void count_owed(row& r);
    void unindex_owed(row& r) noexcept;
    void erase(row_map::iterator it) noexcept;
    void uncount_owed(row& r) noexcept;
};

}  // namespace tidings::store::detail
