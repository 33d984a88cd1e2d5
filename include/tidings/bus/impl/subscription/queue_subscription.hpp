// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/bounded_queue.hpp>
#include <tidings/bus/impl/group/group_member.hpp>
#include <tidings/bus/impl/queue_mutex.hpp>
#include <tidings/bus/impl/subscription/counted_subscription.hpp>
#include <tidings/bus/impl/subscription/publisher_line.hpp>
#include <tidings/lane/impl/lane.hpp>

#include <mutex>

namespace tidings::detail {

/// A subscription with a bounded queue in the process: publishers push from any thread, one
/// consumer takes. Publishers that wait for room (`overflow::backpressure`) stand in line behind
/// the queue.
class queue_subscription : public counted_subscription, public group_member {
 public:
    /// `m` guards the queue; it may guard others as well.
    queue_subscription(queue_mutex& m, const subscribe_options& options)
        : mutex_(m),
          policy_(options.overflow),
          deadline_(options.backpressure_deadline),
          queue_(options.limits, options.overflow),
          filter_(options.filter),
          takes_(options.filter.empty() ? intake::all : intake::wanted) {}

    /// Takes an event without waiting; drops it where there is no memory. What it drops of others
    /// goes to `gone`. `held` is the lock of the queue that was pushed to before it, and becomes
    /// that of this one.
    outcome push(const event_ptr& e, graveyard& gone,
                 std::unique_lock<queue_mutex>& held) noexcept {
        if (held.mutex() != &mutex_) {
            held = {};  // never two at once
            held = std::unique_lock(mutex_);
        }
        return push_locked(e, gone);
    }
    /// Takes an event; with backpressure waits for room, until the deadline (timed in `l`).
    TIDINGS_DECL void push(const event_ptr& e, std::shared_ptr<delivery_join> join,
                           const std::shared_ptr<lane>& l, graveyard& gone) noexcept;

    /// For a feed that fills the queue: whether there is room, what puts an event there without
    /// regard to the bound. An event for which memory is missing is dropped, and announced.
    TIDINGS_DECL bool has_room() noexcept;
    TIDINGS_DECL void push_fed(const event_ptr& e) noexcept;
    /// Whether publishers wait for room, or would.
    bool full() const noexcept {
        const std::lock_guard lock(mutex_);
        return !waiters_.empty() || !queue_.has_room();
    }
    void count_dropped(std::uint64_t n) noexcept {
        const std::lock_guard lock(mutex_);
        bump(matched, n);
        bump(dropped, n);
    }
    TIDINGS_DECL void enter(pattern_entry& entry, retired_list& gone) override;
    TIDINGS_DECL void leave(pattern_entry& entry, retired_list& gone) noexcept override;
    TIDINGS_DECL std::shared_ptr<feed_sink> sink() override;
    event_filter filter() const noexcept override { return filter_; }
    TIDINGS_DECL void follow(const std::shared_ptr<feed>& source) override;

    // As a member of a queue group, which hands it what it takes.
    TIDINGS_DECL view look(const event_ptr& e, bool calls) noexcept override;
    TIDINGS_DECL bool take_share(const event_ptr& e,
                                 const std::shared_ptr<delivery_join>& join) noexcept override;
    std::chrono::milliseconds patience() const noexcept override {
        return policy_ == overflow::backpressure ? deadline_ : std::chrono::milliseconds();
    }
    TIDINGS_DECL void lose(std::uint64_t count) noexcept override;
    TIDINGS_DECL void announce(std::uint64_t count) noexcept override;
    TIDINGS_DECL std::uint64_t give_up_losses() noexcept override;
    TIDINGS_DECL event_ptr give_up() noexcept override;

 protected:
    /// The queue has something new; called with the mutex held.
    virtual void wake() noexcept = 0;
    /// Whether its consumer has an event in hand; with the mutex held.
    virtual bool at_work() const noexcept = 0;
    /// Puts back what was taken ahead, if this thread will use it; called with the mutex held.
    virtual void put_back_ahead() noexcept {}
    TIDINGS_DECL void on_end(error_code why) noexcept override;
    TIDINGS_DECL void turn_away() noexcept override;
    TIDINGS_DECL void drop_waiting() noexcept override;
    /// The consumer's side; with the mutex held. Null when empty, or where memory is missing.
    TIDINGS_DECL event_ptr take() noexcept;
    /// It has ended, and an event that was taken is not used.
    TIDINGS_DECL void forgo(event_ptr&& e) noexcept;
    /// Undoes it. @throws std::bad_alloc, and nothing has changed
    void untake(event_ptr&& e) { queue_.put_back(std::move(e)); }
    bool more() const noexcept { return !queue_.empty(); }
    std::size_t queued() const noexcept { return queue_.size(); }
    /// Whether the next is an announcement, which says what was dropped until it is used.
    bool announces() const noexcept { return queue_.announces(); }
    /// Whether nothing that its feed still reads is to come; in the bus's lane, with the mutex
    /// held.
    TIDINGS_DECL bool caught_up() const noexcept;

    queue_mutex& mutex_;
    std::uint8_t ahead_ = 0;  // not 0: an event was taken, and its use has perhaps not begun

 private:
    /// What of that which is pushed it takes; nothing where its end is posted.
    enum class intake : std::uint8_t { all, wanted, nothing };
    bool wants(const event_ptr& e) const noexcept {
        return takes_ == intake::all || (takes_ == intake::wanted && filter_.lets_through(*e));
    }
    void miss_locked(std::uint64_t count) noexcept;
    TIDINGS_DECL outcome push_locked(const event_ptr& e, graveyard& gone) noexcept;
    outcome drop_here() noexcept;
    bool wait_for_room(const event_ptr& e, const std::shared_ptr<delivery_join>& join,
                       const std::shared_ptr<lane>& l);
    publisher_line::waiters empty_out() noexcept;
    void empty_out_and_tell(error_code why) noexcept;
    bool may_pass_on() const noexcept;
    void pass_on() noexcept;
    void admit_waiters() noexcept;
    void report_room() noexcept;
    void expire(const publication* e);

    overflow policy_;
    std::chrono::milliseconds deadline_;
    bounded_queue queue_;
    publisher_line waiters_;
    std::weak_ptr<feed> source_;  // to be pumped when there is room again
    bool wants_room_ = false;
    const event_filter filter_;
    intake takes_;
};

}  // namespace tidings::detail
