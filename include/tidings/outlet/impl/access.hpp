// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/clock.hpp>
#include <tidings/outlet/access.hpp>
#include <tidings/outlet/impl/question.hpp>

#include <algorithm>
#include <atomic>
#include <optional>
#include <string>
#include <vector>

namespace tidings::http::detail {

using expiry_time = std::optional<io::system_time>;

/// The earlier of the two; an empty one is never.
inline expiry_time earlier(expiry_time a, expiry_time b) noexcept {
    return a && b ? std::min(*a, *b) : (a ? a : b);
}

inline bool has_expired(const expiry_time& when, const io::clock& clock) noexcept {
    return when && *when <= clock.wall_now();
}

/// Arms the timer for that time, or for a part of the way there: the wall clock may be set, so it
/// is looked at again when the timer fires.
TIDINGS_DECL void arm_expiry(wheel_timer& t, tidings::detail::timer_wheel& wheel,
                             const expiry_time& when) noexcept;

/// What an authorizer said of several topics.
struct permissions {
    std::vector<std::string> denied{};
    expiry_time expires{};  ///< the first, of those that are granted
    error_code error{};     ///< there was no answer
};

/// What is to be asked of an authorizer.
struct permissions_wanted {
    tidings::principal principal{};
    tidings::action action = action::subscribe;
    std::vector<std::string> topics{};
    bool all = false;  ///< not only until the first that is denied
    when_full full = when_full::refuse;
    std::string from{};  ///< `asker_at`, of a principal without a name
};

/// The access to one service, behind its handles. Safe from any thread.
class access_state {
 public:
    TIDINGS_DECL explicit access_state(stream_policy policy);

    const stream_policy& policy() const noexcept { return policy_; }
    const tidings::authenticator& authenticator() const noexcept { return policy_.authenticator; }
    const tidings::authorizer& authorizer() const noexcept { return policy_.authorizer; }

    /// In the lane: identifies. `done` is called at once where the authenticator is a plain
    /// function, else later, in the lane; so it is for `permit`. What is returned is null then, and
    /// where there is no room to ask: errc::too_many.
    /// `from`: `asker_at`
    TIDINGS_DECL std::shared_ptr<question> identify(
        const std::shared_ptr<lane>& home, owned_credentials c, const std::string& from,
        when_full full, unique_function<void(error_code, principal)> done) const;
    /// One after the other. Without an authorizer everything is granted but what is the library's.
    class permit_run;
    TIDINGS_DECL std::shared_ptr<permit_run> permit(const std::shared_ptr<lane>& home,
                                                    permissions_wanted wanted,
                                                    unique_function<void(permissions)> done) const;
    /// Refuses every question without an answer.
    void refuse_all() const { questions_->refuse_all(); }

    /// Whether something that was allowed may be forbidden later.
    bool asks() const noexcept { return asks_; }
    /// How many rechecks have begun: what was asked before one began is to be asked again.
    std::uint64_t rechecks() const noexcept { return rechecks_; }
    void begin_recheck() noexcept { ++rechecks_; }

    /// Whether an error says that there is no answer, and not that it is no.
    TIDINGS_DECL static bool undecided(const error_code& ec) noexcept;

 private:
    const bool asks_;  // anything of the user's
    const stream_policy policy_;
    const std::shared_ptr<questions> questions_;
    std::atomic<std::uint64_t> rechecks_{0};
};

/// By what an open stream can be asked again.
struct stream_license {
    std::shared_ptr<access_state> access{};
    owned_credentials credentials{};
    std::string from{};          ///< `asker_at`
    std::uint64_t asked_in = 0;  ///< `rechecks` when it was asked first

    bool is_stale() const noexcept { return access->rechecks() != asked_in; }
};

/// The questions of one `permit`. Their handlers own it; one whose questions may have to wait for
/// room is its caller's to keep.
class access_state::permit_run : public std::enable_shared_from_this<permit_run> {
 public:
    permit_run(std::shared_ptr<questions> all, tidings::authorizer may, std::shared_ptr<lane> home,
               permissions_wanted wanted, unique_function<void(permissions)> done)
        : questions_(std::move(all)),
          may_(std::move(may)),
          lane_(std::move(home)),
          wanted_(std::move(wanted)),
          done_(std::move(done)),
          began_(lane_->timers().clock().now()) {}
    TIDINGS_DECL void step();
    /// In the lane: ends it with an error, soon; `done` is called.
    TIDINGS_DECL void refuse_soon(error_code ec);
    /// In the lane: ends it; `done` is not called.
    TIDINGS_DECL void cancel() noexcept;

 private:
    bool add(const permission& p);
    void on_answer(error_code ec, const permission& p);
    void end();

    const std::shared_ptr<questions> questions_;
    const tidings::authorizer may_;
    const std::shared_ptr<lane> lane_;
    permissions_wanted wanted_;
    unique_function<void(permissions)> done_;
    permissions found_;
    const io::steady_time began_;
    std::size_t next_ = 0;
    std::weak_ptr<question> open_;
    std::shared_ptr<question> waiting_;  // for room
};

}  // namespace tidings::http::detail
