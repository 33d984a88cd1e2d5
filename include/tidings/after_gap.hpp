// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <cstdint>

namespace tidings {

/// What a subscriber that resumes gets behind a `tidings.gap`: where events between its position
/// and the present are gone, others may still be held.
enum class after_gap : std::uint8_t {
    present,  ///< What is published from now on. The gap's position is the present.
    /// Everything that is held: behind the subscriber's position, or, where that is of another
    /// epoch or cannot be read, all of it. The gap's position lies before the first event that
    /// follows, so that a subscriber that comes back with it goes on there.
    held,
};

}  // namespace tidings
