// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/sqlite/impl/event_row.hpp>
#include <tidings/store/sqlite/impl/history_state.hpp>
#include <tidings/topic.hpp>

#include <algorithm>
#include <chrono>

namespace tidings::sqlite::detail {

namespace {

// A slice looks at so many events at most, takes so long, and brings so many bytes, or one event.
constexpr std::size_t max_scanned = 4096;
constexpr std::chrono::milliseconds max_read_time(40);
constexpr std::size_t max_slice_bytes = 8 * 1024 * 1024;

bool any_matches(const std::vector<std::string>& patterns, std::string_view topic) {
    return std::any_of(patterns.begin(), patterns.end(),
                       [&](const std::string& p) { return topic_matches(p, topic); });
}

/// The time of a read, which keeps the write-ahead log from beginning anew.
class read_scope {
 public:
    explicit read_scope(read_gate& g) : gate_(g) { gate_.enter(); }
    ~read_scope() { gate_.leave(); }
    read_scope(const read_scope&) = delete;
    read_scope& operator=(const read_scope&) = delete;

 private:
    read_gate& gate_;
};

}  // namespace

struct history_state::read_statements {
    explicit read_statements(connection& c)
        : snapshot(c, "SELECT max(id) FROM epochs"),
          scan(c, std::string("SELECT ") + event_columns +
                      " FROM events WHERE offset > ? AND offset <= ? ORDER BY offset LIMIT ?"),
          body(c, "SELECT bytes FROM bodies WHERE id = ?") {}
    statement snapshot, scan, body;
};

bool history_state::is_expired() const {
    const auto at = now();
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < rules_.size(); ++i) {
        const auto age = rules_[i].max_age.count();
        if (age != 0 && totals_[i].events != 0 && at - totals_[i].oldest > age) return true;
    }
    return false;
}

// With the mutex held.
history_state::view history_state::view_of(const position& after,
                                           const std::vector<std::string>& patterns) const {
    view v{epochs_.find(after), epochs_.head(), 0};
    for (const auto& l : lost_) v.lost = std::max(v.lost, l.find(v.from.offset, patterns));
    return v;
}

// With the mutex held.
history_slice history_state::finish(history_slice slice, const view& v, bool asked,
                                    std::uint64_t next) const {
    slice.at_end = next == v.head;
    slice.next = epochs_.position_of(next);
    if (v.lost != 0) slice.gone = epochs_.position_of(v.lost);
    slice.gap = asked && (!v.from.known || v.lost != 0);
    if (!slice.gap) return slice;
    slice.before =
        epochs_.position_of(slice.events.empty() ? next : slice.events[0]->sequence() - 1);
    slice.head = epochs_.position_of(v.head);
    return slice;
}

std::optional<history_slice> history_state::read_cache(const position& after,
                                                       const std::vector<std::string>& patterns,
                                                       std::size_t max_events) const {
    const std::lock_guard lock(mutex_);
    const auto v = view_of(after, patterns);
    if (v.from.offset < cache_.from()) return std::nullopt;
    history_slice slice;
    auto next = v.from.offset;
    std::size_t scanned = 0;
    auto it = cache_.after(next);
    for (; it != cache_.end() && scanned < max_scanned && slice.events.size() < max_events;
         ++it, ++scanned) {
        if (!*it) continue;
        next = (*it)->sequence();
        if (any_matches(patterns, (*it)->topic())) slice.events.push_back(*it);
    }
    if (it == cache_.end()) next = v.head;
    return finish(std::move(slice), v, !after.empty(), next);
}

history_slice history_state::read_file(connection& c, shared_parts& shared, const position& after,
                                       const std::vector<std::string>& patterns,
                                       std::size_t max_events) {
    if (!reading_) reading_ = std::make_shared<read_statements>(c);
    const read_scope scope(shared.gate);
    std::optional<transaction> snapshot;
    view v;
    {
        const std::lock_guard between_commits(shared.commit_mutex);
        snapshot.emplace(c);
        auto first = reading_->snapshot.query();
        while (first.next()) {
        }
        const std::lock_guard lock(mutex_);
        v = view_of(after, patterns);
    }
    history_slice slice;
    const auto next = scan(*reading_, v, patterns, max_events, slice);
    snapshot->commit();
    const std::lock_guard lock(mutex_);
    for (auto& e : slice.events)
        if (auto known = cache_.find(e->sequence())) e = std::move(known);
    return finish(std::move(slice), v, !after.empty(), next);
}

// Says how far it looked.
std::uint64_t history_state::scan(read_statements& s, const view& v,
                                  const std::vector<std::string>& patterns, std::size_t max_events,
                                  history_slice& slice) {
    constexpr int topic_column = 7;
    const auto latest = std::chrono::steady_clock::now() + max_read_time;
    auto r =
        s.scan.query(static_cast<std::int64_t>(v.from.offset), static_cast<std::int64_t>(v.head),
                     static_cast<std::int64_t>(max_scanned));
    auto at = v.from.offset;
    std::size_t bytes = 0;
    for (std::size_t scanned = 0; slice.events.size() < max_events && bytes < max_slice_bytes;
         ++scanned) {
        if (scanned == max_scanned) return at;
        if (!r.next()) return v.head;
        at = static_cast<std::uint64_t>(r.number(0));
        if (!any_matches(patterns, r.text(topic_column))) continue;
        slice.events.push_back(make_event(s, r, at));
        bytes += slice.events.back()->footprint();
        if (std::chrono::steady_clock::now() > latest) return at;
    }
    return at;
}

event_ptr history_state::make_event(read_statements& s, const rows& r, std::uint64_t offset) {
    constexpr int body_column = 15;
    std::string data;
    if (!r.is_null(body_column)) {
        auto body = s.body.query(r.number(body_column));
        if (!body.next()) throw failure(11, "the body of an event is missing");  // SQLITE_CORRUPT
        data = body.text(0);
    }
    position at;
    {
        const std::lock_guard lock(mutex_);
        at = epochs_.position_of(offset);
    }
    return read_event(r, at, std::move(data));
}

}  // namespace tidings::sqlite::detail
