// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/impl/outbox_tables.hpp>

#include <algorithm>

namespace tidings::store::detail {

/// The rows of an outbox in memory one by one, for an outbox that writes them down.
class outbox_picture {
 public:
    explicit outbox_picture(outbox_tables& of) noexcept : of_(of) {}

    /// Notes what changes from here on; outlives the tables.
    void follow(outbox_changes& c) noexcept {
        of_.changes_ = &c;
        of_.attempts_.follow(c);
        of_.tally_.follow(c);
    }
    /// Null where it is not there any more.
    TIDINGS_DECL const outbox_listed* find_entry(std::uint64_t key) const noexcept;
    /// @throws std::bad_alloc
    TIDINGS_DECL std::optional<outbox_endpoint> find_endpoint(const std::string& id) const;
    TIDINGS_DECL const outbox_attempt_counts* find_counts(const std::string& endpoint,
                                                          outbox_minute minute) const noexcept;
    const outbox_attempt* find_attempt(std::uint64_t key) const noexcept {
        return of_.attempts_.find(key);
    }
    position mark_of(const mark_key& key) const { return of_.mark_of(key); }
    /// The keys that were given last.
    std::uint64_t last_entry() const noexcept { return of_.last_key_; }
    std::uint64_t last_attempt() const noexcept { return of_.attempts_.last_key(); }

    /// What was written down: endpoints first, entries and attempts by rising keys. An entry was
    /// not claimed.
    TIDINGS_DECL void restore(outbox_endpoint e);
    TIDINGS_DECL void restore(outbox_listed l);
    void restore(outbox_attempt a) { of_.attempts_.restore(std::move(a)); }
    /// Of an endpoint that is there.
    TIDINGS_DECL void restore(const std::string& endpoint, const outbox_attempt_counts& counts);
    void restore(const mark_key& key, position p) {
        if (!key.first.empty()) {
            const auto of = of_.endpoints_.find(key.first);
            if (of == of_.endpoints_.end()) return;
            of_.open_one(key.first, of->second.added);
        }
        of_.set_mark(key, std::move(p));
    }
    void start_after(std::uint64_t entry, std::uint64_t attempt) noexcept {
        of_.last_key_ = std::max(of_.last_key_, entry);
        of_.attempts_.start_after(attempt);
    }

 private:
    outbox_tables& of_;
};

}  // namespace tidings::store::detail
