// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/inlet/impl/inlet.hpp>
#include <tidings/inlet/impl/outstanding.hpp>
#include <tidings/inlet/impl/rate_limit.hpp>
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
class standard_reader;

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

/// A batch whose events the subscriber was asked to take, and the request that waits for all of
/// its answers. Owned by the questions.
struct batch_acceptance {
    batch_acceptance(std::shared_ptr<receiver_state> r, http::exchange x, claimed_ids whole,
                     std::vector<claimed_ids> each, std::shared_ptr<void> among);

    const std::shared_ptr<receiver_state> receiver;
    const std::shared_ptr<tidings::detail::lane> home;
    http::exchange exchange;            // empty once it was answered
    claimed_ids ids;                    // of the batch
    std::vector<claimed_ids> of_event;  // of those that were asked about
    std::shared_ptr<void> place;
    std::size_t waiting;  // for so many answers
    std::size_t repeated = 0;
    error_code refused{};
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
    /// The same of one event of a batch.
    void conclude(const std::shared_ptr<batch_acceptance>& b, std::size_t which, error_code ec,
                  outcome o);
    void on_late(batch_acceptance& b);
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
        intent_rule intent;
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
    void answer_intent(http::exchange& x, const user_parts& with) const;
    void refuse_method(http::exchange& x) const;
    event_ptr read(const http::request& r, const user_parts& with, error_code& ec) const;
    static event_ptr make_event(event e, const user_parts& with, error_code& ec);
    void handle_batch(http::exchange& x, const user_parts& with, const standard_reader& reader,
                      const std::string& attempt_id);
    std::vector<event_ptr> read_batch(const http::request& r, const user_parts& with,
                                      error_code& ec) const;
    void accept_batch(http::exchange x, const user_parts& with,
                      const std::vector<event_ptr>& events, claimed_ids batch,
                      const std::string& attempt_id);
    std::chrono::milliseconds hold_to_rate(std::vector<event_ptr>& fresh,
                                           std::vector<claimed_ids>& ids, io::steady_time now);
    http::response over_rate(std::chrono::milliseconds wait) const;
    void ask_for_batch(const std::shared_ptr<batch_acceptance>& b, const user_parts& with,
                       const std::vector<event_ptr>& events);
    void accept(http::exchange x, const user_parts& with, const event_ptr& e,
                std::string attempt_id);
    void answer_accepted(acceptance& a, const publication& e);
    void leave(const std::shared_ptr<batch_acceptance>& b);
    void keep(const std::shared_ptr<tidings::detail::lane>& home,
              const std::shared_ptr<claimed_ids>& ids, tidings::unique_function<void()> then);
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
    const std::size_t max_batch_events_;
    const std::chrono::milliseconds accept_timeout_;
    const std::shared_ptr<outstanding> accepting_;
    tidings::detail::rate_limit rate_;  // of each source
    mutable std::mutex mutex_;
    parts parts_;      // guarded by mutex_; null: closed
    recent_ids seen_;  // events and attempts
};

}  // namespace tidings::webhook::detail
