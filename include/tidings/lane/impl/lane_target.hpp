// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/event_ptr.hpp>
#include <tidings/lane/impl/delivery_join.hpp>

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace tidings::detail {

class lane;

/// What lives in a lane and takes events there. Calls may come after it ended; it ignores them.
class lane_target {
 public:
    virtual ~lane_target() = default;
    /// Called in the lane, one at a time.
    virtual void on_event(const event_ptr& e) noexcept = 0;
    /// The same for `async_publish`.
    virtual void on_joined_event(const event_ptr& e, std::shared_ptr<delivery_join> join) noexcept {
        on_event(e);
        join->finished({}, outcome::queued);
    }
    /// `count` events for it did not fit into the lane's inbox.
    virtual void on_missed(std::uint64_t count) noexcept = 0;
    /// Whether what it misses of events that the bus's history holds reaches it all the same.
    virtual bool refills() const noexcept { return false; }
    /// Whether it must have every event: `async_publish` fails where it does not get one, and waits
    /// for one that it gets later. As `refills` asked on any thread, and never changes.
    virtual bool exact() const noexcept { return false; }
    /// It missed `count` such events, the last of which had the sequence `through`.
    virtual void on_missed_kept(std::uint64_t count, std::uint64_t /*through*/) noexcept {
        on_missed(count);
    }
    /// Of an exact one that refills: it missed the event with this sequence, for which `join`
    /// waits. After `on_missed_kept`.
    virtual void on_missed_joined(std::uint64_t /*sequence*/,
                                  std::shared_ptr<delivery_join> join) noexcept {
        join->finished({}, outcome::queued);
    }
    /// The bus was closed: no event comes any more.
    virtual void on_bus_closed() noexcept {}

 private:
    friend class inbox;
    /// What it missed of one inbox, which lists it then.
    struct misses {
        std::uint64_t last_ticket = 0;  // 0: it is in no list
        std::uint64_t lost = 0;
        std::uint64_t kept = 0;
        std::uint64_t kept_through = 0;
        std::shared_ptr<lane_target> next{};
    };

    std::uint64_t last_ticket_ = 0;  // of the newest publication that came to it
    std::array<misses, 2> missed_;   // one for each inbox of the lane, and guarded like that
};

using lane_targets = std::vector<std::shared_ptr<lane_target>>;

/// On the way of a publication: a list of targets that live in one lane.
struct lane_stop {
    lane* home;
    const std::shared_ptr<const lane_targets>* targets;
    const void* family;     ///< its pattern
    std::size_t place = 0;  ///< among those of the publication
};

}  // namespace tidings::detail
