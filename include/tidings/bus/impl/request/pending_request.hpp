// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/completion_handler.hpp>
#include <tidings/event_ptr.hpp>
#include <tidings/lane/impl/lane.hpp>

#include <list>
#include <memory>
#include <mutex>

namespace tidings::detail {

class request_desk;
using request_handler = completion_handler<error_code, event_ptr>;

/// One `bus::async_request` until it completes: by an answer, its deadline, a cancellation, or the
/// end of the bus, whichever is first. Safe from any thread. As a task of the lane it takes its
/// timer away, which is used there alone.
class pending_request final : public lane_task,
                              public std::enable_shared_from_this<pending_request> {
 public:
    using place = std::list<std::shared_ptr<pending_request>>::iterator;

    TIDINGS_DECL pending_request(std::shared_ptr<lane> home, std::weak_ptr<request_desk> desk,
                                 request_handler handler);

    /// Once: its time begins, and it may be cancelled. @throws std::bad_alloc
    TIDINGS_DECL void start(std::chrono::milliseconds timeout);
    /// False where it is complete already.
    TIDINGS_DECL bool complete(error_code ec, event_ptr answer = {}) noexcept;
    bool waits() const noexcept {
        const std::lock_guard lock(mutex_);
        return static_cast<bool>(handler_);
    }
    /// The context of the bus is gone: it never completes.
    TIDINGS_DECL void abandon() noexcept;

    void run() noexcept override {
        const auto last = std::move(posted_);
        deadline_.cancel();
    }
    void drop() noexcept override { const auto last = std::move(posted_); }

 private:
    friend class request_desk;
    request_handler take_handler() noexcept;

    const std::shared_ptr<lane> lane_;
    const std::weak_ptr<request_desk> desk_;
    wheel_timer deadline_;                     // lane-confined
    std::shared_ptr<pending_request> posted_;  // itself
    mutable std::mutex mutex_;
    request_handler handler_;  // guarded by mutex_; null once it is complete
    bool started_ = false;     // guarded by mutex_
    bool listed_ = false;      // guarded by the desk's mutex, as the next
    place place_{};
};

}  // namespace tidings::detail
