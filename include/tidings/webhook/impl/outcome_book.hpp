// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/crypto/impl/siphash.hpp>
#include <tidings/impl/context_end.hpp>
#include <tidings/io/random.hpp>
#include <tidings/lane/impl/lane.hpp>
#include <tidings/log.hpp>
#include <tidings/store/outbox.hpp>
#include <tidings/webhook/impl/outcome_question.hpp>

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace tidings::webhook::detail {

/// How deliveries ended lately, and the questions that wait for that of an event
/// (`sender::async_outcome`). Of what has ended a number is kept, each in less than 100 bytes, the
/// oldest are forgotten. A question looks for its event in the outbox and waits for the end of what
/// is owed there. As the outbox completes its operations in the order of the calls, what a
/// settlement that was begun before a look has ended is known before the look is.
///
/// In the sender's lane, unless it says otherwise. With the context its questions are dropped:
/// their handlers may own the sender.
class outcome_book final : public tidings::detail::context_dependent,
                           public std::enable_shared_from_this<outcome_book> {
 public:
    using outcome_handler = completion_handler<error_code, event_outcome>;
    using name_ptr = std::shared_ptr<const std::string>;
    /// @param has_ended whether an endpoint of this id is known and was closed, or is gone
    outcome_book(std::shared_ptr<tidings::detail::lane> l, std::shared_ptr<store::outbox> outbox,
                 std::size_t max_known, io::random& random, store::outbox_time began,
                 std::function<bool(const std::string&)> has_ended, log_sink log);

    /// From any thread.
    void ask(store::outbox_event of, outcome_handler h);

    /// What is settled next ends an entry.
    /// @param endpoint the name of the entry's; null: it is made
    void note(const store::outbox_entry& e, name_ptr endpoint, delivery_outcome::ending how,
              const store::outbox_result& r, unsigned status = 0) noexcept;
    /// An entry of this key is not settled by what is settled next.
    void forget(std::uint64_t key) noexcept;
    /// The settlement of what was noted begins; ends, with success or not; is repeated with the
    /// next.
    void begin_settling() noexcept { settling_.swap(noted_); }
    void end_settling(bool succeeded, store::outbox_time now) noexcept;
    void repeat_settling() noexcept;
    /// The outbox has made dead letters.
    void note_dropped(const std::vector<store::outbox_entry>& entries,
                      store::outbox_time now) noexcept;
    /// The outbox was changed in another way.
    void look_again() noexcept;
    /// Completes what waits with errc::closed. Nothing is taken any more.
    void stop() noexcept;

    void on_context_end() noexcept override;

 private:
    using question_ptr = std::shared_ptr<outcome_question>;
    struct ending {
        std::uint64_t event = 0;  // its hash
        std::uint64_t key = 0;
        name_ptr endpoint{};
        store::outbox_time at{};
        error_code error{};
        std::uint32_t attempts = 0;
        std::uint16_t status = 0;
        delivery_outcome::ending how{};

        delivery_outcome outcome() const { return {*endpoint, how, attempts, status, error}; }
    };

    std::uint64_t hash_of(std::string_view source, std::string_view id) const noexcept;
    void begin(const question_ptr& q);
    void take(ending e, store::outbox_time now) noexcept;
    void remember(const ending& e);
    void look_at_all() noexcept;
    void look(const question_ptr& q);
    void look_on(const question_ptr& q, std::uint64_t number, std::uint64_t after);
    void on_looked(const question_ptr& q, error_code ec, std::uint64_t number,
                   const std::vector<store::outbox_listed>& page);
    void read_log(const question_ptr& q, std::uint64_t after);
    void on_read(const question_ptr& q, error_code ec,
                 const std::vector<store::outbox_attempt>& page);
    void conclude(const question_ptr& q, error_code ec) noexcept;
    void complete(const question_ptr& q, error_code ec) noexcept;
    template <class... Values, class F>
    auto handler(const question_ptr& q, F f);

    const std::shared_ptr<tidings::detail::lane> lane_;
    const std::shared_ptr<store::outbox> outbox_;
    const std::size_t max_known_;
    const tidings::detail::siphash hash_;
    const std::function<bool(const std::string&)> has_ended_;
    const log_sink log_;
    std::vector<ending> noted_, settling_;
    std::vector<ending> known_;  // a ring of max_known_
    std::size_t oldest_ = 0;     // of them, where it is full
    store::outbox_time known_since_;
    std::unordered_multimap<std::uint64_t, question_ptr> questions_;  // by the hash of their event
    bool stopped_ = false;
    bool missed_ = false;         // there was no memory to note something
    bool looking_again_ = false;  // that is posted
};

}  // namespace tidings::webhook::detail
