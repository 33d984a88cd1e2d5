// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/queue_mutex.hpp>
#include <tidings/bus/impl/subscription/post_memory.hpp>
#include <tidings/event_ptr.hpp>
#include <tidings/impl/context_end.hpp>
#include <tidings/lane/impl/lane_task.hpp>

#include <boost/intrusive/list.hpp>

#include <array>
#include <memory>
#include <mutex>
#include <thread>

namespace tidings::detail {

class callback_subscription;
class lane;

using posting_hook =
    boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

/// Where the callbacks of one bus and one executor are called: a burst costs one post for all of
/// them. A turn takes one event of each that has some, calls them one after another, and begins
/// again, until none has any. The mutex guards their queues.
class posting_lane final : public std::enable_shared_from_this<posting_lane> {
 public:
    /// @param home asks for a turn again where there was no memory to post it
    TIDINGS_DECL posting_lane(net::any_io_executor executor, std::shared_ptr<lane> home);

    queue_mutex& mutex() noexcept { return mutex_; }
    const std::shared_ptr<lane>& home() const noexcept { return home_; }
    const net::any_io_executor& executor() const noexcept { return executor_; }
    bool runs_on(const net::any_io_executor& other) noexcept {
        const std::lock_guard lock(mutex_);
        return executor_ == other;
    }

    // With the mutex held from here.

    /// One that is not called has something in its queue.
    TIDINGS_DECL void wake(callback_subscription& s) noexcept;
    /// Inside another call of this turn: what was taken for this one goes back into its queue, so
    /// that its bound and its policy are as if it had not been taken.
    TIDINGS_DECL void put_back_ahead(callback_subscription& s) noexcept;
    /// One that is called has ended: `callback_subscription::finish` follows once it is not called
    /// any more.
    TIDINGS_DECL void end_after_call(callback_subscription& s) noexcept;
    /// The context is gone.
    void release() noexcept { executor_ = turns_ = ended_executor(); }

 private:
    using list =
        boost::intrusive::list<callback_subscription, boost::intrusive::base_hook<posting_hook>,
                               boost::intrusive::constant_time_size<false>>;
    struct call {
        callback_subscription* whose = nullptr;
        event_ptr event{};
    };
    /// What is taken out of queues at once, one event of each.
    struct calls {
        std::array<call, 64> some{};
        std::size_t count = 0;
        std::size_t at = 0;  // which is called; of the turn's thread alone
    };
    /// After so many calls a turn lets others run.
    static constexpr std::size_t max_calls = 1024;

    void run() noexcept;
    bool next(calls& c) noexcept;
    void put_back(const calls& c) noexcept;
    void take(calls& c) noexcept;
    void post_turn() noexcept;

    /// A turn that is to be posted again.
    struct retry final : lane_task {
        void run() noexcept override;
        void drop() noexcept override { const auto last = std::move(whose); }
        std::shared_ptr<posting_lane> whose;
    };

    const std::shared_ptr<lane> home_;
    queue_mutex mutex_;  // guards what follows
    net::any_io_executor executor_;
    net::any_io_executor turns_;  // the same; never runs inside a call
    list waiting_;                // to be called in this turn
    list later_;                  // in the next one
    list ended_;                  // in a call
    std::size_t called_ = 0;      // in this turn
    std::uint64_t turn_ = 0;
    calls* under_way_ = nullptr;
    std::thread::id here_{};  // where they are called
    bool posted_ = false;     // a turn is posted or to be, or runs
    retry again_;
    alignas(std::max_align_t) std::byte turn_memory_[post_allocator<std::byte>::bytes];
};

/// The posting lanes of a bus, few of which are remembered: what is bound to yet another executor
/// has a lane of its own.
class posting_lanes {
 public:
    TIDINGS_DECL std::shared_ptr<posting_lane> of(const net::any_io_executor& executor,
                                                  const std::shared_ptr<lane>& home);

 private:
    std::mutex mutex_;  // guards what follows
    std::array<std::weak_ptr<posting_lane>, 8> known_;
    std::size_t next_ = 0;  // place to be used again
};

}  // namespace tidings::detail
