// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/lane/impl/lane_completion.hpp>
#include <tidings/store/outbox_operations.hpp>
#include <tidings/webhook/event_outcome.hpp>

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>

namespace tidings::webhook::detail {

/// One `sender::async_outcome` until it completes: what is known of its event, by the keys of the
/// entries. In the sender's lane.
class outcome_question {
 public:
    using completion = tidings::detail::lane_completion<error_code, event_outcome>;

    outcome_question(store::outbox_event of, std::shared_ptr<completion> done)
        : of_(std::move(of)),
          done_(std::move(done)) {}

    const store::outbox_event& of() const noexcept { return of_; }

    /// An entry has ended; of an endpoint the one with the greatest key counts.
    void end(std::uint64_t key, delivery_outcome how);
    /// The outbox is looked at from the beginning, in place of the look that was under way. Gives
    /// the look's number.
    std::uint64_t begin_look();
    bool is_look(std::uint64_t number) const noexcept { return looks_ && number == look_; }
    /// It has ended in a settlement that is not known to be stored yet.
    void expect(std::uint64_t key, const std::string& endpoint);
    /// It was looked at to the end: what it was known to owe, and was not seen to owe, is removed.
    void end_look();
    /// An entry as the outbox lists it. Where it has ended since the look began, that is newer; if
    /// it was made again after that, another look follows.
    /// @param ended its endpoint has ended: what it is owed is given up when it is due
    void see(const store::outbox_listed& l, bool ended);
    /// An attempt of the outbox's log.
    void see(const store::outbox_attempt& a);

    bool knows_nothing() const noexcept { return ended_.empty(); }
    /// Whether nothing is owed any more.
    bool is_over() const noexcept { return !looks_ && owed_.empty(); }
    /// Once; from then on it is not pending.
    void complete(error_code ec, store::outbox_time known_since) noexcept;
    bool is_pending() const noexcept { return done_ != nullptr; }

 private:
    struct known {
        std::uint64_t key = 0;
        delivery_outcome how{};
    };

    const store::outbox_event of_;
    std::shared_ptr<completion> done_;
    std::unordered_map<std::uint64_t, std::string> owed_;    // endpoints
    std::unordered_map<std::uint64_t, std::string> before_;  // the same before this look
    std::map<std::string, known> ended_;                     // by endpoint
    std::unordered_set<std::uint64_t> since_look_;           // ended since this look began
    std::uint64_t look_ = 0;
    bool looks_ = false;
};

}  // namespace tidings::webhook::detail
