// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/outlet/impl/reviewer.hpp>
#include <tidings/outlet/live_session.hpp>

#include <memory>
#include <string>
#include <vector>

namespace tidings::detail {

class live_state;

/// How long a live session may stay, and with which patterns. Lane-confined, a member of its
/// session's state.
class live_access final : public http::detail::reviewer {
 public:
    explicit live_access(live_state& session);

    /// The session has begun. It goes on by `live_state::go_on`: after a recheck, where one has
    /// begun since it was allowed, which may not have found it.
    void begin(live_start what);
    /// The principal as the last recheck found it.
    const tidings::principal& caller() const noexcept;
    /// The session says goodbye: nothing expires any more.
    void stop_watching() noexcept;
    /// The session has ended. What has functions of the user's, one of which may be the caller,
    /// stays until `drop`.
    void stop() noexcept;
    /// Releases everything.
    void drop() noexcept;

 private:
    void apply(http::detail::review found) noexcept override;
    subject review_subject() override;
    void go_on() noexcept;
    void narrow(const std::vector<std::string>& lost);
    void revoke_all(error_code why) noexcept;
    void watch(const http::detail::expiry_time& end);
    void watch_expiry() noexcept;
    void on_expiry();

    struct expiry {
        explicit expiry(live_access& access);
        http::detail::wheel_timer timer;
        http::detail::expiry_time at{};
    };

    live_state& session_;
    std::unique_ptr<expiry> expiry_;  // null: what it may have never ends
    std::shared_ptr<const http::detail::stream_license> license_;
    std::unique_ptr<tidings::principal> rechecked_;
    std::unique_ptr<live_start> start_;  // of one that is asked for again before it goes on
};

}  // namespace tidings::detail
