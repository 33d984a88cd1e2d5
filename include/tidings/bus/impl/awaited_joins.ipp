// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/awaited_joins.hpp>

#include <algorithm>
#include <new>

namespace tidings::detail {

bool awaited_joins::add(const publication* e, std::uint64_t sequence,
                        const std::shared_ptr<delivery_join>& join) noexcept {
    used_ = true;
    try {
        waiting_.push_back({e, sequence, join});
        return true;
    } catch (const std::bad_alloc&) {
        return false;
    }
}

std::shared_ptr<delivery_join> awaited_joins::take(const event_ptr& e) noexcept {
    const auto sequence = e->sequence();
    const auto it = std::find_if(waiting_.begin(), waiting_.end(), [&](const waiting& w) {
        return sequence != 0 ? w.sequence == sequence : w.event == e.get();
    });
    if (it == waiting_.end()) return {};
    auto join = std::move(it->join);
    waiting_.erase(it);
    return join;
}

void awaited_joins::close() noexcept {
    for (const auto& w : waiting_) w.join->finished(errc::closed, outcome::closed);
    waiting_.clear();
}

void awaited_joins::miss_through(std::uint64_t sequence) noexcept {
    for (auto w = waiting_.begin(); w != waiting_.end() && w->sequence <= sequence;) {
        if (w->sequence == 0) {
            ++w;
            continue;
        }
        w->join->finished(errc::missed, outcome::dropped);
        w = waiting_.erase(w);
    }
}

}  // namespace tidings::detail
