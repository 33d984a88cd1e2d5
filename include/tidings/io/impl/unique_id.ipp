// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/impl/unique_id.hpp>
#include <tidings/io/random.hpp>

#include <atomic>
#include <cstdio>

namespace tidings::detail {

std::string unique_id() {
    static const std::uint64_t process = io::system_random().next();
    static std::atomic<std::uint64_t> counter{0};
    char text[40];
    const int n = std::snprintf(
        text, sizeof text, "%016llx-%llx", static_cast<unsigned long long>(process),
        static_cast<unsigned long long>(counter.fetch_add(1, std::memory_order_relaxed) + 1));
    return std::string(text, static_cast<std::size_t>(n));
}

}  // namespace tidings::detail
