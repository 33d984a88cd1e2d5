// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>

namespace tidings::store::detail {

/// Whether so much has passed since `then`, whatever the age: a sum with the longest would wrap.
template <class Time>
bool is_of_age(Time then, std::chrono::milliseconds age, Time now) noexcept {
    return std::chrono::floor<std::chrono::milliseconds>(now - then) >= age;
}

}  // namespace tidings::store::detail
