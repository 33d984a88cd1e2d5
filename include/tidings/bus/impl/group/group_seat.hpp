// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/group/group_member.hpp>
#include <tidings/bus/impl/group/queue_group.hpp>
#include <tidings/event_filter.hpp>
#include <tidings/lane/impl/lane_task.hpp>

#include <atomic>

namespace tidings::detail {

/// A subscription's place in a queue group, and the task that empties the subscription once it has
/// ended.
class group_seat final : public lane_task {
 public:
    group_seat(std::shared_ptr<queue_group> g, event_filter f) noexcept
        : group_(std::move(g)),
          filter_(std::move(f)) {}

    queue_group& group() const noexcept { return *group_; }
    const event_filter& filter() const noexcept { return filter_; }
    bool wants(const event_ptr& e) const noexcept { return filter_.lets_through(*e); }
    /// Its subscription has left the bus. Once; with no mutex held.
    TIDINGS_DECL void leave() noexcept;
    /// What `whose` holds, which has ended, goes to other members in the lane. From any thread,
    /// with no mutex held; needs no memory.
    TIDINGS_DECL void pass_on(std::shared_ptr<group_member> whose) noexcept;

    void run() noexcept override;
    void drop() noexcept override;

 private:
    std::shared_ptr<group_member> take_owner() noexcept;

    const std::shared_ptr<queue_group> group_;
    const event_filter filter_;
    std::atomic<bool> posted_{false};
    std::shared_ptr<group_member> whose_;  // while it is posted
};

}  // namespace tidings::detail
