// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/short_mutex.hpp>
#include <tidings/impl/matches_any.hpp>
#include <tidings/io/random.hpp>
#include <tidings/store/impl/history_ring.hpp>
#include <tidings/store/impl/prompt_history.hpp>
#include <tidings/store/memory_history.hpp>

#include <algorithm>
#include <mutex>
#include <new>
#include <tuple>
#include <unordered_map>

namespace tidings::detail {

namespace {

// Completes with the slice that `f` makes.
template <class F>
void complete_read(read_handler handler, F f) {
    history_slice slice;
    error_code ec;
    try {
        slice = f();
    } catch (const std::bad_alloc&) {
        ec = errc::out_of_memory;
    }
    std::move(handler)(ec, std::move(slice));
}

/// The history in memory; see `make_memory_history`.
class memory_history final : public prompt_history {
 public:
    memory_history(std::vector<history_rule> rules, io::clock& clock);

    bool covers(std::string_view topic) const noexcept override;
    append_result append(pending_publication e, append_handler handler) override;
    error_code keep(const event_ptr& e, dropped_events& evicted) noexcept override;
    bool durable_at_once() const noexcept override { return true; }
    position head() const override;
    void start_read(position after, std::vector<std::string> patterns, std::size_t max_events,
                    read_handler handler) override;
    void start_read_back(position before, std::vector<std::string> patterns, std::size_t max_events,
                         read_handler handler) override;
    std::optional<position> find(std::string_view source, std::string_view id) const override;

 private:
    // A slice looks at so many events at most, so that a read that matches little stays short.
    static constexpr std::size_t max_scanned = 4096;

    position position_of(std::uint64_t number) const noexcept { return {epoch_, number}; }
    void keep_in(history_ring& ring, const event_ptr& e, dropped_events& evicted);
    void expire(dropped_events& gone);
    history_slice read(const position& after, const std::vector<std::string>& patterns,
                       std::size_t max_events);
    history_slice read_back(const position& before, const std::vector<std::string>& patterns,
                            std::size_t max_events);
    /// Of each ring that may hold such events the item that `first_after` says.
    using cursors = std::vector<std::pair<const history_ring*, std::size_t>>;
    cursors cursors_at(std::uint64_t after, const std::vector<std::string>& patterns) const;
    std::uint64_t scan_back(history_slice& slice, std::uint64_t before,
                            const std::vector<std::string>& patterns, std::size_t max_events) const;
    std::uint64_t scan(history_slice& slice, std::uint64_t after,
                       const std::vector<std::string>& patterns, std::size_t max_events) const;
    void forget(const dropped_events& gone, std::size_t from = 0) noexcept;
    history_ring* ring_of(std::string_view topic) noexcept {
        for (auto& ring : rings_)
            if (ring.takes(topic)) return ring.rule().max_events != 0 ? &ring : nullptr;
        return nullptr;
    }

    /// Source and id as text of the event itself, which a ring holds as long as they stand here.
    struct event_key {
        std::string_view source, id;
        friend bool operator==(const event_key&, const event_key&) = default;
    };
    struct key_hash {
        std::size_t operator()(const event_key& k) const noexcept {
            const std::hash<std::string_view> hash;
            return hash(k.source) * 31 + hash(k.id);
        }
    };
    // Without a limit of age nothing asks for the time.
    io::steady_time now_of(const history_ring& ring) const noexcept {
        return ring.rule().max_age.count() != 0 ? clock_.now() : io::steady_time();
    }
    static event_key key_of(const publication& p) noexcept { return {p.source(), p.event().id()}; }

    io::clock& clock_;
    const std::uint64_t epoch_ = io::system_random().next() >> 4;
    mutable short_mutex mutex_;  // guards what follows
    std::vector<history_ring> rings_;
    std::uint64_t head_ = 0;
    std::unordered_map<event_key, std::uint64_t, key_hash> ids_;
};

}  // namespace

memory_history::memory_history(std::vector<history_rule> rules, io::clock& clock) : clock_(clock) {
    rings_.reserve(rules.size());
    for (auto& rule : rules) rings_.emplace_back(std::move(rule));
}

bool memory_history::covers(std::string_view topic) const noexcept {
    return const_cast<memory_history*>(this)->ring_of(topic) != nullptr;  // rules never change
}

append_result memory_history::append(pending_publication e, append_handler handler) {
    append_result result;
    result.committed = std::move(e).give_up();
    result.error = keep(result.committed, result.evicted);
    const bool kept = !result.error;
    if (!kept) result.committed = {};
    if (result.error == errc::out_of_memory) return result;
    try {
        if (handler)
            std::move(handler)(result.error, kept ? *result.committed->position() : position());
    } catch (const std::bad_alloc&) {
        result.error = errc::out_of_memory;
    }
    return result;
}

error_code memory_history::keep(const event_ptr& e, dropped_events& evicted) noexcept {
    const std::lock_guard lock(mutex_);
    auto* ring = ring_of(e->topic());
    if (ring == nullptr) return errc::history_failed;
    try {
        keep_in(*ring, e, evicted);
        return {};
    } catch (const std::bad_alloc&) {
        return errc::out_of_memory;
    }
}

// All or nothing: what may throw comes before the position is given, and can be undone.
void memory_history::keep_in(history_ring& ring, const event_ptr& e, dropped_events& evicted) {
    auto known = ids_.end();
    bool is_new = false;
    if (!e->event().id().empty()) std::tie(known, is_new) = ids_.try_emplace(key_of(*e), 0);
    const auto before = evicted.size();
    try {
        ring.open_place(e->footprint(), now_of(ring), evicted);
    } catch (...) {
        if (is_new) ids_.erase(known);
        throw;
    }
    ring.fill_place(pending_publication(e).commit(position_of(++head_)));
    if (known != ids_.end()) {
        // The text of the event that came last, which may be the only one that stays.
        auto node = ids_.extract(known);
        node.key() = key_of(*e);
        node.mapped() = head_;
        ids_.insert(std::move(node));
    }
    forget(evicted, before);
}

void memory_history::forget(const dropped_events& gone, std::size_t from) noexcept {
    if (ids_.empty()) return;
    for (; from < gone.size(); ++from) {
        const auto& e = gone[from];
        if (e->event().id().empty()) continue;
        const auto it = ids_.find(key_of(*e));
        if (it != ids_.end() && it->second == e->sequence()) ids_.erase(it);
    }
}

position memory_history::head() const {
    const std::lock_guard lock(mutex_);
    return position_of(head_);
}

std::optional<position> memory_history::find(std::string_view source, std::string_view id) const {
    const std::lock_guard lock(mutex_);
    const auto it = ids_.find({source, id});
    if (it == ids_.end()) return std::nullopt;
    return position_of(it->second);
}

void memory_history::start_read(position after, std::vector<std::string> patterns,
                                std::size_t max_events, read_handler handler) {
    complete_read(std::move(handler), [&] { return read(after, patterns, max_events); });
}

void memory_history::start_read_back(position before, std::vector<std::string> patterns,
                                     std::size_t max_events, read_handler handler) {
    complete_read(std::move(handler), [&] { return read_back(before, patterns, max_events); });
}

// What is too old, of every ring. With the mutex held.
void memory_history::expire(dropped_events& gone) {
    for (auto& ring : rings_) {
        const auto before = gone.size();
        ring.expire(now_of(ring), gone);
        forget(gone, before);
    }
}

history_slice memory_history::read(const position& after, const std::vector<std::string>& patterns,
                                   std::size_t max_events) {
    dropped_events gone;
    const std::lock_guard lock(mutex_);
    expire(gone);

    history_slice slice;
    const bool ours = after.has_number() && after.has_epoch_of(position_of(0));
    const auto from = ours ? std::min(after.number(), head_) : 0;
    std::uint64_t lost = 0;
    for (const auto& ring : rings_) lost = std::max(lost, ring.lost(from, patterns));
    const auto next = scan(slice, from, patterns, max_events);
    slice.at_end = next == head_;
    slice.next = position_of(next);
    if (lost != 0) slice.gone = position_of(lost);
    slice.gap = !after.empty() && (!ours || after.number() > head_ || lost != 0);
    if (!slice.gap) return slice;
    slice.before = position_of(slice.events.empty() ? next : slice.events[0]->sequence() - 1);
    slice.head = position_of(head_);
    return slice;
}

history_slice memory_history::read_back(const position& before,
                                        const std::vector<std::string>& patterns,
                                        std::size_t max_events) {
    dropped_events gone;
    const std::lock_guard lock(mutex_);
    expire(gone);

    history_slice slice;
    const bool ours =
        before.has_number() && before.has_epoch_of(position_of(0)) && before.number() <= head_ + 1;
    slice.gap = !before.empty() && !ours;
    const auto next = scan_back(slice, ours ? before.number() : head_ + 1, patterns, max_events);
    slice.at_end = next == 0;
    slice.next = position_of(next);
    return slice;
}

memory_history::cursors memory_history::cursors_at(std::uint64_t after,
                                                   const std::vector<std::string>& patterns) const {
    cursors all;
    for (const auto& ring : rings_)
        if (std::any_of(patterns.begin(), patterns.end(),
                        [&](const auto& p) { return patterns_overlap(p, ring.rule().pattern); }))
            all.emplace_back(&ring, ring.first_after(after));
    return all;
}

// Merges the rings by number, and says how far it looked.
std::uint64_t memory_history::scan(history_slice& slice, std::uint64_t after,
                                   const std::vector<std::string>& patterns,
                                   std::size_t max_events) const {
    auto places = cursors_at(after, patterns);
    for (std::size_t scanned = 0; scanned < max_scanned && slice.events.size() < max_events;
         ++scanned) {
        const history_ring::item* next = nullptr;
        std::size_t* advance = nullptr;
        for (auto& [ring, at] : places) {
            if (at == ring->size()) continue;
            const auto& candidate = (*ring)[at];
            if (next == nullptr || candidate.event->sequence() < next->event->sequence()) {
                next = &candidate;
                advance = &at;
            }
        }
        if (next == nullptr) return head_;
        ++*advance;
        after = next->event->sequence();
        if (matches_any(patterns, next->event->topic())) slice.events.push_back(next->event);
    }
    return after;
}

// The same towards the oldest; 0: to the end.
std::uint64_t memory_history::scan_back(history_slice& slice, std::uint64_t before,
                                        const std::vector<std::string>& patterns,
                                        std::size_t max_events) const {
    if (before == 0) return 0;
    auto places = cursors_at(before - 1, patterns);
    for (std::size_t scanned = 0; scanned < max_scanned && slice.events.size() < max_events;
         ++scanned) {
        const history_ring::item* next = nullptr;
        std::size_t* advance = nullptr;
        for (auto& [ring, at] : places) {
            if (at == 0) continue;
            const auto& candidate = (*ring)[at - 1];
            if (next == nullptr || candidate.event->sequence() > next->event->sequence()) {
                next = &candidate;
                advance = &at;
            }
        }
        if (next == nullptr) return 0;
        --*advance;
        before = next->event->sequence();
        if (matches_any(patterns, next->event->topic())) slice.events.push_back(next->event);
    }
    return before;
}

}  // namespace tidings::detail

namespace tidings {

std::shared_ptr<history> make_memory_history(std::vector<history_rule> rules, io::clock* clock) {
    return std::make_shared<detail::memory_history>(std::move(rules),
                                                    clock != nullptr ? *clock : io::system_clock());
}

}  // namespace tidings
