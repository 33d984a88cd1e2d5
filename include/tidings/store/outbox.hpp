// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/completion_handler.hpp>
#include <tidings/detail/initiation.hpp>
#include <tidings/errc.hpp>

#include <boost/asio/deferred.hpp>
#include <boost/asio/system_executor.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace tidings::store {

using outbox_time = std::chrono::system_clock::time_point;

/// One delivery that is owed: an event to an endpoint.
struct outbox_entry {
    std::uint64_t key = 0;     ///< given by the outbox, rising
    std::string endpoint{};    ///< the endpoint's id
    std::string message_id{};  ///< the same on every attempt
    std::string content_type{};
    std::vector<std::pair<std::string, std::string>> fields{};  ///< further request fields
    std::shared_ptr<const std::string> body{};  ///< shared by the entries of one event
    std::uint32_t attempts = 0;                 ///< made so far
    outbox_time due{};
    error_code last_error{};
};

/// What became of a claimed entry.
struct outbox_result {
    enum class state {
        done,   ///< delivered: forget it
        retry,  ///< due again at `due`
        dead,   ///< given up: kept for `list` until `retain` drops it
    };
    std::uint64_t key = 0;
    state outcome = state::done;
    std::uint32_t attempts = 0;
    outbox_time due{};
    error_code last_error{};
};

/// Ids of endpoints.
using outbox_endpoints = std::set<std::string, std::less<>>;

/// What to claim.
struct outbox_query {
    outbox_time now{};
    std::size_t max_entries = 0;       ///< in all
    std::size_t max_per_endpoint = 0;  ///< entries of each endpoint
    /// Of these, endpoints whose entries are left where they are.
    std::vector<std::string> except{};
    /// The endpoints to claim for; null: all. Never changes, so that an outbox may keep what it
    /// made of it as long as it is handed the same object.
    std::shared_ptr<const outbox_endpoints> of{};
};

/// What `async_claim` gives.
struct outbox_claim {
    std::vector<outbox_entry> entries{};  ///< in order of due time, then key
    /// When the next one is due, of the endpoints that were claimed for and of which not
    /// `max_per_endpoint` were claimed. In the past when `max_entries` was reached.
    std::optional<outbox_time> next_due{};
};

enum class outbox_state { pending, claimed, dead };

struct outbox_listed {
    outbox_entry entry{};
    outbox_state state = outbox_state::pending;
};

/// Keeps deliveries until they are made. Thread-safe. Every operation completes by posting to its
/// handler's executor, in the order of the calls. Per-operation cancellation: none; what was
/// started is done. An entry that is claimed is given to nobody else until it is finished; in a
/// durable outbox a claim ends with the process that made it.
/// @error of each: errc::store_failed; nothing was changed then, unless only the answer was lost:
/// the caller repeats the operation.
/// A handler that ends without an answer, and an exception, say the same.
class outbox : public std::enable_shared_from_this<outbox> {
 public:
    using executor_type = net::any_io_executor;

    using done_handler = tidings::completion_handler<error_code>;
    using claim_handler = tidings::completion_handler<error_code, outbox_claim>;
    using list_handler = tidings::completion_handler<error_code, std::vector<outbox_listed>>;

    virtual ~outbox() = default;

    /// Where a completion is posted that has no executor of its own. A store that completes inside
    /// the call belongs to no context: the system's.
    virtual executor_type get_executor() const noexcept { return net::system_executor(); }

    /// Takes new entries, all or none; durable when it completes. Keys are given here.
    virtual void start_append(std::vector<outbox_entry> entries, done_handler h) = 0;
    /// Entries that are due at `now`.
    virtual void start_claim(outbox_query q, claim_handler h) = 0;
    /// Settles claimed entries. One that is not claimed is ignored.
    virtual void start_finish(std::vector<outbox_result> results, done_handler h) = 0;
    /// Entries of an endpoint (empty: of all) after a key, in order of keys, for looking.
    virtual void start_list(std::string endpoint, std::uint64_t after_key, std::size_t max,
                            list_handler h) = 0;
    /// Drops dead entries whose `due` lies before `before`.
    virtual void start_retain(outbox_time before, done_handler h) = 0;

    // The same by completion token.
    template <net::completion_token_for<void(error_code)> Token = net::deferred_t>
    [[nodiscard]] auto async_append(std::vector<outbox_entry> entries, Token&& token = Token{}) {
        return tidings::detail::initiate<void(error_code)>(
            get_executor(), std::forward<Token>(token),
            [self = this, keep = weak_from_this().lock()](net::any_io_executor io, auto handler,
                                                          std::vector<outbox_entry> list) {
                self->start_append(std::move(list), done_handler(io, std::move(handler)));
            },
            std::move(entries));
    }
    template <net::completion_token_for<void(error_code, outbox_claim)> Token = net::deferred_t>
    [[nodiscard]] auto async_claim(outbox_query query, Token&& token = Token{}) {
        return tidings::detail::initiate<void(error_code, outbox_claim)>(
            get_executor(), std::forward<Token>(token),
            [self = this, keep = weak_from_this().lock()](net::any_io_executor io, auto handler,
                                                          outbox_query q) {
                self->start_claim(std::move(q), claim_handler(io, std::move(handler)));
            },
            std::move(query));
    }
    template <net::completion_token_for<void(error_code)> Token = net::deferred_t>
    [[nodiscard]] auto async_finish(std::vector<outbox_result> results, Token&& token = Token{}) {
        return tidings::detail::initiate<void(error_code)>(
            get_executor(), std::forward<Token>(token),
            [self = this, keep = weak_from_this().lock()](net::any_io_executor io, auto handler,
                                                          std::vector<outbox_result> list) {
                self->start_finish(std::move(list), done_handler(io, std::move(handler)));
            },
            std::move(results));
    }
    template <net::completion_token_for<void(error_code, std::vector<outbox_listed>)> Token =
                  net::deferred_t>
    [[nodiscard]] auto async_list(std::string endpoint, std::uint64_t after_key, std::size_t max,
                                  Token&& token = Token{}) {
        return tidings::detail::initiate<void(error_code, std::vector<outbox_listed>)>(
            get_executor(), std::forward<Token>(token),
            [self = this, keep = weak_from_this().lock()](net::any_io_executor io, auto handler,
                                                          std::string of, std::uint64_t after,
                                                          std::size_t n) {
                self->start_list(std::move(of), after, n, list_handler(io, std::move(handler)));
            },
            std::move(endpoint), after_key, max);
    }
    template <net::completion_token_for<void(error_code)> Token = net::deferred_t>
    [[nodiscard]] auto async_retain(outbox_time before, Token&& token = Token{}) {
        return tidings::detail::initiate<void(error_code)>(
            get_executor(), std::forward<Token>(token),
            [self = this, keep = weak_from_this().lock()](net::any_io_executor io, auto handler,
                                                          outbox_time t) {
                self->start_retain(t, done_handler(io, std::move(handler)));
            },
            before);
    }
};

}  // namespace tidings::store
