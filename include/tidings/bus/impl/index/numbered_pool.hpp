// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

namespace tidings::detail {

/// Objects that are found by a number, from 1; a number is used again after its object has gone.
/// They stand in chunks, so that growing moves none but a few in the first, and a chunk that is
/// empty goes.
template <class T>
class numbered_pool {
    static_assert(std::is_nothrow_move_constructible_v<T>);

 public:
    using number = std::uint32_t;

    numbered_pool() = default;
    numbered_pool(const numbered_pool&) = delete;
    numbered_pool& operator=(const numbered_pool&) = delete;
    /// Its objects must have been removed, or need no destruction.
    ~numbered_pool() { clear(); }

    T& operator[](number n) noexcept { return *object(n - 1); }
    const T& operator[](number n) const noexcept { return *object(n - 1); }

    /// Makes room, so that the next `add` cannot fail. @throws std::bad_alloc
    void reserve() {
        if (open_ == none) {
            if (chunks_.size() == 1 && chunks_[0].capacity < chunk_size) return grow_first();
            begin_chunk();
        }
        chunk& c = chunks_[open_];
        if (c.capacity != 0) return;
        // The first is as large as what it holds, the others have their size at once.
        const auto capacity = open_ == 0 ? least : chunk_size;
        cells_[open_] = std::make_unique_for_overwrite<cell[]>(capacity);
        c.capacity = capacity;
    }

    /// Adds an object; call `reserve` before each.
    number add(T value) noexcept {
        const auto at = open_;
        chunk& c = chunks_[at];
        auto place = c.free;
        if (place != none)
            c.free = *reinterpret_cast<number*>(&cells_[at][place]);
        else
            place = c.used++;
        ++c.live;
        ++size_;
        if (c.free == none && c.used == c.capacity) close(at);
        const number n = at * chunk_size + place + 1;
        ::new (&cells_[at][place]) T(std::move(value));
        return n;
    }

    void remove(number n) noexcept {
        std::destroy_at(object(n - 1));
        if (--size_ == 0) return clear();
        const number at = (n - 1) / chunk_size, place = (n - 1) % chunk_size;
        chunk& c = chunks_[at];
        const bool was_full = c.free == none && c.used == c.capacity;
        ::new (&cells_[at][place]) number(c.free);
        c.free = place;
        --c.live;
        if (was_full) open(at);
        if (c.live != 0) return;
        cells_[at].reset();
        c.capacity = c.used = 0;
        c.free = none;
    }

    /// Forgets all of them.
    void clear() noexcept {
        chunks_ = std::vector<chunk>();  // unlike {}, gives the memory back
        cells_ = std::vector<std::unique_ptr<cell[]>>();
        open_ = none;
        size_ = 0;
    }

    std::size_t size() const noexcept { return size_; }
    std::size_t memory_bytes() const noexcept {
        std::size_t bytes = chunks_.capacity() * sizeof(chunk) + cells_.capacity() * sizeof(void*);
        for (const auto& c : chunks_) bytes += c.capacity * sizeof(cell);
        return bytes;
    }

 private:
    static constexpr number chunk_size = 1024;
    static constexpr number least = 8;
    static constexpr number none = ~number{0};

    /// An object, or the place of the next free cell of its chunk.
    struct alignas(T) alignas(number) cell {
        std::byte bytes[std::max(sizeof(T), sizeof(number))];
    };
    struct chunk {
        number capacity = 0;
        number used = 0;  // cells behind it were never used
        number live = 0;
        number free = none;
        number before = none;  // of the chunks that have room
        number after = none;
    };

    T* object(number place) const noexcept {
        return std::launder(reinterpret_cast<T*>(&cells_[place / chunk_size][place % chunk_size]));
    }

    template <class Vector>
    static void make_room(Vector& v) {
        if (v.size() == v.capacity()) v.reserve(2 * v.size() + 1);
    }

    void begin_chunk() {
        make_room(cells_);
        make_room(chunks_);
        cells_.emplace_back();
        chunks_.emplace_back();
        open(static_cast<number>(chunks_.size() - 1));
    }

    // All of its cells are used.
    void grow_first() {
        chunk& c = chunks_[0];
        auto larger = std::make_unique_for_overwrite<cell[]>(2 * c.capacity);
        for (number i = 0; i < c.capacity; ++i) {
            ::new (&larger[i]) T(std::move(*object(i)));
            std::destroy_at(object(i));
        }
        cells_[0] = std::move(larger);
        c.capacity *= 2;
        open(0);
    }

    // It has room.
    void open(number at) noexcept {
        chunks_[at].before = none;
        chunks_[at].after = open_;
        if (open_ != none) chunks_[open_].before = at;
        open_ = at;
    }
    void close(number at) noexcept {
        const chunk& c = chunks_[at];
        if (c.after != none) chunks_[c.after].before = c.before;
        (c.before != none ? chunks_[c.before].after : open_) = c.after;
    }

    std::vector<std::unique_ptr<cell[]>> cells_;
    std::vector<chunk> chunks_;  // of the same indices
    number open_ = none;         // the first chunk that has room
    std::size_t size_ = 0;
};

}  // namespace tidings::detail
