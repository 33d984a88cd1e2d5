// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/dispatch.hpp>
#include <tidings/bus/impl/subscription/immediate_subscription.hpp>
#include <tidings/bus/impl/subscription/queue_subscription.hpp>
#include <tidings/lane/impl/lane.hpp>

namespace tidings::detail {

void dispatch::hand_to(const pattern_entry& entry, std::uint64_t ticket,
                       const std::shared_ptr<lane>& home) {
    if (entry.immediates) immediates.push_back(entry.immediates);
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

void dispatch::finish() noexcept {
    for (const auto& list : immediates)
        for (const auto& s : *list) {
            const auto o = s->call(event);
            result.count(o);
            if (join) join->count(o);
        }
    if (from_history) join->dispatched();
}

}  // namespace tidings::detail
