// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/matches_any.hpp>
#include <tidings/store/sqlite/impl/event_row.hpp>
#include <tidings/store/sqlite/impl/history_state.hpp>

#include <algorithm>
#include <chrono>

namespace tidings::sqlite::detail {

using tidings::detail::matches_any;

namespace {

// A slice looks at so many events at most, takes so long, and brings so many bytes, or one event.
constexpr std::size_t max_scanned = 4096;
constexpr std::chrono::milliseconds max_read_time(40);
constexpr std::size_t max_slice_bytes = 8 * 1024 * 1024;

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
          scan_back(c, std::string("SELECT ") + event_columns +
                           " FROM events WHERE offset < ? ORDER BY offset DESC LIMIT ?"),
          body(c, "SELECT bytes FROM bodies WHERE id = ?") {}
    statement snapshot, scan, scan_back, body;
};

bool history_state::is_expired(std::int64_t at) const {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < rules_.size(); ++i) {
        const auto age = rules_[i].max_age.count();
        if (age != 0 && totals_[i].events != 0 && at - totals_[i].oldest > age) return true;
    }
    return false;
}

// With the mutex held.
history_state::view history_state::view_of(const question& q) const {
    view v{epochs_.find(q.from), epochs_.head(), 0};
    if (q.back) {
        if (q.from.empty() || !v.from.known) v.from.offset = v.head + 1;
        return v;
    }
    for (const auto& l : lost_) v.lost = std::max(v.lost, l.find(v.from.offset, q.patterns));
    return v;
}

// With the mutex held.
history_slice history_state::finish(history_slice slice, const question& q, const view& v,
                                    std::uint64_t next) const {
    slice.at_end = next == (q.back ? 0 : v.head);
    slice.next = epochs_.position_of(next);
    if (v.lost != 0) slice.gone = epochs_.position_of(v.lost);
    slice.gap = !q.from.empty() && (!v.from.known || v.lost != 0);
    if (!slice.gap || q.back) return slice;
    slice.before =
        epochs_.position_of(slice.events.empty() ? next : slice.events[0]->sequence() - 1);
    slice.head = epochs_.position_of(v.head);
    return slice;
}

std::optional<history_slice> history_state::read_cache(const question& q) const {
    const std::lock_guard lock(mutex_);
    const auto v = view_of(q);
    history_slice slice;
    const auto next = q.back ? scan_cache_back(q, v, slice) : scan_cache(q, v, slice);
    if (!next) return std::nullopt;
    return finish(std::move(slice), q, v, *next);
}

// These say how far they looked; nothing where the file is needed.
std::optional<std::uint64_t> history_state::scan_cache(const question& q, const view& v,
                                                       history_slice& slice) const {
    auto next = v.from.offset;
    if (next < cache_.from()) return std::nullopt;
    std::size_t scanned = 0;
    auto it = cache_.after(next);
    for (; it != cache_.end() && scanned < max_scanned && slice.events.size() < q.max_events;
         ++it, ++scanned) {
        next = it->offset;
        const auto& e = it->event;
        if (e && matches_any(q.patterns, e->topic())) slice.events.push_back(e);
    }
    return it == cache_.end() ? v.head : next;
}

std::optional<std::uint64_t> history_state::scan_cache_back(const question& q, const view& v,
                                                            history_slice& slice) const {
    if (v.from.offset <= cache_.from() + 1) return std::nullopt;
    std::optional<std::uint64_t> next;
    std::size_t scanned = 0;
    for (auto it = cache_.after(v.from.offset - 1);
         it != cache_.begin() && scanned < max_scanned && slice.events.size() < q.max_events;
         ++scanned) {
        --it;
        next = it->offset;
        const auto& e = it->event;
        if (e && matches_any(q.patterns, e->topic())) slice.events.push_back(e);
    }
    return next;
}

history_slice history_state::read_file(connection& c, shared_parts& shared, const question& q) {
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
        v = view_of(q);
    }
    history_slice slice;
    const auto next = scan(*reading_, q, v, slice);
    snapshot->commit();
    const std::lock_guard lock(mutex_);
    for (auto& e : slice.events)
        if (auto known = cache_.find(e->sequence())) e = std::move(known);
    return finish(std::move(slice), q, v, next);
}

// Says how far it looked.
std::uint64_t history_state::scan(read_statements& s, const question& q, const view& v,
                                  history_slice& slice) {
    constexpr int topic_column = 7;
    const auto latest = std::chrono::steady_clock::now() + max_read_time;
    const auto from = static_cast<std::int64_t>(v.from.offset);
    const auto most = static_cast<std::int64_t>(max_scanned);
    auto r = q.back ? s.scan_back.query(from, most)
                    : s.scan.query(from, static_cast<std::int64_t>(v.head), most);
    auto at = v.from.offset;
    std::size_t bytes = 0;
    for (std::size_t scanned = 0; slice.events.size() < q.max_events && bytes < max_slice_bytes;
         ++scanned) {
        if (scanned == max_scanned) return at;
        if (!r.next()) return q.back ? 0 : v.head;
        at = static_cast<std::uint64_t>(r.number(0));
        if (!matches_any(q.patterns, r.text(topic_column))) continue;
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
