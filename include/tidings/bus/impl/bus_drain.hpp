// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/bus_state.hpp>

namespace tidings::detail {

/// The end of a bus that loses nothing: callbacks and receivers go on, and what they publish is
/// accepted, until nothing waits in any subscription, nor in the history for a subscription that
/// reads it, nor for its commit, or the deadline passes; then they end with errc::closed and the
/// bus refuses publications with errc::shutting_down. Streams stay, for their servers to flush.
/// Confined to the bus's lane; the bus owns it, and is kept alive by it until the end.
class bus_drain : public std::enable_shared_from_this<bus_drain> {
 public:
    using handler = unique_function<void(error_code)>;

    TIDINGS_DECL explicit bus_drain(std::shared_ptr<bus_state> bus);
    /// `done` is called at the end: success, or errc::timed_out.
    TIDINGS_DECL void add(handler done);

 private:
    using subscriptions = std::vector<std::shared_ptr<subscription_state>>;
    /// While it drains a bus is looked at so often.
    static constexpr std::chrono::milliseconds interval{20};

    /// What a look at the bus found.
    struct sight {
        std::uint64_t dispatched = 0;
        subscriptions all{};
        std::size_t busy = 0;
        bool appending = false;
        bool idle() const noexcept { return busy == 0 && !appending; }
    };
    sight look() const;
    void check();
    void check_now();
    void check_again(std::uint64_t dispatched);
    void wait();
    void finish(const subscriptions& all, error_code ec);

    std::shared_ptr<bus_state> bus_;
    std::vector<handler> done_;
    wheel_timer timer_;
    io::steady_time deadline_;
};

}  // namespace tidings::detail
