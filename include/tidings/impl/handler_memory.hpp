// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <cstddef>
#include <new>

namespace tidings::detail {

/// Memory for one handler that Asio holds, of so many pointers' size, of several that come one
/// after another. Safe from any thread.
template <std::size_t Pointers>
class handler_memory {
 public:
    handler_memory() = default;
    handler_memory(const handler_memory&) = delete;
    handler_memory& operator=(const handler_memory&) = delete;

    /// Where it is in use, or too small, the heap's. @throws std::bad_alloc, then
    void* allocate(std::size_t size) {
        if (size > sizeof(block_) || used_.exchange(true, std::memory_order_acquire))
            return ::operator new(size);
        return block_;
    }
    void deallocate(void* p) noexcept {
        if (p != block_) return ::operator delete(p);
        used_.store(false, std::memory_order_release);
    }

 private:
    std::atomic<bool> used_{false};
    alignas(std::max_align_t) std::byte block_[Pointers * sizeof(void*)];
};

/// For Asio: what it allocates lies there, which outlives it.
template <class T, std::size_t Pointers>
class handler_allocator {
 public:
    using value_type = T;
    template <class U>
    struct rebind {
        using other = handler_allocator<U, Pointers>;
    };
    explicit handler_allocator(handler_memory<Pointers>& memory) noexcept : memory_(&memory) {}
    template <class U>
    handler_allocator(const handler_allocator<U, Pointers>& o) noexcept : memory_(o.memory_) {}

    T* allocate(std::size_t count) { return static_cast<T*>(memory_->allocate(count * sizeof(T))); }
    void deallocate(T* p, std::size_t) noexcept { memory_->deallocate(p); }
    template <class U>
    friend bool operator==(const handler_allocator& a,
                           const handler_allocator<U, Pointers>& b) noexcept {
        return a.memory_ == b.memory_;
    }

 private:
    template <class, std::size_t>
    friend class handler_allocator;
    handler_memory<Pointers>* memory_;
};

}  // namespace tidings::detail
