// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/random.hpp>
#include <tidings/store/impl/history_ring.hpp>
#include <tidings/store/memory_history.hpp>
#include <tidings/topic.hpp>

#include <algorithm>
#include <charconv>
#include <mutex>
#include <unordered_map>

namespace tidings::detail {

namespace {

/// The history in memory; see `make_memory_history`.
class memory_history final : public history {
 public:
    memory_history(std::vector<history_rule> rules, io::clock& clock);

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
    std::mutex listener_mutex_;  // held while the listener is called, so that commits are reported
                                 // in order
    history_listener* listener_ = nullptr;
};

}  // namespace

memory_history::memory_history(std::vector<history_rule> rules, io::clock& clock) : clock_(clock) {
    // 60 bits; no ':' in it.
    static constexpr char digits[] = "0123456789abcdefghijklmnopqrstuv";
    auto number = io::system_random().next();
    for (int i = 0; i < 12; ++i, number >>= 5) epoch_ += digits[number & 31];
    rings_.reserve(rules.size());
    for (auto& rule : rules) rings_.emplace_back(std::move(rule));
}

history_ring* memory_history::ring_of(std::string_view topic) noexcept {
    for (auto& ring : rings_)
        if (topic_matches(ring.rule().pattern, topic))
            return ring.rule().max_events != 0 ? &ring : nullptr;
    return nullptr;
}

bool memory_history::covers(std::string_view topic) const noexcept {
    return const_cast<memory_history*>(this)->ring_of(topic) != nullptr;  // rules never change
}

void memory_history::listen(history_listener& listener) {
    const std::lock_guard lock(listener_mutex_);
    listener_ = &listener;
}

void memory_history::unlisten(const history_listener& listener) noexcept {
    const std::lock_guard lock(listener_mutex_);
    if (listener_ == &listener) listener_ = nullptr;
}

position memory_history::position_of(std::uint64_t sequence) const {
    error_code ec;
    return position::parse(epoch_ + ':' + std::to_string(sequence), ec);
}

bool memory_history::parse(const position& p, std::uint64_t& sequence) const noexcept {
    const std::string_view text = p.text();
    if (!text.starts_with(epoch_) || text.size() < epoch_.size() + 2 || text[epoch_.size()] != ':')
        return false;
    const auto digits = text.substr(epoch_.size() + 1);
    const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), sequence);
    return ec == std::errc() && end == digits.data() + digits.size();
}

void memory_history::append(const event_ptr& e, append_handler handler) {
    const std::lock_guard telling(listener_mutex_);
    std::vector<event_ptr> gone;
    event_ptr committed;
    error_code ec;
    {
        const std::lock_guard lock(mutex_);
        auto* ring = ring_of(e->topic());
        auto info = e->info();
        info.sequence = head_ + 1;
        info.position = position_of(info.sequence);
        if (ring == nullptr)
            ec = errc::history_failed;
        else
            committed = publication::make(e->topic(), e, std::move(info), ec);
        if (committed) {
            ++head_;
            if (const auto& id = e->event().id(); !id.empty())
                ids_[e->source() + '\0' + id] = head_;
            ring->push(committed, clock_.now(), gone);
            forget(gone);
        }
    }
    if (listener_ != nullptr) {
        if (ec)
            listener_->on_append_failed(e, ec);
        else
            listener_->on_committed(committed);
        if (!gone.empty()) listener_->on_evicted(std::move(gone));
    }
    if (handler) std::move(handler)(ec, ec ? position() : *committed->position());
}

void memory_history::forget(std::vector<event_ptr>& gone) {
    for (const auto& e : gone) {
        if (e->event().id().empty()) continue;
        const auto it = ids_.find(e->source() + '\0' + e->event().id());
        if (it != ids_.end() && it->second == e->info().sequence) ids_.erase(it);
    }
}

position memory_history::head() const {
    const std::lock_guard lock(mutex_);
    return position_of(head_);
}

std::uint64_t memory_history::head_sequence() const {
    const std::lock_guard lock(mutex_);
    return head_;
}

std::optional<position> memory_history::find(std::string_view source, std::string_view id) const {
    const std::lock_guard lock(mutex_);
    const auto it = ids_.find(std::string(source) + '\0' + std::string(id));
    if (it == ids_.end()) return std::nullopt;
    return position_of(it->second);
}

void memory_history::start_read(position after, std::vector<std::string> patterns,
                                std::size_t max_events, read_handler handler) {
    std::move(handler)(error_code(), read(after, patterns, max_events));
}

history_slice memory_history::read(const position& after, const std::vector<std::string>& patterns,
                                   std::size_t max_events) {
    std::vector<event_ptr> gone;
    const std::lock_guard lock(mutex_);
    for (auto& ring : rings_) ring.expire(clock_.now(), gone);
    forget(gone);

    history_slice slice;
    std::uint64_t from = 0;
    const bool known = after.empty() || (parse(after, from) && from <= head_);
    const bool lost = !after.empty() && std::any_of(rings_.begin(), rings_.end(), [&](auto& ring) {
        return ring.lost(from, patterns);
    });
    if (!known || lost) {
        slice.gap = true;
        slice.at_end = true;
        slice.next_sequence = head_;
    } else {
        slice.next_sequence = from;
        scan(slice, patterns, max_events);
    }
    slice.next = position_of(slice.next_sequence);
    return slice;
}

// Merges the rings by sequence.
void memory_history::scan(history_slice& slice, const std::vector<std::string>& patterns,
                          std::size_t max_events) const {
    std::vector<std::pair<const history_ring*, std::size_t>> cursors;
    for (const auto& ring : rings_)
        if (std::any_of(patterns.begin(), patterns.end(),
                        [&](const auto& p) { return patterns_overlap(p, ring.rule().pattern); }))
            cursors.emplace_back(&ring, ring.first_after(slice.next_sequence));

    for (std::size_t scanned = 0; scanned < max_scanned && slice.events.size() < max_events;
         ++scanned) {
        const history_ring::item* next = nullptr;
        std::size_t* advance = nullptr;
        for (auto& [ring, at] : cursors) {
            if (at == ring->items().size()) continue;
            const auto& candidate = ring->items()[at];
            if (next == nullptr ||
                candidate.event->info().sequence < next->event->info().sequence) {
                next = &candidate;
                advance = &at;
            }
        }
        if (next == nullptr) {
            slice.next_sequence = head_;
            break;
        }
        ++*advance;
        slice.next_sequence = next->event->info().sequence;
        if (std::any_of(patterns.begin(), patterns.end(),
                        [&](const auto& p) { return topic_matches(p, next->event->topic()); }))
            slice.events.push_back(next->event);
    }
    slice.at_end = slice.next_sequence == head_;
}

}  // namespace tidings::detail

namespace tidings {

std::shared_ptr<history> make_memory_history(std::vector<history_rule> rules, io::clock* clock) {
    return std::make_shared<detail::memory_history>(std::move(rules),
                                                    clock != nullptr ? *clock : io::system_clock());
}

}  // namespace tidings
