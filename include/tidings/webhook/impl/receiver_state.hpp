// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/inlet/impl/inlet.hpp>
#include <tidings/inlet/impl/outstanding.hpp>
#include <tidings/inlet/impl/recent_ids.hpp>
#include <tidings/lane/impl/lane.hpp>
#include <tidings/webhook/impl/consent.hpp>
#include <tidings/webhook/receiver.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace tidings::webhook::detail {

using tidings::detail::inlet;
using tidings::detail::outstanding;
using tidings::detail::recent_ids;
using tidings::detail::wheel_timer;

class receiver_state;

/// Ids that are pending, of an event and of its attempt. They are forgotten at its end, however
/// that comes, unless the event was accepted.
class claimed_ids {
 public:
    using store_pointer = std::shared_ptr<store::delivered_ids>;
    /// `kept`: where those of accepted events are; null: in the receiver's memory.
    claimed_ids(std::shared_ptr<receiver_state> r, store_pointer kept)
        : receiver_(std::move(r)),
          kept_(std::move(kept)) {}
    claimed_ids(claimed_ids&&) = default;
    ~claimed_ids();

    recent_ids::seen claim(std::string_view id);
    /// In memory.
    void accept();
    /// They are where `kept` has them, or will be; the receiver forgets them.
    bool is_stored() const noexcept;
    const store_pointer& kept() const noexcept { return kept_; }
    const store::delivered_ids::keys& stored_keys() const noexcept { return stored_keys_; }

 private:
    std::shared_ptr<receiver_state> receiver_;
    std::vector<recent_ids::key> keys_{};
    store_pointer kept_;
    store::delivered_ids::keys stored_keys_{};
};

/// An event that the subscriber was asked to take, and the request that waits for its answer. Owned
/// by the subscriber until then.
struct acceptance {
    acceptance(std::shared_ptr<receiver_state> r, http::exchange x, claimed_ids ids,
               std::shared_ptr<void> place);

    const std::shared_ptr<receiver_state> receiver;
    const std::shared_ptr<tidings::detail::lane> home;
    http::exchange exchange;  // empty once it was answered
    // A subscriber that drops the question has accepted nothing.
    claimed_ids ids;
    std::shared_ptr<void> place;  // among those that are outstanding
    wheel_timer deadline;
};

/// A receiver behind its handles. Safe from any thread.
class receiver_state final : public std::enable_shared_from_this<receiver_state> {
 public:
    receiver_state(std::shared_ptr<subscriber> sink, receiver_options options);

    bool admit(http::exchange& x) const;
    void handle(http::exchange& x);
    /// Releases what the user gave: neither the subscriber nor a callback is called any more.
    void close() noexcept;
    /// The subscriber has answered.
    void conclude(const std::shared_ptr<acceptance>& a, const event_ptr& e, error_code ec,
                  outcome o);
    void on_late(acceptance& a);
    recent_ids& seen() noexcept { return seen_; }
    std::size_t max_body_bytes() const noexcept { return max_body_bytes_; }
    std::chrono::milliseconds accept_timeout() const noexcept { return accept_timeout_; }

 private:
    /// What may own the receiver, and is released when that closes.
    struct user_parts {
        std::shared_ptr<subscriber> sink;
        std::shared_ptr<const webhook::verifier> verifier;
        event_reader reader;
        challenge_responder challenge;
        inlet in;
        log_sink log;
        std::shared_ptr<metrics_sink> metrics;
        std::shared_ptr<store::delivered_ids> ids;
    };
    using parts = std::shared_ptr<const user_parts>;

    parts open_parts() const;
    bool is_closed() const { return open_parts() == nullptr; }
    bool verify(http::exchange& x, const user_parts& with, std::string& attempt_id);
    bool answer_challenge(http::exchange& x, const user_parts& with) const;
    void refuse_method(http::exchange& x) const;
    event_ptr read(const http::request& r, const user_parts& with, error_code& ec) const;
    void accept(http::exchange x, const user_parts& with, const event_ptr& e,
                std::string attempt_id);
    void answer_accepted(acceptance& a, const publication& e);
    /// Runs `f`, in which code of the user's is called. What that throws is logged, unless it has
    /// closed the receiver. False when it threw.
    template <class F>
    bool guard(F f) const noexcept;
    void log(std::string_view message, error_code ec) const;
    void count(std::string_view result) const;

    const bool signed_;
    const bool answers_challenges_;
    const detail::consent consent_;
    const std::size_t max_body_bytes_;
    const std::chrono::milliseconds accept_timeout_;
    const std::shared_ptr<outstanding> accepting_;
    mutable std::mutex mutex_;
    parts parts_;      // guarded by mutex_; null: closed
    recent_ids seen_;  // events and attempts
};

}  // namespace tidings::webhook::detail
