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

void event_cache::add(const event_ptr& e, std::size_t bytes, dropped_events& gone) noexcept {
    try {
        entries_.push_back({e->sequence(), bytes, e});
    } catch (const std::bad_alloc&) {
        // Without a place for this one it holds none: the file has them all.
        entries_.clear();
        erased_ = 0;
        bytes_ = 0;
        from_ = e->sequence();
        return;
    }
    bytes_ += bytes;
    trim(gone);
}

// An event of a quiet ring may stand at the front for long: erased entries behind it are removed
// once they are more than the others, so that each costs a constant time.
void event_cache::erase(std::uint64_t offset, dropped_events& gone) noexcept {
    const auto place = place_of(offset);
    if (place == entries_.end() || !place->event) return;
    auto& erased = entries_[static_cast<std::size_t>(place - entries_.begin())];
    bytes_ -= erased.bytes;
    drop(std::exchange(erased.event, {}), gone);
    ++erased_;
    trim(gone);
    if (erased_ * 2 <= entries_.size()) return;
    std::erase_if(entries_, [](const entry& one) { return !one.event; });
    erased_ = 0;
}

void event_cache::trim(dropped_events& gone) noexcept {
    while (!entries_.empty() && (!entries_.front().event || bytes_ > max_bytes_)) drop_front(gone);
}

void event_cache::drop_front(dropped_events& gone) noexcept {
    auto& front = entries_.front();
    from_ = front.offset;
    if (front.event) {
        bytes_ -= front.bytes;
        drop(std::move(front.event), gone);
    } else {
        --erased_;
    }
    entries_.pop_front();
}

event_cache::entries::const_iterator event_cache::after(std::uint64_t offset) const noexcept {
    return std::upper_bound(entries_.begin(), entries_.end(), offset,
                            [](std::uint64_t o, const entry& e) { return o < e.offset; });
}

event_ptr event_cache::find(std::uint64_t offset) const noexcept {
    const auto place = place_of(offset);
    return place != entries_.end() ? place->event : event_ptr();
}

event_cache::entries::const_iterator event_cache::place_of(std::uint64_t offset) const noexcept {
    const auto place =
        std::lower_bound(entries_.begin(), entries_.end(), offset,
                         [](const entry& e, std::uint64_t o) { return e.offset < o; });
    return place != entries_.end() && place->offset == offset ? place : entries_.end();
}

}  // namespace tidings::sqlite::detail
