// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/event_ptr.hpp>
#include <tidings/lane/impl/lane.hpp>

#include <chrono>
#include <list>
#include <memory>
#include <utility>

namespace tidings::detail {

/// Publications whose publishers wait for room (`overflow::backpressure`), in the order of their
/// coming. Guarded by its owner's mutex.
class publisher_line {
 public:
    struct deadline;
    struct waiter {
        event_ptr event;
        std::shared_ptr<delivery_join> join;
        std::shared_ptr<deadline> timer;
        std::shared_ptr<lane> home;
    };
    using waiters = std::list<waiter>;

    bool empty() const noexcept { return waiters_.empty(); }
    const waiter& front() const noexcept { return waiters_.front(); }
    /// Puts one at the end. `expire` is called where its publisher cancels, on any thread, and at
    /// its deadline, in the lane.
    /// @return false where its publisher has cancelled: it does not wait
    /// @throws std::bad_alloc, and nothing has changed
    template <class Expire>
    bool add(const event_ptr& e, const std::shared_ptr<delivery_join>& join,
             const std::shared_ptr<lane>& l, std::chrono::milliseconds after, Expire expire) {
        if (!join->on_cancel(expire)) return false;
        put(e, join, l, after, unique_function<void()>(expire));
        return true;
    }
    /// The first, which has left the line.
    waiters take_front() noexcept { return take(waiters_.begin()); }
    /// The one of this publication, if it is there.
    TIDINGS_DECL waiters take(const publication* e) noexcept;
    waiters take_all() noexcept { return std::exchange(waiters_, {}); }

    /// Once, of one that has left the line: its timer ends in the lane.
    TIDINGS_DECL static void end_timer(waiter& w) noexcept;
    /// The same, and its publication has this outcome.
    static void finish(waiter& w, error_code ec, outcome o) noexcept {
        w.join->finished(ec, o);
        end_timer(w);
    }

 private:
    TIDINGS_DECL void put(const event_ptr& e, const std::shared_ptr<delivery_join>& join,
                          const std::shared_ptr<lane>& l, std::chrono::milliseconds after,
                          unique_function<void()> expire);
    waiters take(waiters::iterator which) noexcept {
        waiters taken;
        taken.splice(taken.begin(), waiters_, which);
        return taken;
    }

    waiters waiters_;
};

}  // namespace tidings::detail
