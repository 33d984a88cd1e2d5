// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/dispatch.hpp>
#include <tidings/bus/impl/subscription/queue_subscription.hpp>
#include <tidings/lane/impl/lane.hpp>

#include <algorithm>
#include <functional>
#include <new>

namespace tidings::detail {

bool walk_list::add_more(immediate_list& list) noexcept {
    try {
        more_.push_back(list.current());
        return true;
    } catch (const std::bad_alloc&) {
        return false;
    }
}

void dispatch::hand_to_queues(const pattern_entry& entry, const std::shared_ptr<lane>& home,
                              std::unique_lock<queue_mutex>& held) noexcept {
    for (const auto& queue : entry.queues) {
        if (!join) {
            result.count(queue->push(*event, gone, held));
            continue;
        }
        join->expect(1);
        queue->push(*event, join, home, gone);
    }
}

// One letter for each lane, however many lists of it match.
void dispatch::hand_to_lanes(const std::vector<pattern_entry*>& matched,
                             reader_record& here) noexcept {
    const auto ticket = ++here.ticket;
    auto& stops = here.stops;
    const auto for_each_list = [&](auto f) {
        for (auto* entry : matched)
            for (const auto& chunk : entry->chunks)
                f(lane_stop{chunk.home.get(), &chunk.targets, entry});
    };
    stops.clear();
    try {
        for_each_list([&](lane_stop s) {
            s.place = stops.size();
            stops.push_back(s);
        });
    } catch (const std::bad_alloc&) {
        inbox = {.max_bytes = 0, .max_events = 0};  // a letter for each list would come twice
        return for_each_list([&](const lane_stop& s) { hand_to_lane({&s, 1}, ticket); });
    }
    const auto before = [](const lane_stop& a, const lane_stop& b) {
        return a.home != b.home ? std::less<>()(a.home, b.home) : a.place < b.place;
    };
    if (!std::is_sorted(stops.begin(), stops.end(), before))
        std::sort(stops.begin(), stops.end(), before);
    for (auto first = stops.begin(); first != stops.end();) {
        const auto end = std::find_if(first, stops.end(),
                                      [&](const lane_stop& s) { return s.home != first->home; });
        hand_to_lane({first, end}, ticket);
        first = end;
    }
}

void dispatch::hand_to_lane(std::span<const lane_stop> stops, std::uint64_t ticket) noexcept {
    std::size_t places = 0;
    for (const auto& s : stops) places += (*s.targets)->size();
    if (join) join->expect(places);
    const auto lost = stops.front().home->enqueue(*event, stops, ticket, inbox, join);
    result.matched += places;
    result.queued += places - lost;
    result.dropped += lost;
}

void dispatch::count_dropped(std::size_t count) noexcept {
    result.matched += count;
    result.dropped += count;
    if (!join) return;
    join->expect(count);
    for (; count != 0; --count) join->finished(errc::overflow, outcome::dropped);
}

void dispatch::follow_up() noexcept {
    if ((follows & joined) != 0) join->dispatched();
    if ((follows & watched) != 0) watch->end(*event, result);
}

}  // namespace tidings::detail
