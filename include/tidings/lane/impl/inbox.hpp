// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/lane/impl/lane_target.hpp>
#include <tidings/lane/impl/lane_task.hpp>
#include <tidings/overflow.hpp>
#include <tidings/unique_function.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <variant>
#include <vector>

namespace tidings::detail {

/// What was handed to a lane and is taken by its next turn, in the order of its coming. A lane has
/// an `inbox_pair`. What threads fill and what the lane reads have no cache line in common.
class alignas(64) inbox {
 public:
    /// @param side 0 or 1, which tells a lane's two apart
    explicit inbox(unsigned side) noexcept : side_(side) {}
    inbox(const inbox&) = delete;
    TIDINGS_DECL ~inbox();

    bool empty() const noexcept {
        return letters_.empty() && first_missed_ == nullptr && tasks_ == nullptr;
    }
    /// Whether so much waits already, by footprint; and from the first on that had no place, so
    /// that none overtakes what is missed.
    bool full(const queue_limits& most) const noexcept {
        return publications_ >= most.max_events || bytes_ >= most.max_bytes ||
               first_missed_ != nullptr;
    }

    /// One letter for all lists of a publication. @throws std::bad_alloc, and nothing is changed
    TIDINGS_DECL void add(const event_ptr& e, std::span<const lane_stop> stops,
                          std::uint64_t ticket, const std::shared_ptr<delivery_join>& join);
    /// @throws std::bad_alloc, and `f` is as it was
    void add(unique_function<void()>&& f) { letters_.emplace_back(std::move(f)); }
    TIDINGS_DECL void add(lane_task& t) noexcept;
    /// Takes the publication or the call back that was added last: there is no turn for it. A call
    /// goes to `call`, so that it does not end with the mutex held.
    TIDINGS_DECL void take_back(unique_function<void()>& call) noexcept;
    /// Notes a publication that has no place, for each target once. Only a join that waits for what
    /// the history brings takes memory; without it the publication is missed there.
    /// @return in how many places of the lists stand targets that never get it
    TIDINGS_DECL std::size_t miss(const event_ptr& e, std::span<const lane_stop> stops,
                                  std::uint64_t ticket,
                                  const std::shared_ptr<delivery_join>& join) noexcept;

    /// Hands everything out and is empty then. Whether there were publications.
    TIDINGS_DECL bool deliver() noexcept;

 private:
    static constexpr std::size_t max_burst = 64;

    /// A part of `lists_`.
    struct range {
        std::size_t first = 0, count = 0;
        bool of_one_family = false;
        friend bool operator==(const range&, const range&) = default;
    };
    struct publication_letter {
        event_ptr event;
        range lists;
        std::uint64_t ticket;
        std::shared_ptr<delivery_join> join;
    };
    /// For the exact targets in the lists that refill, behind the note of what they missed.
    struct awaited_letter {
        std::uint64_t sequence;
        range lists;
        std::uint64_t ticket;
        std::shared_ptr<delivery_join> join;
    };
    /// Misses are no letters: they must be noted where there is no memory, too.
    using letter = std::variant<publication_letter, unique_function<void()>, awaited_letter>;

    range keep_lists(std::span<const lane_stop> stops);
    bool await(const event_ptr& e, std::span<const lane_stop> stops, std::uint64_t ticket,
               const std::shared_ptr<delivery_join>& join) noexcept;
    std::shared_ptr<lane_target> next_missed(lane_target::misses& what) noexcept;
    std::size_t next_mark() const noexcept;
    std::size_t burst_at(std::size_t first, std::size_t end) const noexcept;
    void deliver_letters(std::size_t first, std::size_t end) noexcept;
    void deliver(const publication_letter& l) const noexcept;
    void deliver(const awaited_letter& l) const noexcept;
    void deliver_burst(std::size_t first, std::size_t end) const noexcept;
    void deliver_misses() noexcept;
    lane_task* next_task() noexcept;
    static bool first_time(lane_target& t, std::uint64_t ticket) noexcept;

    const unsigned side_;
    std::vector<letter> letters_;
    std::vector<std::shared_ptr<const lane_targets>> lists_;  // of the letters
    range last_;  // the lists of the publication that came last
    std::size_t publications_ = 0;
    std::size_t bytes_ = 0;
    std::shared_ptr<lane_target> first_missed_;  // each target names the next
    lane_target* last_missed_ = nullptr;
    std::size_t missed_at_ = 0;  // before which letter the first was missed
    lane_task* tasks_ = nullptr;
    lane_task* last_task_ = nullptr;
};

}  // namespace tidings::detail
