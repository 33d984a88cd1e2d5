// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/graveyard.hpp>
#include <tidings/bus/impl/pattern_entry.hpp>
#include <tidings/bus/impl/publication_watch.hpp>
#include <tidings/bus/impl/publish_join.hpp>
#include <tidings/bus/impl/queue_mutex.hpp>

#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

namespace tidings::detail {

/// What a publication walks over: the immediate callbacks of each pattern it matches.
class walk_list {
 public:
    /// False where there is no memory for it.
    bool add(immediate_list& list) noexcept { return few_.add(list) || add_more(list); }
    bool empty() const noexcept { return few_.empty(); }
    /// As of `few_walks`, for all of them.
    [[gnu::always_inline]] void announce_all(reader_record& here, walker who) noexcept {
        for (auto f = more_.rbegin(); f != more_.rend(); ++f) announce(*f, here, who);
        few_.announce_all(here, who);
    }
    [[gnu::always_inline]] std::size_t walk_all(const event_ptr& e, reader_record& here,
                                                const log_sink& log) noexcept {
        auto called = few_.walk_all(e, here, log);
        for (auto& f : more_) called += walk(f, e, here, log);
        return called;
    }

 private:
    TIDINGS_DECL bool add_more(immediate_list& list) noexcept;

    few_walks few_;
    std::vector<walk_frame> more_;
};

/// One publication on its way to the subscriptions that it matches, in a read section.
struct dispatch {
    // Not an aggregate: braces would fill the arrays of `walks`.
    dispatch(receipt& r, const std::shared_ptr<publish_join>& j, topic_route* to = nullptr) noexcept
        : result(r),
          join(j),
          route(to) {}

    receipt& result;
    const std::shared_ptr<publish_join>& join;
    topic_route* route;
    const event_ptr* event = nullptr;  // as it was dispatched; null until then
    event_ptr committed{};             // the same, where a history made it anew
    walk_list walks;
    /// What follows the end of this dispatch; a sum of these.
    static constexpr std::uint8_t joined = 1;   // the join waits for it
    static constexpr std::uint8_t watched = 2;  // it is looked at
    std::uint8_t follows = 0;
    publication_watch* watch;  // where it is looked at; not initialised else
    queue_limits inbox{};      // of a lane
    graveyard gone{};
    dropped_events evicted{};  // by the history, for this one

    /// It is looked at: with the bus's mutex held.
    void look(publication_watch& w) noexcept {
        w.begin();
        watch = &w;
        follows |= watched;
    }

    /// Puts the event into every queue and lane of the patterns that it matches; the bus's mutex is
    /// held, or that of their lists. What has no memory for it has dropped it. `home` times
    /// publishers that wait for room.
    [[gnu::always_inline]] void hand_to(const std::vector<pattern_entry*>& matched,
                                        reader_record& here,
                                        const std::shared_ptr<lane>& home) noexcept {
        bool have_lanes = false;
        {
            std::unique_lock<queue_mutex> held;  // of queues that come one after another
            for (auto* entry : matched) {
                if (!walks.add(entry->immediates))
                    count_dropped(entry->immediates.current().size());
                if (!entry->queues.empty()) hand_to_queues(*entry, home, held);
                if (!entry->chunks.empty()) have_lanes = true;
            }
        }
        if (have_lanes) hand_to_lanes(matched, here);
    }
    /// Calls the immediate callbacks, which may publish, subscribe, unsubscribe and destroy the
    /// bus; the mutex is not held. `who` is this thread.
    [[gnu::always_inline]] void finish(reader_record& here, walker who,
                                       const log_sink& log) noexcept {
        if (!walks.empty()) {
            walks.announce_all(here, who);
            const auto called = walks.walk_all(*event, here, log);
            result.matched += called;
            result.delivered += called;
            if (join) join->delivered(called);
        }
        if (follows != 0) follow_up();
    }

 private:
    TIDINGS_DECL void hand_to_queues(const pattern_entry& entry, const std::shared_ptr<lane>& home,
                                     std::unique_lock<queue_mutex>& held) noexcept;
    TIDINGS_DECL void follow_up() noexcept;
    void hand_to_lane(std::span<const lane_stop> stops, std::uint64_t ticket) noexcept;
    TIDINGS_DECL void hand_to_lanes(const std::vector<pattern_entry*>& matched,
                                    reader_record& here) noexcept;
    TIDINGS_DECL void count_dropped(std::size_t count) noexcept;
};

}  // namespace tidings::detail
