// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/event_ptr.hpp>
#include <tidings/impl/finds_memory.hpp>
#include <tidings/lane/impl/lane.hpp>
#include <tidings/receipt.hpp>

#include <memory>
#include <utility>

namespace tidings::detail {

/// Waits for the receipt of one publication in a lane. It is made before the publication, so that
/// the receipt needs no memory to come there. Wherever its owner releases it, on any thread, it
/// ends in the lane, or with the context.
class publish_waiter : private lane_task {
    struct release {
        void operator()(publish_waiter* w) const noexcept {
            const auto home = w->home_;  // which the waiter may end with, once it is posted
            if (home->certainly_here())
                delete w;
            else
                home->post(*w);
        }
    };

 public:
    using owner = std::unique_ptr<publish_waiter, release>;

    explicit publish_waiter(std::shared_ptr<lane> home) noexcept : home_(std::move(home)) {}

    /// Calls `on_receipt` with the result in the lane, later, and ends the waiter.
    static void post(owner w) noexcept {
        w->completed_ = true;
        const auto home = w->home_;
        home->post(*w.release());
    }
    /// The same inside the call, in the lane.
    void complete_here() { on_receipt(result_); }
    /// Before it completes: the bus's publication, null where there is none.
    void set_event(event_ptr e) noexcept { event_ = std::move(e); }
    void set_result(receipt&& r) noexcept { result_ = std::move(r); }

 protected:
    virtual ~publish_waiter() = default;
    /// Called in the lane, at most once. @throws std::bad_alloc
    virtual void on_receipt(const receipt& r) = 0;
    const event_ptr& event() const noexcept { return event_; }

 private:
    void run() noexcept override {
        if (completed_) finds_memory([this] { on_receipt(result_); });
        delete this;
    }
    void drop() noexcept override { delete this; }

    const std::shared_ptr<lane> home_;
    event_ptr event_{};
    receipt result_{};
    bool completed_ = false;
};

}  // namespace tidings::detail
