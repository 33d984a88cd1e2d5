// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/lane/impl/lane.hpp>

#include <memory>
#include <new>

namespace tidings::detail {

/// Stands in a completion handler for what waits for it in a lane. A handler may be destroyed
/// without a call, where Asio finds no memory to pass it on: then `on_lost` is called in the lane.
template <class T>
class lane_wait {
 public:
    lane_wait(std::weak_ptr<T> who, std::shared_ptr<lane> home) noexcept
        : who_(std::move(who)),
          home_(std::move(home)) {}
    lane_wait(lane_wait&&) noexcept = default;
    lane_wait& operator=(lane_wait&&) = delete;
    ~lane_wait() {
        if (!home_ || who_.expired()) return;
        try {
            home_->post([who = std::move(who_)] {
                if (const auto waits = who.lock()) waits->on_lost();
            });
        } catch (const std::bad_alloc&) {
            return;
        }
    }

    /// The handler is called. Null where nothing waits any more.
    std::shared_ptr<T> arrived() noexcept {
        home_.reset();
        return who_.lock();
    }

 private:
    std::weak_ptr<T> who_;
    std::shared_ptr<lane> home_;
};

}  // namespace tidings::detail
