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
// Where the topics that the patterns can match have so few events, these are looked up.
constexpr std::size_t max_looked_up = 1024;

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

/// The topics that a pattern can match: those from `first` to before `end` in the order of their
/// bytes. Of a literal pattern it is one, and `end` is empty.
struct topic_range {
    std::string first, end;
};

// Nothing where it begins with a wildcard.
std::optional<topic_range> range_of(const std::string& pattern) {
    if (is_literal_pattern(pattern)) return topic_range{pattern, {}};
    const auto wildcard = pattern.find_first_of("*>");
    if (wildcard == 0) return std::nullopt;
    topic_range r{pattern.substr(0, wildcard), pattern.substr(0, wildcard)};
    ++r.end.back();  // what follows the point in front of the wildcard
    return r;
}

}  // namespace

struct history_state::read_statements {
    explicit read_statements(connection& c)
        : snapshot(c, "SELECT max(id) FROM epochs"),
          scan(c, std::string("SELECT ") + event_columns +
                      " FROM events WHERE offset > ? AND offset <= ? ORDER BY offset LIMIT ?"),
          scan_back(c, std::string("SELECT ") + event_columns +
                           " FROM events WHERE offset < ? ORDER BY offset DESC LIMIT ?"),
          of_topic(c,
                   "SELECT offset FROM events WHERE topic = ? AND offset > ? AND offset <= ? "
                   "ORDER BY offset LIMIT ?"),
          of_topic_back(c,
                        "SELECT offset FROM events WHERE topic = ? AND offset < ? "
                        "ORDER BY offset DESC LIMIT ?"),
          of_topics(c, "SELECT offset, topic FROM events WHERE topic >= ? AND topic < ? LIMIT ?"),
          one(c, std::string("SELECT ") + event_columns + " FROM events WHERE offset = ?"),
          body(c, "SELECT bytes FROM bodies WHERE id = ?") {}
    std::optional<std::vector<std::int64_t>> look_up(const question& q, const view& v);

    statement snapshot, scan, scan_back, of_topic, of_topic_back, of_topics, one, body;
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
    const auto found = reading_->look_up(q, v);
    const auto next = found ? take(*reading_, *found, q, v, slice) : scan(*reading_, q, v, slice);
    snapshot->commit();
    const std::lock_guard lock(mutex_);
    for (auto& e : slice.events)
        if (auto known = cache_.find(e->sequence())) e = std::move(known);
    return finish(std::move(slice), q, v, next);
}

// The offsets of what the patterns match, in the order in which it is read; those beyond
// `max_events` are not all. Nothing where the index of topics is no help: thousands that come back
// at once, each for a topic of its own, must not each read all that was kept.
std::optional<std::vector<std::int64_t>> history_state::read_statements::look_up(const question& q,
                                                                                 const view& v) {
    const auto from = static_cast<std::int64_t>(v.from.offset);
    const auto head = static_cast<std::int64_t>(v.head);
    const auto is_wanted = [&](std::int64_t offset) {
        return q.back ? offset < from : offset > from && offset <= head;
    };
    std::vector<std::int64_t> found;
    std::size_t left = max_looked_up;
    for (const auto& pattern : q.patterns) {
        const auto range = range_of(pattern);
        if (!range) return std::nullopt;
        const auto most = static_cast<std::int64_t>(left);
        const auto enough = static_cast<std::int64_t>(std::min(left, q.max_events + 1));
        const bool is_one = range->end.empty();
        auto r = !is_one  ? of_topics.query(range->first, range->end, most)
                 : q.back ? of_topic_back.query(range->first, from, enough)
                          : of_topic.query(range->first, from, head, enough);
        while (r.next()) {
            if (--left == 0) return std::nullopt;
            if (is_one || (is_wanted(r.number(0)) && topic_matches(pattern, r.text(1))))
                found.push_back(r.number(0));
        }
    }
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    if (q.back) std::reverse(found.begin(), found.end());
    return found;
}

// Says how far it looked, as `scan` does.
std::uint64_t history_state::take(read_statements& s, std::span<const std::int64_t> found,
                                  const question& q, const view& v, history_slice& slice) {
    const auto latest = std::chrono::steady_clock::now() + max_read_time;
    auto at = v.from.offset;
    std::size_t bytes = 0;
    for (const auto offset : found) {
        if (slice.events.size() >= q.max_events || bytes >= max_slice_bytes) return at;
        if (!slice.events.empty() && std::chrono::steady_clock::now() > latest) return at;
        at = static_cast<std::uint64_t>(offset);
        auto r = s.one.query(offset);
        if (!r.next()) continue;
        slice.events.push_back(make_event(s, r, at));
        bytes += slice.events.back()->footprint();
    }
    return q.back ? 0 : v.head;
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
