// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/event_ptr.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace tidings::detail {

/// Events in a row, in one block of memory that grows as it has to. An empty one that has become
/// large gives its block back. Not thread-safe.
class event_ring {
 public:
    struct item {
        event_ptr event{};
        std::uint64_t missed_before = 0;
        std::size_t cost = 0;
    };

    bool empty() const noexcept { return size_ == 0; }
    std::size_t size() const noexcept { return size_; }
    /// Of those that there are.
    item& operator[](std::size_t i) noexcept { return items_[(first_ + i) & (capacity_ - 1)]; }
    const item& operator[](std::size_t i) const noexcept {
        return items_[(first_ + i) & (capacity_ - 1)];
    }
    item& front() noexcept { return items_[first_]; }
    const item& front() const noexcept { return items_[first_]; }

    /// Whether one more needs no memory.
    bool has_place() const noexcept { return size_ != capacity_; }
    /// @throws std::bad_alloc, and nothing has changed
    void push_back(const event_ptr& e, std::uint64_t missed_before, std::size_t cost) {
        if (size_ == capacity_) grow();
        auto& place = (*this)[size_];
        place.event = e;
        place.missed_before = missed_before;
        place.cost = cost;
        ++size_;
    }
    /// @throws std::bad_alloc, and nothing has changed
    void push_front(event_ptr&& e, std::size_t cost) {
        if (size_ == capacity_) grow();
        first_ = (first_ + capacity_ - 1) & (capacity_ - 1);
        ++size_;
        front() = {std::move(e), 0, cost};
    }
    event_ptr take_front() noexcept {
        auto e = std::move(items_[first_].event);
        first_ = (first_ + 1) & (capacity_ - 1);
        if (--size_ == 0 && capacity_ > kept) *this = {};
        return e;
    }
    /// Of one whose event was moved out. The order of the others stays.
    void erase(std::size_t i) noexcept {
        for (; i != 0; --i) (*this)[i] = std::move((*this)[i - 1]);
        take_front();
    }

 private:
    static constexpr std::size_t kept = 32;

    void grow() {
        const auto larger = std::max<std::size_t>(4, 2 * capacity_);
        auto fresh = std::make_unique<item[]>(larger);
        for (std::size_t i = 0; i < size_; ++i) fresh[i] = std::move((*this)[i]);
        items_ = std::move(fresh);
        capacity_ = larger;
        first_ = 0;
    }

    std::unique_ptr<item[]> items_{};
    std::size_t capacity_ = 0;  // 0 or a power of two
    std::size_t first_ = 0;
    std::size_t size_ = 0;
};

}  // namespace tidings::detail
