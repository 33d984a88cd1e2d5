// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/completion_handler.hpp>
#include <tidings/detail/initiation.hpp>
#include <tidings/errc.hpp>
#include <tidings/publication_info.hpp>

#include <boost/asio/deferred.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace tidings::store {

/// Bounds of what is remembered: the oldest are forgotten first.
struct delivered_ids_options {
    /// Each id counts for 128 bytes, of memory and of the file; an event that a receiver takes
    /// brings one or two.
    std::size_t max_bytes = 16 * 1024 * 1024;
    std::chrono::milliseconds max_age = std::chrono::days(7);  ///< 0: no limit
};

/// The ids of what was delivered, beyond the end of the process, so that a repetition is recognised
/// after a restart, too: `webhook::receiver_options::ids`. What waits to be accepted is not here.
/// Thread-safe.
class delivered_ids : public std::enable_shared_from_this<delivered_ids> {
 public:
    using executor_type = net::any_io_executor;
    /// 128 bits of an HMAC of an id, under a random key that is kept with the ids, so that nobody
    /// can make two ids that are taken for one.
    using key = std::array<std::uint64_t, 2>;
    using keys = std::vector<key>;
    using done_handler = tidings::completion_handler<error_code>;

    virtual ~delivered_ids() = default;

    /// Where a completion is posted that has no executor of its own.
    TIDINGS_DECL virtual executor_type get_executor() const noexcept;

    /// @throws std::bad_alloc
    virtual key key_of(std::string_view id) = 0;
    /// Whether it was added, and is not forgotten. Waits for no storage.
    virtual bool contains(const key& k) const noexcept = 0;
    /// Keeps ids; durable when it completes. Those that are there stay as they are.
    virtual void start_add(keys ks, done_handler h) = 0;
    /// What a publication carries, so that a history in the same storage keeps these ids in the
    /// transaction that commits the event: `contains` is true before the event is dispatched. Null:
    /// there is no such history. @throws std::bad_alloc
    virtual std::shared_ptr<const commit_note> note(keys /*ks*/) { return nullptr; }

    /// Per-operation cancellation: none; what was started is done.
    /// @error errc::store_failed, and what the implementation states
    template <net::completion_token_for<void(error_code)> Token = net::deferred_t>
    [[nodiscard]] auto async_add(keys ks, Token&& token = Token{}) {
        return tidings::detail::initiate<void(error_code)>(
            get_executor(), std::forward<Token>(token),
            [self = this, keep = weak_from_this().lock()](net::any_io_executor io, auto handler,
                                                          keys given) {
                self->start_add(std::move(given), done_handler(io, std::move(handler)));
            },
            std::move(ks));
    }
};

}  // namespace tidings::store
