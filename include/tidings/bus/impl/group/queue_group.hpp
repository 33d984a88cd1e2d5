// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/group/group_member.hpp>
#include <tidings/bus/impl/subscription/publisher_line.hpp>
#include <tidings/lane/impl/lane.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace tidings::detail {

struct pattern_entry;
class queue_groups;

/// Subscriptions that share the events of one pattern: each event goes to one of them. It stands in
/// the bus as one target of the bus's lane, and hands out there, so that a publication knows
/// nothing of groups.
///
/// Of a few members that want the event, beginning with the one whose turn it is, that which has
/// the least to do gets it. Where these are full the others are looked at; where all are full, the
/// rule of the one in turn holds, and under overflow::backpressure the publisher waits for any.
class queue_group final : public lane_target, public std::enable_shared_from_this<queue_group> {
 public:
    queue_group(std::shared_ptr<lane> home, std::string_view name, std::string_view pattern,
                std::weak_ptr<queue_groups> registry)
        : name_(name),
          pattern_(pattern),
          registry_(std::move(registry)),
          home_(std::move(home)) {}

    const std::string& name() const noexcept { return name_; }
    const std::string& pattern() const noexcept { return pattern_; }
    const std::weak_ptr<queue_groups>& registry() const noexcept { return registry_; }
    const std::shared_ptr<lane>& home() const noexcept { return home_; }

    // With the bus's mutex held.
    /// @throws std::bad_alloc, and nothing has changed
    TIDINGS_DECL void enter(pattern_entry& entry, std::shared_ptr<group_member> m);
    TIDINGS_DECL void leave(pattern_entry& entry, const group_member& m) noexcept;
    /// Calls `f(group_member&)` for each.
    template <class F>
    void for_each(F f) const {
        const std::lock_guard lock(mutex_);
        for (const auto& m : members_) f(*m);
    }

    /// A member has left: where it was the last, no publisher waits any more. With no mutex held.
    TIDINGS_DECL void vacate() noexcept;
    /// In the lane: what a member that has ended still holds goes to others, in its order.
    TIDINGS_DECL void hand_on(group_member& from) noexcept;
    /// What happens to an event where every member is full.
    enum class where_full {
        is_dropped,  ///< by the rule of a member
        waits,       ///< if that is overflow::backpressure
        is_lost,     ///< though the rule might drop another, or end the member
    };
    /// In the lane: hands an event to a member.
    TIDINGS_DECL void hand(const event_ptr& e, const std::shared_ptr<delivery_join>& join,
                           where_full rule = where_full::is_dropped) noexcept;
    /// A member has room again. From any thread; needs no memory.
    TIDINGS_DECL void pump_later() noexcept;

    void on_event(const event_ptr& e) noexcept override { hand(e, {}); }
    void on_joined_event(const event_ptr& e, std::shared_ptr<delivery_join> join) noexcept override;
    void on_missed(std::uint64_t count) noexcept override;
    bool exact() const noexcept override { return true; }

 private:
    /// So many members that want an event are looked at while one of them has room.
    static constexpr std::size_t max_looks = 8;

    struct choice {
        std::shared_ptr<group_member> member{};  ///< null: nobody wants it
        bool has_room = false;
    };
    struct pumping final : lane_task {
        void run() noexcept override;
        void drop() noexcept override;
        std::shared_ptr<queue_group> whose{};  // while it is posted
        std::atomic<bool> posted{false};
    };

    choice choose(const event_ptr& e, bool calls) noexcept;
    std::shared_ptr<group_member> in_turn(bool patient) noexcept;
    bool wait_for_room(const event_ptr& e, const std::shared_ptr<delivery_join>& join,
                       std::chrono::milliseconds patience) noexcept;
    void pump() noexcept;
    void expire(const publication* e) noexcept;

    const std::string name_;
    const std::string pattern_;
    const std::weak_ptr<queue_groups> registry_;
    const std::shared_ptr<lane> home_;
    pumping pumping_;
    mutable std::mutex mutex_;  // guards what follows; taken before the mutex of a member
    std::vector<std::shared_ptr<group_member>> members_;
    std::size_t next_ = 0;  // whose turn it is
    publisher_line line_;
};

}  // namespace tidings::detail
