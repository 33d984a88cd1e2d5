// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/history.hpp>
#include <tidings/io/clock.hpp>
#include <tidings/topic.hpp>

#include <list>
#include <memory>
#include <unordered_map>

namespace tidings::detail {

/// One rule's events, oldest first, and what is known of those that are gone.
class history_ring {
 public:
    struct item {
        event_ptr event{};
        io::steady_time time{};
        std::size_t bytes = 0;  // as they were counted when it came
    };

    explicit history_ring(history_rule rule)
        : rule_(std::move(rule)),
          takes_all_(rule_.pattern == ">") {}
    history_ring(history_ring&&) = default;

    const history_rule& rule() const noexcept { return rule_; }
    bool takes(std::string_view topic) const noexcept {
        return takes_all_ || topic_matches(rule_.pattern, topic);
    }
    std::size_t size() const noexcept { return size_; }
    const item& operator[](std::size_t i) const noexcept { return items_[place_of(i)]; }

    /// Makes the place of the newest, which `fill` takes next, and hands what falls out to `gone`.
    /// @throws std::bad_alloc, and nothing has changed.
    [[gnu::always_inline]] void open_place(std::size_t bytes, io::steady_time now,
                                           dropped_events& gone) {
        const auto count = outgoing(now, 1, bytes);
        gone.reserve(gone.size() + count);
        if (size_ - count == capacity_) grow();
        evict(count, gone);
        auto& place = items_[place_of(size_++)];
        place.time = now;
        place.bytes = bytes;
        bytes_ += bytes;
    }
    void fill_place(event_ptr e) noexcept { items_[place_of(size_ - 1)].event = std::move(e); }
    /// Hands what has grown too old to `gone`. @throws as `open_place`.
    TIDINGS_DECL void expire(io::steady_time now, dropped_events& gone);
    /// The newest event after `sequence` that is gone and could have matched one of the patterns;
    /// 0: there is none.
    TIDINGS_DECL std::uint64_t lost(std::uint64_t sequence,
                                    const std::vector<std::string>& patterns) const;
    /// The first item after `sequence`.
    TIDINGS_DECL std::size_t first_after(std::uint64_t sequence) const noexcept;

 private:
    // Beyond so many topics the oldest is remembered only as "some topic of this ring".
    static constexpr std::size_t max_evicted_topics = 4096;
    std::size_t place_of(std::size_t i) const noexcept {
        const auto at = first_ + i;
        return at < capacity_ ? at : at - capacity_;
    }
    TIDINGS_DECL void grow();
    // In milliseconds: the longest age has no place in the clock's units.
    bool is_older(io::steady_time then, io::steady_time now) const noexcept {
        return std::chrono::ceil<std::chrono::milliseconds>(now - then) > rule_.max_age;
    }
    /// How many fall out when so many of so many bytes come.
    std::size_t outgoing(io::steady_time now, std::size_t more,
                         std::size_t more_bytes) const noexcept {
        const auto all = size_ + more;
        const auto surplus = all > rule_.max_events ? all - rule_.max_events : 0;
        auto bytes = bytes_ + more_bytes;
        std::size_t count = 0;
        for (; count != size_; ++count) {
            const bool too_many = count < surplus || (bytes > rule_.max_bytes && all - count > 1);
            if (!too_many && rule_.max_age.count() == 0) break;
            const auto& oldest = (*this)[count];
            if (!too_many && !is_older(oldest.time, now)) break;
            bytes -= oldest.bytes;
        }
        return count;
    }
    // `gone` has room.
    [[gnu::always_inline]] void evict(std::size_t count, dropped_events& gone) noexcept {
        for (; count != 0; --count) {
            auto& oldest = items_[first_];
            first_ = place_of(1);
            --size_;
            bytes_ -= oldest.bytes;
            evicted_through_ = oldest.event->sequence();
            const auto topic = oldest.event->topic();
            if (!evicted_order_.empty() && evicted_order_.back().topic == topic)
                evicted_order_.back().sequence = evicted_through_;
            else
                remember(topic, evicted_through_);
            gone.push_back(std::move(oldest.event));
        }
    }
    TIDINGS_DECL void remember(std::string_view topic, std::uint64_t sequence) noexcept;

    history_rule rule_;
    bool takes_all_;
    std::unique_ptr<item[]> items_{};  // in a row that goes on at its beginning
    std::size_t capacity_ = 0;
    std::size_t first_ = 0;
    std::size_t size_ = 0;
    std::size_t bytes_ = 0;
    std::uint64_t evicted_through_ = 0;    // newest that is gone
    std::uint64_t forgotten_through_ = 0;  // newest that is gone and whose topic is not known
    /// A topic of which something is gone, and the newest of that.
    struct evicted_topic {
        std::string topic;
        std::uint64_t sequence;
    };
    std::list<evicted_topic> evicted_order_;  // the newest last
    std::unordered_map<std::string_view, std::list<evicted_topic>::iterator> evicted_topics_;
};

}  // namespace tidings::detail
