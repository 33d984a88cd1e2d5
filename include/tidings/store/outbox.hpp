// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/completion_handler.hpp>
#include <tidings/detail/initiation.hpp>
#include <tidings/store/outbox_operations.hpp>

#include <boost/asio/deferred.hpp>

namespace tidings::store {

/// Keeps deliveries until they are made. Thread-safe. Every operation is one transaction, and
/// completes by posting to its handler's executor, in the order of the calls. Per-operation
/// cancellation: none; what was started is done. An entry that is claimed is given to nothing else
/// until it is finished; in a durable outbox a claim ends with the process that made it.
/// @error of each: errc::store_failed; nothing was changed then, unless only the answer was lost:
/// the caller repeats the operation.
/// A handler that ends without an answer, and an exception, say the same.
///
/// Of a partition only the oldest entry that is pending, claimed or stopped can be claimed. It
/// keeps the others waiting until it is done or dead.
///
/// What a table of entries needs to be quick: entries by (endpoint, attempts > 0, due, key) where
/// they are pending and the oldest of their partition; by (endpoint, partition, key) where they
/// have a partition and are not dead; by (endpoint, batch) where they have one; by (endpoint,
/// state, key); by (state, since, key); by (created, key) and by (expires, key) where they are
/// pending or stopped; by their event, (id, key). Endpoints by owner, by added and by owed bytes.
/// Attempts by (endpoint, key), by (entry) and by (at). Counts by (endpoint, minute) and by minute.
class outbox : public std::enable_shared_from_this<outbox> {
 public:
    using executor_type = net::any_io_executor;
    template <class T>
    using handler = tidings::completion_handler<error_code, T>;

    using done_handler = tidings::completion_handler<error_code>;
    using open_handler = handler<std::vector<outbox_endpoint>>;
    using append_handler = handler<outbox_appended>;
    using claim_handler = handler<outbox_claim>;
    using list_handler = handler<std::vector<outbox_listed>>;
    using attempts_handler = handler<std::vector<outbox_attempt>>;
    using counts_handler = handler<std::vector<outbox_attempt_counts>>;
    using endpoints_handler = handler<std::vector<outbox_endpoint_listed>>;
    using redeliver_handler = handler<outbox_redelivered>;
    using retain_handler = handler<outbox_retained>;
    using position_handler = handler<position>;

    virtual ~outbox() = default;

    /// Where a completion is posted that has no executor of its own. A store that completes inside
    /// the call belongs to no context: the system's.
    TIDINGS_DECL virtual executor_type get_executor() const noexcept;

    /// Endpoints were added to a sender. Gives their rows, in the order of the question.
    virtual void start_open(outbox_opening o, open_handler h) = 0;
    /// Takes new entries, all that are not refused or none; durable when it completes. Keys are
    /// given here. An endpoint without a row gets one.
    virtual void start_append(outbox_append a, append_handler h) = 0;
    /// Entries that are due at `now`.
    virtual void start_claim(outbox_query q, claim_handler h) = 0;
    /// Settles claimed entries, logs and counts attempts, keeps the health of endpoints.
    virtual void start_finish(outbox_round r, done_handler h) = 0;
    /// In order of keys.
    virtual void start_list(outbox_selection s, list_handler h) = 0;
    /// Attempts of an endpoint (empty: of all) after a key, in order of keys.
    virtual void start_list_attempts(std::string endpoint, std::uint64_t after_key, std::size_t max,
                                     attempts_handler h) = 0;
    /// Minutes of an endpoint in which there were attempts, in order of time.
    virtual void start_list_attempt_counts(outbox_counts_selection s, counts_handler h) = 0;
    /// Endpoints after an id, in order of ids.
    virtual void start_list_endpoints(std::string after_id, std::size_t max,
                                      endpoints_handler h) = 0;
    /// Makes dead and stopped entries pending again, in order of keys.
    virtual void start_redeliver(outbox_redelivery r, redeliver_handler h) = 0;
    /// Applies every bound of time: dead letters, attempts and counts that are too old are dropped;
    /// entries that are expired or too old, or whose endpoint was not added for too long, become
    /// dead letters (errc::webhook_expired, errc::webhook_not_added).
    virtual void start_retain(outbox_retention r, retain_handler h) = 0;
    /// Endpoints of this owner, with everything of them. Completes when it cannot be read from the
    /// storage any more. What a sender has claimed of it is settled in vain; an attempt that is
    /// under way ends by itself (`webhook::sender::async_erase` cuts it off).
    virtual void start_erase(std::string owner, done_handler h) = 0;
    /// The last mark of a history at an endpoint (empty: of the whole outbox); empty: there is
    /// none.
    virtual void start_position(std::string history, std::string endpoint, position_handler h) = 0;
    /// Whether what it has outlives the process, so that marks are of use.
    virtual bool durable() const noexcept { return false; }
    /// As after the last operation. Waits for no storage.
    virtual outbox_stats stats() const noexcept = 0;

    // The same by completion token.
    template <net::completion_token_for<void(error_code, std::vector<outbox_endpoint>)> Token =
                  net::deferred_t>
    [[nodiscard]] auto async_open(outbox_opening o, Token&& token = Token{}) {
        return initiate(&outbox::start_open, std::forward<Token>(token), std::move(o));
    }
    template <net::completion_token_for<void(error_code, outbox_appended)> Token = net::deferred_t>
    [[nodiscard]] auto async_append(outbox_append a, Token&& token = Token{}) {
        return initiate(&outbox::start_append, std::forward<Token>(token), std::move(a));
    }
    template <net::completion_token_for<void(error_code, outbox_claim)> Token = net::deferred_t>
    [[nodiscard]] auto async_claim(outbox_query q, Token&& token = Token{}) {
        return initiate(&outbox::start_claim, std::forward<Token>(token), std::move(q));
    }
    template <net::completion_token_for<void(error_code)> Token = net::deferred_t>
    [[nodiscard]] auto async_finish(outbox_round r, Token&& token = Token{}) {
        return initiate(&outbox::start_finish, std::forward<Token>(token), std::move(r));
    }
    template <net::completion_token_for<void(error_code, std::vector<outbox_listed>)> Token =
                  net::deferred_t>
    [[nodiscard]] auto async_list(outbox_selection s, Token&& token = Token{}) {
        return initiate(&outbox::start_list, std::forward<Token>(token), std::move(s));
    }
    template <net::completion_token_for<void(error_code, std::vector<outbox_attempt>)> Token =
                  net::deferred_t>
    [[nodiscard]] auto async_list_attempts(std::string endpoint, std::uint64_t after_key,
                                           std::size_t max, Token&& token = Token{}) {
        return initiate(&outbox::start_list_attempts, std::forward<Token>(token),
                        std::move(endpoint), after_key, max);
    }
    template <net::completion_token_for<void(error_code, std::vector<outbox_attempt_counts>)>
                  Token = net::deferred_t>
    [[nodiscard]] auto async_list_attempt_counts(outbox_counts_selection s,
                                                 Token&& token = Token{}) {
        return initiate(&outbox::start_list_attempt_counts, std::forward<Token>(token),
                        std::move(s));
    }
    template <net::completion_token_for<void(error_code, std::vector<outbox_endpoint_listed>)>
                  Token = net::deferred_t>
    [[nodiscard]] auto async_list_endpoints(std::string after_id, std::size_t max,
                                            Token&& token = Token{}) {
        return initiate(&outbox::start_list_endpoints, std::forward<Token>(token),
                        std::move(after_id), max);
    }
    template <
        net::completion_token_for<void(error_code, outbox_redelivered)> Token = net::deferred_t>
    [[nodiscard]] auto async_redeliver(outbox_redelivery r, Token&& token = Token{}) {
        return initiate(&outbox::start_redeliver, std::forward<Token>(token), std::move(r));
    }
    template <net::completion_token_for<void(error_code, outbox_retained)> Token = net::deferred_t>
    [[nodiscard]] auto async_retain(outbox_retention r, Token&& token = Token{}) {
        return initiate(&outbox::start_retain, std::forward<Token>(token), std::move(r));
    }
    template <net::completion_token_for<void(error_code)> Token = net::deferred_t>
    [[nodiscard]] auto async_erase(std::string owner, Token&& token = Token{}) {
        return initiate(&outbox::start_erase, std::forward<Token>(token), std::move(owner));
    }
    template <net::completion_token_for<void(error_code, position)> Token = net::deferred_t>
    [[nodiscard]] auto async_position(std::string history, std::string endpoint,
                                      Token&& token = Token{}) {
        return initiate(&outbox::start_position, std::forward<Token>(token), std::move(history),
                        std::move(endpoint));
    }

 private:
    template <class Function>
    struct operation;
    template <class A, class... Results>
    struct operation<void (outbox::*)(A, tidings::completion_handler<Results...>)> {
        using signature = void(Results...);
        using handler = tidings::completion_handler<Results...>;
    };
    template <class A, class B, class C, class... Results>
    struct operation<void (outbox::*)(A, B, C, tidings::completion_handler<Results...>)>
        : operation<void (outbox::*)(A, tidings::completion_handler<Results...>)> {};
    template <class A, class B, class... Results>
    struct operation<void (outbox::*)(A, B, tidings::completion_handler<Results...>)>
        : operation<void (outbox::*)(A, tidings::completion_handler<Results...>)> {};

    template <class Start, class Token, class... Args>
    auto initiate(Start start, Token&& token, Args... args) {
        using op = operation<Start>;
        return tidings::detail::initiate<typename op::signature>(
            get_executor(), std::forward<Token>(token),
            [self = this, keep = weak_from_this().lock(), start](net::any_io_executor io, auto done,
                                                                 Args... given) {
                (self->*start)(std::move(given)..., typename op::handler(io, std::move(done)));
            },
            std::move(args)...);
    }
};

}  // namespace tidings::store
