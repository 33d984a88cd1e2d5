// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <atomic>
#include <cstddef>
#include <new>

namespace tidings::detail {

/// Memory for what must be posted where there is no other: what waits for it may be all that would
/// release some. Kept for the whole process, filled by each turn of a lane. Safe from any thread.
class turn_reserve {
 public:
    TIDINGS_DECL static turn_reserve& of_process() noexcept;

    /// Gives it to the heap. Whether there was some.
    bool release() noexcept { return free(block_.exchange(nullptr)); }
    void fill() noexcept {
        if (block_.load(std::memory_order_relaxed) == nullptr)
            free(block_.exchange(::operator new(bytes, std::nothrow)));
    }

 private:
    static constexpr std::size_t bytes = 4096;
    static bool free(void* block) noexcept {
        ::operator delete(block);
        return block != nullptr;
    }
    std::atomic<void*> block_{nullptr};
};

}  // namespace tidings::detail
