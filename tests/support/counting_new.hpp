// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/allocations.hpp"

#include <malloc.h>

#include <cstdlib>

// The `operator new` of an executable whose tests count allocations and let them fail: included by
// one of its files.

namespace tidings::test {

/// Null where the heap has none.
inline void* allocate_or_null(std::size_t size,
                              std::size_t alignment = alignof(std::max_align_t)) noexcept {
    const auto whole = (size / alignment + 1) * alignment;
    void* p = alignment > alignof(std::max_align_t) ? std::aligned_alloc(alignment, whole)
                                                    : std::malloc(size != 0 ? size : 1);
    bytes_held += static_cast<long>(::malloc_usable_size(p));
    return p;
}

inline void* allocate(std::size_t size, std::size_t alignment = alignof(std::max_align_t)) {
    if (takes_failure()) throw std::bad_alloc();
    allocations_made.fetch_add(1, std::memory_order_relaxed);
    if (size >= std::size_t{128} * 1024) large_bytes.fetch_add(size, std::memory_order_relaxed);
    if (void* p = allocate_or_null(size, alignment)) return p;
    throw std::bad_alloc();
}

inline void give_back(void* p) noexcept {
    bytes_held -= static_cast<long>(::malloc_usable_size(p));
    std::free(p);
}

}  // namespace tidings::test

void* operator new(std::size_t size) {
    return tidings::test::allocate(size);
}
void* operator new[](std::size_t size) {
    return tidings::test::allocate(size);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
    return tidings::test::allocate(size, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    return tidings::test::allocate_or_null(size);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
    return tidings::test::allocate_or_null(size);
}
void operator delete(void* p) noexcept {
    tidings::test::give_back(p);
}
void operator delete[](void* p) noexcept {
    tidings::test::give_back(p);
}
void operator delete(void* p, std::size_t) noexcept {
    tidings::test::give_back(p);
}
void operator delete[](void* p, std::size_t) noexcept {
    tidings::test::give_back(p);
}
void operator delete(void* p, std::align_val_t) noexcept {
    tidings::test::give_back(p);
}
void operator delete(void* p, std::size_t, std::align_val_t) noexcept {
    tidings::test::give_back(p);
}
