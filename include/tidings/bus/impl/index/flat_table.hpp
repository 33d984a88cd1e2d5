// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/index/hashed_slot.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace tidings::detail {

/// Brings what will be read soon into the processor's cache; a hint.
inline void prefetch(const void* p) noexcept {
#if defined(__GNUC__)
    __builtin_prefetch(p);
#else
    static_cast<void>(p);
#endif
}

/// An open-addressing table of small slots by 64-bit hashes: linear probing, and no tombstones,
/// since an erasure moves its followers up. The caller says which of the slots under a hash is
/// meant. `Slot{}`, which converts to false, is free. It shrinks with its contents, to nothing when
/// empty.
///
/// It grows and shrinks by parts (extendible hashing): the high bits of a hash choose a segment,
/// the low ones the place in it, and a segment that is full is split. So no insertion moves more
/// than one segment, unless thousands of slots have one hash.
template <class Slot, class HashOf = kept_hash>
class flat_table {
    static_assert(std::is_trivially_copyable_v<Slot> && alignof(Slot) <= 16);

 public:
    /// The slots of a segment at which it is split.
    static constexpr std::size_t full_segment = 4096;

    explicit flat_table(HashOf hash_of = {}) : hash_of_(hash_of) {}
    flat_table(const flat_table&) = delete;
    flat_table& operator=(const flat_table&) = delete;
    ~flat_table() { clear(); }

    /// The first slot under `hash` for which `is_it(slot)`, which looks at more than the hash's
    /// place; else a free one.
    template <class Predicate>
    Slot find(std::uint64_t hash, Predicate is_it) const noexcept {
        if (size_ == 0) return {};
        const place& p = place_of(hash);
        const Slot* const slots = p.at->slots();
        for (std::size_t i = hash & p.mask;; i = (i + 1) & p.mask)
            if (!slots[i] || is_it(slots[i])) return slots[i];
    }
    /// A `find` of this hash follows.
    void prefetch_slot(std::uint64_t hash) const noexcept {
        if (size_ == 0) return;
        const place& p = place_of(hash);
        prefetch(p.at->slots() + (hash & p.mask));
    }

    /// Makes room, so that the next `insert`, of this hash, cannot fail. @throws std::bad_alloc
    void reserve(std::uint64_t hash) {
        if (first_.at == nullptr) first_ = make(least, 0);
        for (;;) {
            const place& p = place_of(hash);
            const std::size_t capacity = p.mask + 1;
            if ((p.at->size + 1) * 4 <= capacity * 3) return;
            if (capacity < full_segment || !split(hash)) replace(hash, 2 * capacity);
        }
    }

    /// Adds a slot; call `reserve` before each.
    void insert(std::uint64_t hash, const Slot& s) noexcept {
        put(place_of(hash), hash, s);
        ++size_;
    }

    /// Removes the first for which `is_it(slot)`; there must be one.
    template <class Predicate>
    void erase(std::uint64_t hash, Predicate is_it) noexcept {
        const place& p = place_of(hash);
        Slot* const slots = p.at->slots();
        const std::size_t mask = p.mask;
        std::size_t hole = hash & mask;
        while (!is_it(std::as_const(slots[hole]))) hole = (hole + 1) & mask;
        for (std::size_t i = (hole + 1) & mask; slots[i]; i = (i + 1) & mask) {
            // A follower may move up unless that would put it before its home.
            const std::size_t from_home = (i - hash_of_(slots[i])) & mask;
            if (from_home < ((i - hole) & mask)) continue;
            slots[hole] = slots[i];
            hole = i;
        }
        slots[hole] = {};
        --p.at->size;
        if (--size_ == 0)
            clear();
        else
            shrink(hash);
    }

    void clear() noexcept {
        for_each_segment([&](place& p) { destroy(p); });
        if (depth_ != 0) delete[] directory_;
        directory_ = &first_;
        depth_ = 0;
        deepest_ = 1;
        size_ = 0;
        first_ = {};
    }

    template <class Visitor>
    void for_each(Visitor visit) const {
        for_each_segment([&](const place& p) {
            for_each_of(p, [&](const Slot& s, std::uint64_t) { visit(s); });
        });
    }

    std::size_t size() const noexcept { return size_; }
    std::size_t memory_bytes() const noexcept {
        return bytes_ + (depth_ != 0 ? sizeof(place) << depth_ : 0);
    }

 private:
    static constexpr std::size_t least = 8;

    /// Before its slots.
    struct alignas(16) segment {
        std::uint32_t size = 0;
        std::uint32_t depth = 0;  // how many high bits all hashes here have in common
        Slot* slots() noexcept { return reinterpret_cast<Slot*>(this + 1); }
    };
    struct place {
        segment* at = nullptr;
        std::uint32_t mask = 0;  // its slots, a power of two, less one
    };

    std::size_t index_of(std::uint64_t hash) const noexcept { return (hash >> 1) >> (63 - depth_); }
    const place& place_of(std::uint64_t hash) const noexcept { return directory_[index_of(hash)]; }

    place make(std::size_t capacity, std::uint32_t depth) {
        void* memory = ::operator new(sizeof(segment) + capacity * sizeof(Slot));
        auto* at = ::new (memory) segment{0, depth};
        for (std::size_t i = 0; i < capacity; ++i) ::new (at->slots() + i) Slot();
        bytes_ += capacity * sizeof(Slot);
        return {at, static_cast<std::uint32_t>(capacity - 1)};
    }
    void destroy(const place& p) noexcept {
        bytes_ -= (std::size_t{p.mask} + 1) * sizeof(Slot);
        ::operator delete(p.at);
    }

    static void put(const place& p, std::uint64_t hash, const Slot& s) noexcept {
        Slot* const slots = p.at->slots();
        std::size_t i = hash & p.mask;
        while (slots[i]) i = (i + 1) & p.mask;
        slots[i] = s;
        ++p.at->size;
    }
    /// Calls `f(slot, hash)` for each slot of a segment.
    template <class F>
    void for_each_of(const place& p, F f) const {
        for (std::size_t i = 0; i <= p.mask; ++i)
            if (const Slot& s = p.at->slots()[i]) f(s, hash_of_(s));
    }
    void move(const place& from, const place& to) noexcept {
        for_each_of(from, [&](const Slot& s, std::uint64_t hash) { put(to, hash, s); });
    }

    /// Calls `f` once for each segment.
    template <class F>
    void for_each_segment(F f) const {
        if (first_.at == nullptr) return;
        for (std::size_t i = 0; i < std::size_t{1} << depth_;) {
            place p = directory_[i];
            i += std::size_t{1} << (depth_ - p.at->depth);
            f(p);
        }
    }

    /// Writes the segment of all hashes that begin as `hash` does.
    void set(std::uint64_t hash, const place& p) noexcept {
        const std::size_t count = std::size_t{1} << (depth_ - p.at->depth);
        std::fill_n(directory_ + (index_of(hash) & ~(count - 1)), count, p);
        if (depth_ == 0) return;
        first_ = directory_[0];
    }

    void replace(std::uint64_t hash, std::size_t capacity) {
        const place old = place_of(hash);
        const place fresh = make(capacity, old.at->depth);
        move(old, fresh);
        set(hash, fresh);
        destroy(old);
    }

    // Twice what it holds: it is neither full soon nor sparse.
    static std::size_t capacity_for(std::size_t size) noexcept {
        return std::max(least, std::bit_ceil(2 * size));
    }

    // False where too many hashes begin alike: then a directory that tells them apart would be
    // larger than what it leads to.
    bool split(std::uint64_t hash) {
        const place old = place_of(hash);
        const auto depth = old.at->depth;
        if (depth == depth_) {
            if ((full_segment / 8 << depth_) > size_) return false;
            double_directory();
        }
        const std::uint64_t bit = std::uint64_t{1} << (63 - depth);
        std::size_t upper = 0;
        for_each_of(old, [&](const Slot&, std::uint64_t h) { upper += (h & bit) != 0; });
        const place low = make(capacity_for(old.at->size - upper), depth + 1);
        place high;
        try {
            high = make(capacity_for(upper), depth + 1);
        } catch (...) {
            destroy(low);
            throw;
        }
        for_each_of(
            old, [&](const Slot& s, std::uint64_t h) { put((h & bit) != 0 ? high : low, h, s); });
        set(hash & ~bit, low);
        set(hash | bit, high);
        if (depth + 1 == depth_) deepest_ += 2;
        destroy(old);
        return true;
    }

    void double_directory() {
        const std::size_t size = std::size_t{1} << depth_;
        auto* wider = new place[2 * size];
        for (std::size_t i = 0; i < 2 * size; ++i) wider[i] = directory_[i / 2];
        if (depth_ != 0) delete[] directory_;
        directory_ = wider;
        ++depth_;
        deepest_ = 0;
    }

    // Far below the load at which it grew, lest it oscillate. Without memory it stays as it is.
    void shrink(std::uint64_t hash) noexcept {
        const place& p = place_of(hash);
        const std::size_t capacity = p.mask + 1;
        try {
            if (capacity > least && p.at->size * std::size_t{8} <= capacity)
                replace(hash, capacity / 2);
            if (depth_ != 0) merge(hash);
        } catch (const std::bad_alloc&) {
            return;
        }
    }

    void merge(std::uint64_t hash) {
        const place mine = place_of(hash);
        const auto depth = mine.at->depth;
        if (depth == 0 || mine.at->size > full_segment / 8) return;
        const place other = place_of(hash ^ std::uint64_t{1} << (64 - depth));
        const std::size_t size = std::size_t{mine.at->size} + other.at->size;
        if (other.at->depth != depth || size > full_segment / 4) return;
        const place both = make(capacity_for(size), depth - 1);
        move(mine, both);
        move(other, both);
        set(hash, both);
        destroy(mine);
        destroy(other);
        if (depth != depth_) return;
        deepest_ -= 2;
        if (deepest_ == 0) halve_directory();
    }

    void halve_directory() noexcept {
        const std::size_t size = std::size_t{1} << (depth_ - 1);
        place* narrower = size == 1 ? &first_ : new (std::nothrow) place[size];
        if (narrower == nullptr) return;
        for (std::size_t i = 0; i < size; ++i) narrower[i] = directory_[2 * i];
        delete[] directory_;
        directory_ = narrower;
        --depth_;
        for_each_segment([&](const place& p) { deepest_ += p.at->depth == depth_; });
    }

    [[no_unique_address]] HashOf hash_of_;
    place first_;  // the whole directory where there is one segment
    place* directory_ = &first_;
    std::uint32_t depth_ = 0;  // how many bits choose a segment
    std::size_t deepest_ = 1;  // segments that as many bits tell apart
    std::size_t size_ = 0;
    std::size_t bytes_ = 0;
};

}  // namespace tidings::detail
