// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/event_ptr.hpp>
#include <tidings/lane/impl/delivery_join.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace tidings::detail {

/// A subscription as its queue group sees it. Called in the bus's lane, unless a function says
/// otherwise.
class group_member {
 public:
    virtual ~group_member() = default;

    /// How it stands towards an event.
    struct view {
        bool takes = false;     ///< it has not ended and wants the event
        bool has_room = false;  ///< without dropping anything
        std::size_t load = 0;   ///< events that wait in it, and one where it is at work
    };
    /// `calls`: where it has no room, it calls `queue_group::pump_later` once it has some.
    virtual view look(const event_ptr& e, bool calls) noexcept = 0;
    /// Takes the event, where it has no room by its own overflow rule. False: it has ended, and
    /// nothing has happened.
    virtual bool take_share(const event_ptr& e,
                            const std::shared_ptr<delivery_join>& join) noexcept = 0;
    /// How long a publisher waits where it has no room. From any thread.
    virtual std::chrono::milliseconds patience() const noexcept { return {}; }
    /// So many events of the group are lost: it counts and announces them. From any thread where it
    /// has patience.
    virtual void lose(std::uint64_t count) noexcept = 0;
    /// So many that another counted are lost: it announces them.
    virtual void announce(std::uint64_t count) noexcept = 0;
    /// Of one that has ended: how many it lost and has not announced. From any thread.
    virtual std::uint64_t give_up_losses() noexcept { return 0; }
    /// Of one that has ended: the next event that it still holds, or null. From any thread.
    virtual event_ptr give_up() noexcept { return {}; }
};

}  // namespace tidings::detail
