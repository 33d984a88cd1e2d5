// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/outlet/impl/access.hpp>

#include <memory>
#include <vector>

namespace tidings::http::detail {

/// What asking again has brought.
struct review {
    error_code ended{};  ///< it is to end: errc::unauthorized, errc::forbidden, no answer
    std::vector<std::string> lost{};  ///< patterns that it may not have any more; not all of them
    expiry_time expires{};
    tidings::principal principal{};
};

/// Asks again whether what is open may stay. A member of that, lane-confined.
class reviewer {
 public:
    /// In the lane of the owner, which is kept by none of it.
    virtual void apply(review found) noexcept = 0;

    /// Asks; a second time if it is asking already. `done` is called once nothing that was revoked
    /// before the call is left, or the owner has ended.
    TIDINGS_DECL void recheck(unique_function<void()> done);
    /// The owner has ended.
    TIDINGS_DECL void stop_review() noexcept;
    /// Whether it asks at this moment.
    bool is_reviewing() const noexcept { return review_ != nullptr; }
    /// Its context has ended: nothing is called.
    TIDINGS_DECL void drop_review() noexcept;

 protected:
    struct subject {
        std::weak_ptr<void> owner;
        std::shared_ptr<lane> home;
        std::shared_ptr<const stream_license> license;
        std::vector<std::string> patterns;
    };
    virtual subject review_subject() = 0;
    ~reviewer() = default;

 private:
    struct asking {
        std::vector<unique_function<void()>> waiting{};
        std::shared_ptr<tidings::http::detail::question> question{};
        std::shared_ptr<access_state::permit_run> permissions{};
        bool again = false;
    };

    void ask() noexcept;
    template <class F>
    void attempt(const log_sink& log, F f);
    void on_identity(const subject& s, error_code ec, const principal& who);
    void on_permissions(std::size_t asked, const principal& who, permissions p);
    void finish(review found) noexcept;

    std::unique_ptr<asking> review_;  // null: it does not ask
};

}  // namespace tidings::http::detail
