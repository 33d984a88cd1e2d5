// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/short_mutex.hpp>
#include <tidings/io/clock.hpp>
#include <tidings/store/sqlite/impl/database_state.hpp>
#include <tidings/store/sqlite/impl/event_cache.hpp>
#include <tidings/store/sqlite/impl/history_file.hpp>
#include <tidings/store/sqlite/impl/waiting_handler.hpp>

#include <mutex>
#include <unordered_map>

namespace tidings::sqlite::detail {

class history_state;

/// An event on its way to the file, and what becomes of it.
class append_job final : public write_job {
 public:
    using handler = std::shared_ptr<waiting_handler<error_code, position>>;

    append_job(std::shared_ptr<history_state> h, pending_publication e, std::size_t ring,
               handler done)
        : write_job(e->footprint(), true),
          history_(std::move(h)),
          event_(std::move(e)),
          ring_(ring),
          done_(std::move(done)) {}

    void run() override;
    void finish(error_code ec) noexcept override;

    const publication& event() const noexcept { return *event_; }
    std::size_t ring() const noexcept { return ring_; }
    /// Gives it its place in the file, of the group's transaction, and says how much it holds.
    void set_place(std::uint64_t offset, std::size_t size) noexcept {
        offset_ = offset;
        size_ = size;
    }
    std::uint64_t offset() const noexcept { return offset_; }
    std::size_t size() const noexcept { return size_; }
    /// Of an event that came with an id.
    const std::optional<event_key>& key() const noexcept { return key_; }
    const event_ptr& commit(const position& at) noexcept {
        return committed_ = std::move(event_).commit(at);
    }

 private:
    const std::shared_ptr<history_state> history_;
    pending_publication event_;
    std::size_t ring_;
    std::uint64_t offset_ = 0;
    std::size_t size_ = 0;
    std::optional<event_key> key_;
    event_ptr committed_;
    handler done_;
};

/// A history's part of the database: the file's side on the writing thread, what is known in
/// memory, and reads.
class history_state final : public group_member,
                            public std::enable_shared_from_this<history_state> {
 public:
    /// Loads it. Not from the writing thread. @error what the database reports
    TIDINGS_DECL static std::shared_ptr<history_state> make(
        const std::shared_ptr<database_state>& db, std::vector<history_rule> rules, error_code& ec);

    const std::vector<history_rule>& rules() const noexcept { return rules_; }
    TIDINGS_DECL void listen(history_listener* listener);
    TIDINGS_DECL void unlisten(const history_listener& listener) noexcept;
    TIDINGS_DECL position head() const;
    TIDINGS_DECL std::optional<position> find(std::string_view source, std::string_view id) const;

    event_key key_of(std::string_view source, std::string_view id) const {
        return event_keys_.of(source, id);
    }

    // Of the writing thread.
    void store(append_job& job);
    void report(const event_ptr& e, error_code ec) noexcept;
    void before_commit() override;
    void after_commit() noexcept override;
    void on_close() noexcept override;

    /// What is read: events after a position, or, towards the oldest, those before it.
    struct question {
        position from{};
        std::vector<std::string> patterns{};
        std::size_t max_events = 0;
        bool back = false;
    };
    /// What a read needs to know, as it was at one moment.
    struct view {
        epoch_list::place from{};
        std::uint64_t head = 0;
        std::uint64_t lost = 0;
    };
    /// In milliseconds since 1970.
    TIDINGS_DECL std::int64_t now() const noexcept;
    /// A rule holds what was too old at that time: it goes with the next groups.
    TIDINGS_DECL bool is_expired(std::int64_t at) const;
    /// A slice of what is in memory; nothing where the file is needed. @throws std::bad_alloc
    TIDINGS_DECL std::optional<history_slice> read_cache(const question& q) const;
    /// The same from the file, on the reading thread. @throws failure, std::bad_alloc
    TIDINGS_DECL history_slice read_file(connection& c, shared_parts& shared, const question& q);

 private:
    struct key_hash {
        std::size_t operator()(const event_key& k) const noexcept {
            return static_cast<std::size_t>(k[0]);
        }
    };
    history_state(const database_options& o, std::vector<history_rule> rules)
        : options_(o),
          rules_(std::move(rules)),
          cache_(o.cache_bytes) {}
    void start(loaded_history loaded);
    eviction_limit limit_of_group() const noexcept;
    void evict_more() noexcept;
    view view_of(const question& q) const;
    std::optional<std::uint64_t> scan_cache(const question& q, const view& v,
                                            history_slice& slice) const;
    std::optional<std::uint64_t> scan_cache_back(const question& q, const view& v,
                                                 history_slice& slice) const;
    history_slice finish(history_slice slice, const question& q, const view& v,
                         std::uint64_t next) const;
    void take_committed(append_job& job, dropped_events& gone) noexcept;
    void forget(const evicted_event& e, dropped_events& gone) noexcept;
    struct read_statements;
    std::uint64_t take(read_statements& s, std::span<const std::int64_t> found, const question& q,
                       const view& v, history_slice& slice);
    std::uint64_t scan(read_statements& s, const question& q, const view& v, history_slice& slice);
    event_ptr make_event(read_statements& s, const rows& r, std::uint64_t offset);

    const database_options& options_;
    const std::vector<history_rule> rules_;
    mutable event_keys event_keys_;
    writer* writer_ = nullptr;
    std::atomic<bool> has_room_{true};  // false: more is held than the rules have room for
    connection* connection_ = nullptr;  // of the writing thread, as the next three
    std::optional<history_file> file_;
    std::vector<append_job*> group_;
    std::vector<evicted_event> evicted_;
    std::shared_ptr<read_statements> reading_;  // of the reading thread

    std::recursive_mutex telling_;  // calls of the listener; never taken by `append`
    history_listener* listener_ = nullptr;

    mutable tidings::detail::short_mutex mutex_;  // guards what follows
    epoch_list epochs_;
    std::vector<lost_topics> lost_;
    std::vector<ring_totals> totals_;
    event_cache cache_;
    std::unordered_map<event_key, std::uint64_t, key_hash> keys_;
};

}  // namespace tidings::sqlite::detail
