// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>
#include <tidings/event_ptr.hpp>
#include <tidings/lane/impl/delivery_join.hpp>

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>

namespace tidings::detail {

/// What waits for events that a feed has still to push, in the order of their coming. Not
/// thread-safe but for `used`.
class awaited_joins {
 public:
    /// @param e null where the lane had no place for it
    /// @param sequence 0: no history holds it
    /// @return false where memory is missing
    TIDINGS_DECL bool add(const publication* e, std::uint64_t sequence,
                          const std::shared_ptr<delivery_join>& join) noexcept;
    /// Whether `add` was called. From any thread.
    bool used() const noexcept { return used_; }
    /// What waits for this event, or null. A replayed one may be another block than that which the
    /// lane brought.
    TIDINGS_DECL std::shared_ptr<delivery_join> take(const event_ptr& e) noexcept;
    /// The feed has ended.
    TIDINGS_DECL void close() noexcept;
    /// The events of the history up to this one that were not taken are missed.
    TIDINGS_DECL void miss_through(std::uint64_t sequence) noexcept;
    /// What no history holds is missed, unless `still` says that it is still to come.
    template <class Still>
    void miss_unless(Still still) noexcept {
        waiting_.remove_if([&](const waiting& w) {
            const bool gone = w.sequence == 0 && !still(w.event);
            if (gone) w.join->finished(errc::missed, outcome::dropped);
            return gone;
        });
    }

 private:
    struct waiting {
        const publication* event;
        std::uint64_t sequence;
        std::shared_ptr<delivery_join> join;
    };
    std::list<waiting> waiting_;
    std::atomic<bool> used_{false};
};

}  // namespace tidings::detail
