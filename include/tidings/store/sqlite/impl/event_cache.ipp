// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/sqlite/impl/event_cache.hpp>

#include <algorithm>
#include <new>

namespace tidings::sqlite::detail {

namespace {

void drop(event_ptr e, dropped_events& gone) noexcept {
    try {
        gone.push_back(std::move(e));
    } catch (const std::bad_alloc&) {
        return;  // it ends here
    }
}

}  // namespace

void event_cache::add(const event_ptr& e, dropped_events& gone) noexcept {
    try {
        offsets_.push_back(e->sequence());
        try {
            events_.push_back(e);
        } catch (const std::bad_alloc&) {
            offsets_.pop_back();
            throw;
        }
    } catch (const std::bad_alloc&) {
        // Without a place for this one it holds none: the file has them all.
        events_.clear();
        offsets_.clear();
        bytes_ = 0;
        from_ = e->sequence();
        return;
    }
    bytes_ += e->footprint();
    trim(gone);
}

void event_cache::erase(std::uint64_t offset, dropped_events& gone) noexcept {
    const auto place = std::lower_bound(offsets_.begin(), offsets_.end(), offset);
    if (place == offsets_.end() || *place != offset) return;
    auto& e = events_[static_cast<std::size_t>(place - offsets_.begin())];
    bytes_ -= e->footprint();
    drop(std::exchange(e, {}), gone);
    trim(gone);
}

void event_cache::trim(dropped_events& gone) noexcept {
    while (!events_.empty() && (!events_.front() || bytes_ > max_bytes_)) {
        from_ = offsets_.front();
        if (events_.front()) {
            bytes_ -= events_.front()->footprint();
            drop(std::move(events_.front()), gone);
        }
        events_.pop_front();
        offsets_.pop_front();
    }
}

event_cache::events::const_iterator event_cache::after(std::uint64_t offset) const noexcept {
    const auto place = std::upper_bound(offsets_.begin(), offsets_.end(), offset);
    return events_.begin() + (place - offsets_.begin());
}

event_ptr event_cache::find(std::uint64_t offset) const noexcept {
    const auto place = std::lower_bound(offsets_.begin(), offsets_.end(), offset);
    if (place == offsets_.end() || *place != offset) return {};
    return events_[static_cast<std::size_t>(place - offsets_.begin())];
}

}  // namespace tidings::sqlite::detail
