// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/pattern_entry.hpp>
#include <tidings/bus/impl/subscription/queue_subscription.hpp>
#include <tidings/lane/impl/lane.hpp>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <new>

namespace tidings::detail {

namespace {

template <class List, class T>
std::shared_ptr<const List> copy_without(const List& list, const T* gone) {
    auto copy = std::make_shared<List>();
    copy->reserve(list.size());
    for (const auto& s : list)
        if (s.get() != gone) copy->push_back(s);
    return copy->empty() ? nullptr : copy;
}

template <class List>
std::shared_ptr<const List> copy_with(const List* list, typename List::value_type added) {
    auto copy = list != nullptr ? std::make_shared<List>(*list) : std::make_shared<List>();
    copy->push_back(std::move(added));
    return copy;
}

bool contains(const lane_targets& targets, const lane_target* t) noexcept {
    return std::any_of(targets.begin(), targets.end(),
                       [&](const auto& each) { return each.get() == t; });
}

}  // namespace

template <class F>
void pattern_entry::change_lists(F f) {
    const std::lock_guard lock(lists_mutex);
    f();
    has_lists.store(!queues.empty() || !chunks.empty(), std::memory_order_release);
}

pattern_entry* pattern_entry::make(std::string_view pattern) {
    void* memory = ::operator new(sizeof(pattern_entry) + pattern.size(),
                                  std::align_val_t(alignof(pattern_entry)));
    auto* e = ::new (memory) pattern_entry(pattern.size());
    std::memcpy(static_cast<void*>(e + 1), pattern.data(), pattern.size());
    return e;
}

void pattern_entry::reclaim() noexcept {
    this->~pattern_entry();
    ::operator delete(this, std::align_val_t(alignof(pattern_entry)));
}

void pattern_entry::add(std::shared_ptr<queue_subscription> s) {
    change_lists([&] { queues.push_back(std::move(s)); });
}

void pattern_entry::add(const std::shared_ptr<lane>& l, std::shared_ptr<lane_target> t) {
    const auto list = open_list(l);
    auto longer = copy_with(list.get(), std::move(t));
    if (list) return change_lists([&] { last_chunk(l)->targets.swap(longer); });
    auto closing = std::make_unique<closing_notice>();
    change_lists([&] { chunks.push_back({l, std::move(longer), std::move(closing)}); });
}

// Only the last chunk of a lane takes more, so that order is kept.
std::vector<pattern_entry::chunk>::reverse_iterator pattern_entry::last_chunk(
    const std::shared_ptr<lane>& l) noexcept {
    return std::find_if(chunks.rbegin(), chunks.rend(),
                        [&](const chunk& c) { return c.home == l; });
}

std::shared_ptr<const lane_targets> pattern_entry::open_list(
    const std::shared_ptr<lane>& l) noexcept {
    const auto last = last_chunk(l);
    if (last == chunks.rend() || last->targets->size() >= max_chunk) return {};
    return last->targets;
}

bool pattern_entry::holds(const std::shared_ptr<lane>& l, const lane_target* t) const noexcept {
    return std::any_of(chunks.begin(), chunks.end(),
                       [&](const chunk& c) { return c.home == l && contains(*c.targets, t); });
}

void pattern_entry::take_back(const std::shared_ptr<lane>& l, const lane_target* t,
                              std::shared_ptr<const lane_targets> before) noexcept {
    const auto last = last_chunk(l);
    if (last == chunks.rend() || last->targets->back().get() != t) return;
    change_lists([&] {
        if (before)
            last->targets.swap(before);
        else
            chunks.erase(std::next(last).base());
    });
}

void pattern_entry::remove(const queue_subscription* s) noexcept {
    change_lists([&] { std::erase_if(queues, [&](const auto& q) { return q.get() == s; }); });
}

void pattern_entry::remove(const std::shared_ptr<lane>& l, const lane_target* t) noexcept {
    for (auto c = chunks.begin(); c != chunks.end(); ++c) {
        if (c->home != l || !contains(*c->targets, t)) continue;
        std::shared_ptr<const lane_targets> shorter;
        try {
            shorter = copy_without(*c->targets, t);
        } catch (const std::bad_alloc&) {
            return;
        }
        return change_lists([&] {
            c->targets.swap(shorter);
            if (!c->targets) chunks.erase(c);
        });
    }
}

}  // namespace tidings::detail
