// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>

namespace tidings::detail {

/// What is due in a lane and needs no memory to be posted there: a member or base of what it is
/// about. In one lane at a time; once it has run or was dropped it may be posted again.
class lane_task {
 public:
    lane_task() = default;
    lane_task(const lane_task&) = delete;
    lane_task& operator=(const lane_task&) = delete;
    /// Called in the lane. It may destroy the task.
    virtual void run() noexcept = 0;
    /// Called instead once the context is gone, on any thread.
    virtual void drop() noexcept = 0;

 protected:
    ~lane_task() = default;

 private:
    friend class inbox;
    lane_task* next_ = nullptr;
    std::size_t at_ = 0;  // before which letter it is due
};

}  // namespace tidings::detail
