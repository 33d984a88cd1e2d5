// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/lane.hpp>

#include <boost/asio/post.hpp>

#include <memory>
#include <new>
#include <utility>

namespace tidings::detail {

/// A deleter for what has timers or an exchange of a lane: wherever it is let go of, as by a
/// user's class that drops a handler, it ends in the lane.
struct end_in_lane {
    std::shared_ptr<lane> home;

    template <class T>
    void operator()(T* ended) const noexcept {
        std::unique_ptr<T> owned(ended);
        if (home->running_here()) return;
        try {
            net::post(home->executor(), [o = std::move(owned)] {});
        } catch (const std::bad_alloc&) {
            return;  // it has ended here
        }
    }
};

}  // namespace tidings::detail
