// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/graveyard.hpp>
#include <tidings/bus/impl/pattern_entry.hpp>
#include <tidings/bus/impl/publish_join.hpp>

namespace tidings::detail {

/// What a publication walks over: the immediate callbacks of each pattern it matches.
class walk_list {
 public:
    /// @throws std::bad_alloc beyond what stands in place
    void add(immediate_list& list) {
        if (!few_.add(list)) more_.push_back(list.current());
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

    /// Puts the event into every queue and lane of a pattern; the bus's mutex is held. `home` times
    /// publishers that wait for room.
    TIDINGS_DECL void hand_to(pattern_entry& entry, std::uint64_t ticket,
                              const std::shared_ptr<lane>& home);
    /// Calls the immediate callbacks, which may publish, subscribe, unsubscribe and destroy the
    /// bus; the mutex is not held. `alone` as of `immediate_list::count_walk`.
    TIDINGS_DECL void finish(reader_record& here, bool alone, const log_sink& log) noexcept;
};

}  // namespace tidings::detail
