// SPDX-License-Identifier: BSL-1.0
#pragma once

namespace tidings::detail {

/// What collects bytes during a turn of the lane and sends them at its end.
class flushable {
 public:
    virtual ~flushable() = default;
    /// Called in the lane once per turn in which `lane::schedule_flush` was called for it.
    virtual void flush() noexcept = 0;

 protected:
    /// In the lane: whether it is on the list already.
    bool is_scheduled() const noexcept { return scheduled_; }

 private:
    friend class lane;
    bool scheduled_ = false;
};

}  // namespace tidings::detail
