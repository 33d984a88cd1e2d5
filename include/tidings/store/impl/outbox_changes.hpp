// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/outbox_attempt_counts.hpp>

#include <cstdint>
#include <new>
#include <set>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace tidings::store::detail {

/// Of a mark: its endpoint and its history.
using mark_key = std::pair<std::string, std::string>;

/// What operations of an outbox in memory changed, or took away, for one that writes it down.
class outbox_changes {
 public:
    void note_entry(std::uint64_t key) noexcept { note(entries_, key); }
    void note_attempt(std::uint64_t key) noexcept { note(attempts_, key); }
    void note_endpoint(const std::string& id) noexcept { note(endpoints_, id); }
    void note_mark(const std::string& endpoint, const std::string& history) noexcept {
        note(marks_, std::tie(endpoint, history));
    }
    void note_minute(const std::string& endpoint, outbox_minute minute) noexcept {
        note(minutes_, std::tie(endpoint, minute));
    }
    /// All that there were of an endpoint are gone; those that are noted may be there anew.
    void note_no_minutes(const std::string& endpoint) noexcept { note(no_minutes_, endpoint); }

    const std::set<std::uint64_t>& entries() const noexcept { return entries_; }
    const std::set<std::uint64_t>& attempts() const noexcept { return attempts_; }
    const std::set<std::string>& endpoints() const noexcept { return endpoints_; }
    const std::set<mark_key>& marks() const noexcept { return marks_; }
    const std::set<std::pair<std::string, outbox_minute>>& minutes() const noexcept {
        return minutes_;
    }
    const std::set<std::string>& no_minutes() const noexcept { return no_minutes_; }
    bool empty() const noexcept {
        return entries_.empty() && attempts_.empty() && endpoints_.empty() && marks_.empty() &&
               minutes_.empty() && no_minutes_.empty();
    }
    /// There was no memory to note something.
    bool is_incomplete() const noexcept { return incomplete_; }
    void clear() noexcept { *this = {}; }

 private:
    template <class Set, class T>
    void note(Set& to, const T& what) noexcept try {
        if constexpr (std::is_convertible_v<const T&, typename Set::value_type>)
            to.insert(what);
        else
            to.emplace(std::get<0>(what), std::get<1>(what));
    } catch (const std::bad_alloc&) {
        incomplete_ = true;
    }

    std::set<std::uint64_t> entries_, attempts_;
    std::set<std::string> endpoints_, no_minutes_;
    std::set<mark_key> marks_;
    std::set<std::pair<std::string, outbox_minute>> minutes_;
    bool incomplete_ = false;
};

}  // namespace tidings::store::detail
