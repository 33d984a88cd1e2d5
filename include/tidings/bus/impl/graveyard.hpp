// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/event_ptr.hpp>

#include <vector>

namespace tidings::detail {

/// Events that were released under a lock. A C++ value in an event (`event::of`) is destroyed by
/// the user's code, which may call the library: such an event goes with this object, which outlives
/// the lock. Others go at once.
class graveyard {
 public:
    /// @throws std::bad_alloc, and `e` is as it was
    void take(event_ptr&& e) {
        if (e && e->event().native())
            events_.push_back(std::move(e));
        else
            e = {};
    }

 private:
    std::vector<event_ptr> events_;
};

}  // namespace tidings::detail
