// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/clock.hpp>
#include <tidings/webhook/impl/consent_question.hpp>
#include <tidings/webhook/impl/endpoint_target.hpp>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tidings::webhook::detail {

/// Which targets agreed to be sent webhooks, which are being asked, and which are asked again
/// later. A state machine for each endpoint that asks, without I/O. Lane-confined.
class consent_book {
 public:
    enum class pass {
        open,    ///< it agreed, or is not asked
        closed,  ///< it is being asked, or has refused
        ask,     ///< it is to be asked now: `begin`, then `on_answer`
    };
    /// Closed: `ready` gives the endpoint when it is to be asked again, unless it is dismissed.
    pass look(const endpoint_target& t, io::steady_time now);
    void begin(const endpoint_target& t);
    /// The question was cut off: as if it had not begun.
    void drop_question(const endpoint_target& t) noexcept;
    /// @param ec of the request. Why there is no consent; nothing: there is.
    /// @error errc::webhook_no_consent, or `ec` where there was no answer; errc::undecided where
    /// the question did not get beyond the proxy, which counts as not asked
    error_code on_answer(const endpoint_target& t, error_code ec, const http::response& r,
                         io::steady_time now);
    /// It agreed by the callback. Whether anything waited for that.
    void grant(const endpoint_target& t, consent_grant g, io::steady_time now);
    /// How many deliveries a minute it agreed to; 0: no limit.
    std::uint32_t per_minute(const endpoint_target& t) const;

    /// Nothing of this endpoint waits for its consent any more.
    void dismiss(const std::string& id) noexcept;
    /// Appends those that are to be asked again. Where it throws, the others wait as before.
    void ready(io::steady_time now, std::vector<std::string>& ids);
    std::optional<io::steady_time> next() const;
    /// Whether an answer is awaited.
    bool busy() const noexcept { return asking_ != 0; }
    template <class Gone>
    void forget_if(Gone gone) {
        for (auto it = known_.begin(); it != known_.end();) {
            const bool keep = it->second.at == stage::asking || !gone(it->first);
            if (!keep) unwait(it->second);
            it = keep ? std::next(it) : known_.erase(it);
        }
    }

 private:
    enum class stage { unknown, asking, granted, refused };
    using queue = std::multimap<io::steady_time, std::string>;
    struct permission {
        // What was asked: another target, or another question, is asked anew.
        std::string url{};
        std::string origin{};
        std::uint32_t asked_per_minute = 0;

        stage at = stage::unknown;
        consent_grant given{};
        std::uint32_t failures = 0;              // in a row
        std::uint32_t proxy_failures = 0;        // in a row, which are none of the target's
        std::optional<io::steady_time> until{};  // granted: its end; refused: the next question
        std::optional<queue::iterator> waits{};  // in waiting_
    };
    permission& of(const endpoint_target& t);
    void unwait(permission& p) noexcept;

    std::map<std::string, permission> known_;
    queue waiting_;  // refused and looked at since, by `until`
    std::size_t asking_ = 0;
};

}  // namespace tidings::webhook::detail
