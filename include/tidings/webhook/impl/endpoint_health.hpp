// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/outbox_endpoint.hpp>
#include <tidings/webhook/health_options.hpp>
#include <tidings/webhook/impl/in_flight_window.hpp>

#include <utility>

namespace tidings::webhook::detail {

/// What the attempts of one endpoint say about it: how many it may have in flight, until when it is
/// spared, whether it is disabled. A state machine without I/O; its row outlives the process.
class endpoint_health {
 public:
    using time = store::outbox_time;
    enum class answer {
        success,
        slow,         ///< success by its status, but the rest of the answer did not come in time
        rejected,     ///< answered, and not taken: 3xx, 4xx but 408 and 429
        failing,      ///< 408, 5xx but 503
        overloaded,   ///< 429, 503
        unreachable,  ///< no answer: refused, reset, timed out
    };
    enum class change {
        none,
        opened,     ///< the circuit: nothing is sent before `waits_until`
        closed,     ///< the circuit
        disabled,   ///< for `row().disabled`
        recovered,  ///< it was disabled, and is not any more
    };

    endpoint_health(const health_options& options, std::size_t max_in_flight)
        : options_(options),
          window_(max_in_flight) {}

    /// What an outbox has of it.
    void load(store::outbox_health row) noexcept { row_ = std::move(row); }
    store::outbox_health& row() noexcept { return row_; }
    const store::outbox_health& row() const noexcept { return row_; }
    void limit(std::size_t max_in_flight) noexcept { window_.limit(max_in_flight); }

    change on_answer(answer a, time now);
    /// It asked to be left alone until then.
    void pause(time until) noexcept { row_.paused_until = std::max(row_.paused_until, until); }
    /// An attempt did not get beyond the proxy, which says nothing about the endpoint. Gives how
    /// often in a row that is so: what was under way when the wait began is one with it.
    std::uint32_t on_proxy_failure(time now) noexcept;
    void wait_for_proxy(time until) noexcept { proxy_until_ = std::max(proxy_until_, until); }
    /// Whether the last attempt did not get beyond the proxy.
    bool lacks_proxy() const noexcept { return proxy_failures_ != 0; }
    /// Another endpoint has reached it: the wait ends, where it is 5 s since the last failure, and
    /// twice as much each time that such an end was in vain. Whether it still waits.
    bool end_proxy_wait(time now) noexcept;
    void disable(error_code why, std::string reason, time now);
    /// As if it had never failed.
    void enable() noexcept;

    bool is_disabled() const noexcept { return static_cast<bool>(row_.disabled); }
    /// Whether it succeeded lately, and not failed since.
    bool is_proven(time now) const noexcept {
        return row_.failures == 0 && row_.last_success &&
               *row_.last_success + options_.proven_for > now;
    }
    /// When something may be sent; a time that has passed: now.
    time waits_until() const noexcept;
    /// Whether one attempt at a time is to show how it does.
    bool is_probed() const noexcept { return row_.trips != 0 || is_disabled(); }
    /// How many attempts may be in flight at once, when it does not wait.
    std::size_t max_in_flight() const noexcept {
        return is_probed() || lacks_proxy() ? 1 : window_.size();
    }

 private:
    void forgive() noexcept;
    change on_success(answer a, time now);
    change on_failure(answer a, time now);

    health_options options_;
    in_flight_window window_;
    store::outbox_health row_{};
    std::uint32_t broken_ = 0;  // in a row, of the failures that open the circuit
    // Not stored: a sender that begins anew asks the proxy at once.
    std::uint32_t proxy_failures_ = 0;
    std::uint32_t proxy_waits_ended_ = 0;
    time proxy_until_{}, proxy_failed_at_{};
};

}  // namespace tidings::webhook::detail
