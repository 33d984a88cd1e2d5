// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/inlet/impl/checkpoint_window.hpp>

#include <algorithm>
#include <utility>

namespace tidings::detail {

checkpoint_window::slot checkpoint_window::add(event_ptr e, std::optional<std::string> position) {
    const auto bytes = e->footprint() + size_of(position);
    entries_.push_back({std::move(e), std::move(position)});
    bytes_ += bytes;
    return first_ + entries_.size() - 1;
}

// A position counts once everything before it is done: that of the last entry may be a later one.
void checkpoint_window::pass(std::string position) {
    if (stage_ == stage::cut) return;
    auto& last = entries_.empty() ? reached_ : entries_.back().position;
    if (!entries_.empty()) bytes_ += position.size() - size_of(last);
    last = std::move(position);
}

checkpoint_window::handing checkpoint_window::next() noexcept {
    if (stage_ != stage::open || refused_ != 0) return {};
    for (; cursor_ < first_ + entries_.size(); ++cursor_) {
        auto& e = entries_[cursor_ - first_];
        if (e.now != state::waiting) continue;
        e.now = state::handed;
        ++handed_;
        return {cursor_++, e.event};
    }
    return {};
}

checkpoint_window::entry* checkpoint_window::find(slot s) noexcept {
    return s < first_ || s - first_ >= entries_.size() ? nullptr : &entries_[s - first_];
}

delivery_verdict checkpoint_window::complete(slot s, error_code ec, event_ptr* gone) noexcept {
    auto* const e = find(s);
    if (e == nullptr || e->now != state::handed) return delivery_verdict::late;
    --handed_;
    if (ec == errc::closed || ec == condition::retryable) {
        e->now = state::refused;
        ++refused_;
        return ec == errc::closed ? delivery_verdict::closed : delivery_verdict::held;
    }
    auto left = finish(*e);
    if (gone != nullptr) *gone = std::move(left);
    return ec ? delivery_verdict::passed : delivery_verdict::accepted;
}

delivery_verdict checkpoint_window::abandon(slot s, event_ptr& gone) noexcept {
    auto* const e = find(s);
    if (e == nullptr || (e->now != state::handed && e->now != state::refused))
        return delivery_verdict::late;
    --(e->now == state::handed ? handed_ : refused_);
    gone = finish(*e);
    return delivery_verdict::passed;
}

event_ptr checkpoint_window::finish(entry& e) noexcept {
    e.now = state::done;
    auto gone = std::exchange(e.event, {});
    bytes_ -= gone->footprint();
    for (; !entries_.empty() && entries_.front().now == state::done; ++first_) {
        auto& position = entries_.front().position;
        bytes_ -= size_of(position);
        if (position) reached_ = std::move(position);
        entries_.pop_front();
    }
    if (cursor_ < first_) cursor_ = first_;
    return gone;
}

std::size_t checkpoint_window::retry() noexcept {
    const auto count = std::exchange(refused_, 0);
    for (auto& e : entries_)
        if (e.now == state::refused) e.now = state::waiting;
    cursor_ = first_;
    return count;
}

event_ptr checkpoint_window::stop() noexcept {
    if (stage_ == stage::open) {
        const auto first = std::find_if(entries_.begin(), entries_.end(), [](const entry& e) {
            return e.now == state::waiting || e.now == state::refused;
        });
        stage_ = first == entries_.end() ? stage::stopped : stage::cut;
        kept_ = first_ + static_cast<slot>(first - entries_.begin());
    }
    event_ptr gone;
    while (!gone && first_ + entries_.size() > kept_) {
        auto& last = entries_.back();
        bytes_ -= size_of(last.position);
        if (last.event) bytes_ -= last.event->footprint();
        gone = std::move(last.event);
        entries_.pop_back();
    }
    return gone;
}

}  // namespace tidings::detail
