// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/dispatch.hpp>
#include <tidings/bus/impl/subscription/queue_subscription.hpp>
#include <tidings/lane/impl/lane.hpp>

namespace tidings::detail {

void dispatch::hand_to(pattern_entry& entry, std::uint64_t ticket,
                       const std::shared_ptr<lane>& home) {
    walks.add(entry.immediates);
    for (const auto& queue : entry.queues) {
        if (!join) {
            result.count(queue->push(event, gone));
            continue;
        }
        join->expect(1);
        queue->push(event, join, home, gone);
    }
    for (const auto& chunk : entry.chunks) {
        const auto count = chunk.targets->size();
        if (join) join->expect(count);
        result.matched += count;
        if (chunk.home->enqueue(event, chunk.targets, ticket, join, &entry)) {
            result.queued += count;
            continue;
        }
        for (const auto& target : *chunk.targets) {
            const bool comes = event->sequence() != 0 && target->refills();
            ++(comes ? result.queued : result.dropped);
        }
    }
}

void dispatch::finish(reader_record& here, bool alone, const log_sink& log) noexcept {
    walks.announce_all(here, alone);
    const auto called = walks.walk_all(event, here, log);
    result.matched += called;
    result.delivered += called;
    if (join) join->delivered(called);
    if (from_history) join->dispatched();
}

}  // namespace tidings::detail
