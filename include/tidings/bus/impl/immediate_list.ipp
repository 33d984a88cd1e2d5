// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/immediate_list.hpp>
#include <tidings/bus/impl/subscription/immediate_subscription.hpp>
#include <tidings/impl/guarded.hpp>

#include <algorithm>
#include <new>

namespace tidings::detail {

namespace {

constexpr std::uint32_t first_capacity = 1;

// Stands where a callback has ended.
void skip(void*, const event_ptr&) {
    ++reclaimer::here().walks->skipped;
}

}  // namespace

immediate_array* immediate_array::make(std::uint32_t capacity) {
    static_assert(sizeof(immediate_array) % alignof(immediate_slot) == 0);
    const auto each = sizeof(immediate_slot) + sizeof(immediate_subscription*);
    void* memory = ::operator new(sizeof(immediate_array) + capacity * each);
    auto* a = ::new (memory) immediate_array(capacity);
    for (std::uint32_t i = 0; i < capacity; ++i) ::new (a->slots() + i) immediate_slot{skip, {}};
    std::fill_n(a->owners(), capacity, nullptr);
    return a;
}

void immediate_array::reclaim() noexcept {
    this->~immediate_array();
    ::operator delete(this);
}

immediate_list::~immediate_list() {
    if (auto* a = array_.load(std::memory_order_relaxed)) a->reclaim();
}

void immediate_list::add(immediate_subscription& s, immediate_slot::function call, void* object,
                         retired_list& gone) {
    auto* a = array_.load(std::memory_order_relaxed);
    const auto size = a != nullptr ? a->size.load(std::memory_order_relaxed) : 0;
    if (a == nullptr) {
        replace(first_capacity, gone);
    } else if (size == a->capacity) {
        const bool sparse = ended_ > size / 2;
        replace(sparse ? size : size * 2, gone);
    }
    a = array_.load(std::memory_order_relaxed);
    const auto at = a->size.load(std::memory_order_relaxed);
    a->owners()[at] = &s;
    a->slots()[at].object = object;
    a->slots()[at].call.store(call, std::memory_order_relaxed);
    s.stands_at(at, walks());
    a->size.store(at + 1, std::memory_order_release);
}

// What has ended is left out; walks go on over the old array.
void immediate_list::replace(std::uint32_t capacity, retired_list& gone) {
    auto* fresh = immediate_array::make(capacity);
    std::uint32_t count = 0;
    if (auto* old = array_.load(std::memory_order_relaxed)) {
        for (std::uint32_t i = 0; i < old->size.load(std::memory_order_relaxed); ++i) {
            const auto call = old->slots()[i].call.load(std::memory_order_relaxed);
            if (call == skip) continue;
            old->owners()[i]->moves_to(count);
            fresh->owners()[count] = old->owners()[i];
            fresh->slots()[count].object = old->slots()[i].object;
            fresh->slots()[count].call.store(call, std::memory_order_relaxed);
            ++count;
        }
        gone.push(*old);
    }
    fresh->size.store(count, std::memory_order_relaxed);
    ended_ = 0;
    array_.store(fresh, std::memory_order_release);
}

// A list that is mostly ends is packed here where there is memory; else by the next addition.
std::uint32_t immediate_list::remove(immediate_subscription& s, retired_list& gone) noexcept {
    const auto ahead = skip_in_walks(s);
    auto* a = array_.load(std::memory_order_relaxed);
    a->slots()[s.slot()].call.store(skip, std::memory_order_release);
    const auto size = a->size.load(std::memory_order_relaxed);
    if (++ended_ == size) {
        gone.push(*a);
        ended_ = 0;
        array_.store(nullptr, std::memory_order_release);
    } else if (size >= 16 && ended_ > size / 2) {
        try {
            replace(size, gone);
        } catch (const std::bad_alloc&) {
            return ahead;
        }
    }
    return ahead;
}

std::vector<immediate_subscription*> immediate_list::standing() const {
    std::vector<immediate_subscription*> all;
    auto* a = array_.load(std::memory_order_relaxed);
    const auto size = a != nullptr ? a->size.load(std::memory_order_relaxed) : 0;
    for (std::uint32_t i = 0; i < size; ++i)
        if (a->slots()[i].call.load(std::memory_order_relaxed) != skip)
            all.push_back(a->owners()[i]);
    return all;
}

// A walk of this thread may be over an array that was replaced since.
std::uint32_t immediate_list::skip_in_walks(const immediate_subscription& s) noexcept {
    const auto* now = array_.load(std::memory_order_relaxed);
    std::uint32_t ahead = 0;
    const auto* here = reclaimer::here_if_any();
    for (auto* f = here != nullptr ? here->walks : nullptr; f != nullptr; f = f->outer) {
        if (f->list != this) continue;
        auto* slots = f->array->slots();
        const bool is_now = f->array == now;
        auto* first = is_now ? std::max(f->next, slots + s.slot()) : f->next;
        auto* last = is_now ? std::min(f->end, slots + s.slot() + 1) : f->end;
        for (; first < last; ++first)
            if (f->array->owners()[first - slots] == &s) {
                first->call.store(skip, std::memory_order_relaxed);
                ++ahead;
            }
    }
    return ahead;
}

void note_thrown(immediate_array& array, const immediate_slot* at, const log_sink& log) noexcept {
    report_exception(log, "bus");
    array.owners()[at - array.slots()]->count_failure();
}

}  // namespace tidings::detail
