// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace tidings::detail {

/// An open-addressing table from 64-bit hashes to small values: one array, linear probing, and no
/// tombstones, since an erasure moves its followers up. The keys live elsewhere: the caller says
/// which of the values under a hash is meant. It shrinks with its contents, to nothing when empty.
/// `Value{}` marks a free slot and cannot be stored.
template <class Value>
class flat_table {
    static_assert(std::is_trivially_copyable_v<Value>);

 public:
    flat_table() = default;
    flat_table(const flat_table&) = delete;
    flat_table& operator=(const flat_table&) = delete;

    /// The first value under `hash` for which `is_it(value)`, else `Value{}`.
    template <class Predicate>
    Value find(std::uint64_t hash, Predicate is_it) const noexcept {
        if (size_ == 0) return Value{};
        for (std::size_t i = hash & mask();; i = (i + 1) & mask()) {
            const slot& s = slots_[i];
            if (s.value == Value{} || (s.hash == hash && is_it(s.value))) return s.value;
        }
    }

    /// Makes room, so that the next `insert` cannot fail. @throws std::bad_alloc
    void reserve_one() {
        if ((size_ + 1) * 4 <= capacity_ * 3) return;
        const std::size_t capacity = capacity_ == 0 ? least_capacity : capacity_ * 2;
        move_to(std::make_unique<slot[]>(capacity), capacity);
    }

    /// Adds a value; call `reserve_one` before each.
    void insert(std::uint64_t hash, Value value) noexcept {
        place(hash, value);
        ++size_;
    }

    /// Removes a value that is there.
    void erase(std::uint64_t hash, Value value) noexcept {
        std::size_t hole = hash & mask();
        while (!(slots_[hole].value == value)) hole = (hole + 1) & mask();
        for (std::size_t i = (hole + 1) & mask(); !(slots_[i].value == Value{});
             i = (i + 1) & mask()) {
            // A follower may move up unless that would put it before its home.
            const std::size_t from_home = (i - slots_[i].hash) & mask();
            if (from_home < ((i - hole) & mask())) continue;
            slots_[hole] = slots_[i];
            hole = i;
        }
        slots_[hole] = {};
        --size_;
        shrink();
    }

    template <class Visitor>
    void for_each(Visitor visit) const {
        for (std::size_t i = 0; i < capacity_; ++i)
            if (!(slots_[i].value == Value{})) visit(slots_[i].value);
    }

    std::size_t size() const noexcept { return size_; }
    std::size_t memory_bytes() const noexcept { return capacity_ * sizeof(slot); }

 private:
    static constexpr std::size_t least_capacity = 8;

    struct slot {
        std::uint64_t hash = 0;
        Value value{};
    };

    std::size_t mask() const noexcept { return capacity_ - 1; }

    void place(std::uint64_t hash, Value value) noexcept {
        std::size_t i = hash & mask();
        while (!(slots_[i].value == Value{})) i = (i + 1) & mask();
        slots_[i] = {hash, value};
    }

    // Far below the load at which it grew, lest it oscillate.
    void shrink() noexcept {
        if (size_ == 0) {
            slots_.reset();
            capacity_ = 0;
        } else if (capacity_ > least_capacity && size_ * 8 <= capacity_) {
            const std::size_t capacity = capacity_ / 2;
            std::unique_ptr<slot[]> smaller(new (std::nothrow) slot[capacity]);
            if (smaller) move_to(std::move(smaller), capacity);
        }
    }

    void move_to(std::unique_ptr<slot[]> slots, std::size_t capacity) noexcept {
        const auto old = std::exchange(slots_, std::move(slots));
        const std::size_t old_capacity = std::exchange(capacity_, capacity);
        for (std::size_t i = 0; i < old_capacity; ++i)
            if (!(old[i].value == Value{})) place(old[i].hash, old[i].value);
    }

    std::unique_ptr<slot[]> slots_;
    std::size_t capacity_ = 0;  // a power of two, or none
    std::size_t size_ = 0;
};

}  // namespace tidings::detail
