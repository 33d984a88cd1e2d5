// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/subscription/target_subscription.hpp>
#include <tidings/lane/impl/lane_target.hpp>
#include <tidings/overflow.hpp>

namespace tidings::detail {

/// Delivers to a subscriber what its lane gets, on a bus without a history: there is nothing to
/// read on from, so that a feed would pass every event on, and take more memory than all the rest.
class direct_subscription final : public target_subscription, public lane_target {
 public:
    /// @param policy disconnect: it ends where it misses an event
    direct_subscription(std::shared_ptr<lane> l, std::shared_ptr<subscriber> s, log_sink log,
                        std::string_view pattern, event_filter filter, tidings::overflow policy)
        : target_subscription(std::move(l), std::move(s), std::move(log)),
          pattern_(pattern),
          filter_(std::move(filter)),
          policy_(policy) {}

    bool outlet() const noexcept override { return false; }  // that a feed has to serve
    event_filter filter() const noexcept override { return filter_; }
    void enter(pattern_entry& entry, retired_list& gone) override;
    void leave(pattern_entry& entry, retired_list& gone) noexcept override;

    void on_event(const event_ptr& e) noexcept override;
    void on_joined_event(const event_ptr& e, std::shared_ptr<delivery_join> join) noexcept override;
    void on_missed(std::uint64_t count) noexcept override;
    bool exact() const noexcept override { return true; }
    void on_bus_closed() noexcept override { end(errc::closed); }

    void on_dropped(std::uint64_t count) noexcept override { note_dropped(count, pattern_); }

 private:
    const std::string pattern_;
    const event_filter filter_;
    const tidings::overflow policy_;
};

}  // namespace tidings::detail
