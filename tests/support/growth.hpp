// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/catch2.hpp"

#include <malloc.h>
#include <unistd.h>
#include <algorithm>
#include <cstddef>
#include <fstream>

namespace tidings::test {

inline constexpr std::size_t mebibyte = 1024 * 1024;

// A sanitizer keeps what was freed.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool measures_memory = false;
#elif defined(__has_feature)
inline constexpr bool measures_memory =
    !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer);
#else
inline constexpr bool measures_memory = true;
#endif

inline std::size_t resident() {
    malloc_trim(0);
    std::size_t virtual_pages = 0, pages = 0;
    std::ifstream("/proc/self/statm") >> virtual_pages >> pages;
    return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

/// How far the process grows beyond what it was at first.
class growth {
 public:
    void look() {
        const auto now = resident();
        most_ = std::max(most_, now - std::min(now, before_));
    }
    void check(std::size_t limit) const {
        CAPTURE(most_ / mebibyte, limit / mebibyte);
        CHECK((!measures_memory || most_ <= limit + limit / 4 + 64 * mebibyte));
    }

 private:
    const std::size_t before_ = resident();
    std::size_t most_ = 0;
};

}  // namespace tidings::test
