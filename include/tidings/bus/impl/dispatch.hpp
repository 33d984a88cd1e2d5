// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/graveyard.hpp>
#include <tidings/bus/impl/pattern_entry.hpp>
#include <tidings/bus/impl/publish_join.hpp>

#include <new>
#include <span>
#include <vector>

namespace tidings::detail {

/// What a publication walks over: the immediate callbacks of each pattern it matches.
class walk_list {
 public:
    /// False where there is no memory for it.
    bool add(immediate_list& list) noexcept {
        if (few_.add(list)) return true;
        try {
            more_.push_back(list.current());
            return true;
        } catch (const std::bad_alloc&) {
            return false;
        }
    }
    template <class F>
    void for_each(F f) const {
        few_.for_each(f);
        for (const auto& v : more_) f(v);
    }

 private:
    few_walks few_;
    std::vector<immediate_view> more_;
};

/// One publication on its way to the subscriptions that it matches, in a read section.
struct dispatch {
    std::shared_ptr<publish_join> join{};
    topic_route* route = nullptr;
    receipt result{};
    event_ptr event{};  // as it was dispatched; null until then
    walk_list walks{};
    bool from_history = false;  // the join waits for the end of this dispatch
    graveyard gone{};
    std::vector<event_ptr> evicted{};  // by the history, for this one

    /// Puts the event into every queue and lane of the patterns that it matches; the bus's mutex is
    /// held. What has no memory for it has dropped it. `home` times publishers that wait for room.
    /// `stops` is memory, which the next publication uses again.
    TIDINGS_DECL void hand_to(const std::vector<pattern_entry*>& matched, std::uint64_t ticket,
                              const std::shared_ptr<lane>& home,
                              std::vector<lane_stop>& stops) noexcept;
    /// Calls the immediate callbacks, which may publish, subscribe, unsubscribe and destroy the
    /// bus; the mutex is not held. `alone` as of `immediate_list::count_walk`.
    TIDINGS_DECL void finish(reader_record& here, bool alone, const log_sink& log) noexcept;

 private:
    void hand_to_queues(const pattern_entry& entry, const std::shared_ptr<lane>& home) noexcept;
    void hand_to_lane(std::span<const lane_stop> stops, std::uint64_t ticket) noexcept;
    void hand_to_lanes(const std::vector<pattern_entry*>& matched, std::uint64_t ticket,
                       std::vector<lane_stop>& stops) noexcept;
    void count_dropped(std::size_t count) noexcept;
};

}  // namespace tidings::detail
