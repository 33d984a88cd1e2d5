// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/completion_handler.hpp>
#include <tidings/detail/initiation.hpp>
#include <tidings/errc.hpp>

#include <boost/asio/deferred.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tidings::store {

struct row {
    std::string key{};
    std::string value{};
    std::uint64_t revision = 0;  ///< rises with every change of the table; 0: no such row
};

/// What changed: the row as it is now, or its key and revision 0 when it is gone.
using row_change = row;

/// Ends a watch when destroyed; after `reset` returns no call is running.
using watch_handle = std::shared_ptr<void>;

/// A small table of rows by key, with optimistic concurrency. Thread-safe; completions are posted,
/// in the order of the calls. Per-operation cancellation: none; what was started is done. @error of
/// each: errc::store_failed; nothing was changed then, unless only the answer was lost: the
/// caller repeats the operation.
/// A handler that ends without an answer, and an exception, say the same.
class table : public std::enable_shared_from_this<table> {
 public:
    using executor_type = net::any_io_executor;

    using get_handler = tidings::completion_handler<error_code, row>;
    using put_handler = tidings::completion_handler<error_code, std::uint64_t>;
    using erase_handler = tidings::completion_handler<error_code>;
    using scan_handler = tidings::completion_handler<error_code, std::vector<row>>;

    virtual ~table() = default;

    /// Where a completion is posted that has no executor of its own. A store that completes inside
    /// the call belongs to no context: the system's.
    TIDINGS_DECL virtual executor_type get_executor() const noexcept;

    /// @error errc::not_found
    virtual void start_get(std::string key, get_handler h) = 0;
    /// Writes if the row's revision is `expected` (0: there is none); gives the new revision.
    /// @error errc::store_conflict
    virtual void start_put(std::string key, std::string value, std::uint64_t expected,
                           put_handler h) = 0;
    /// @error errc::not_found, errc::store_conflict (`expected` of 0: whatever it is)
    virtual void start_erase(std::string key, std::uint64_t expected, erase_handler h) = 0;
    /// Up to `max` rows whose key comes after `after`, in order of keys.
    virtual void start_scan(std::string after, std::size_t max, scan_handler h) = 0;
    /// Calls `f` for every change from now on, in order, one call at a time, on any thread; it must
    /// not block, and may call the table. What it throws goes nowhere. A change that is made
    /// through this object is reported before it completes.
    virtual watch_handle watch(std::function<void(const row_change&)> f) = 0;

    template <net::completion_token_for<void(error_code, row)> Token = net::deferred_t>
    [[nodiscard]] auto async_get(std::string key, Token&& token = Token{}) {
        return tidings::detail::initiate<void(error_code, row)>(
            get_executor(), std::forward<Token>(token),
            [self = this, keep = weak_from_this().lock()](net::any_io_executor io, auto handler,
                                                          std::string k) {
                self->start_get(std::move(k), get_handler(io, std::move(handler)));
            },
            std::move(key));
    }
    template <net::completion_token_for<void(error_code, std::uint64_t)> Token = net::deferred_t>
    [[nodiscard]] auto async_put(std::string key, std::string value, std::uint64_t expected,
                                 Token&& token = Token{}) {
        return tidings::detail::initiate<void(error_code, std::uint64_t)>(
            get_executor(), std::forward<Token>(token),
            [self = this, keep = weak_from_this().lock()](net::any_io_executor io, auto handler,
                                                          std::string k, std::string v,
                                                          std::uint64_t revision) {
                self->start_put(std::move(k), std::move(v), revision,
                                put_handler(io, std::move(handler)));
            },
            std::move(key), std::move(value), expected);
    }
    template <net::completion_token_for<void(error_code)> Token = net::deferred_t>
    [[nodiscard]] auto async_erase(std::string key, std::uint64_t expected,
                                   Token&& token = Token{}) {
        return tidings::detail::initiate<void(error_code)>(
            get_executor(), std::forward<Token>(token),
            [self = this, keep = weak_from_this().lock()](net::any_io_executor io, auto handler,
                                                          std::string k, std::uint64_t revision) {
                self->start_erase(std::move(k), revision, erase_handler(io, std::move(handler)));
            },
            std::move(key), expected);
    }
    template <net::completion_token_for<void(error_code, std::vector<row>)> Token = net::deferred_t>
    [[nodiscard]] auto async_scan(std::string after, std::size_t max, Token&& token = Token{}) {
        return tidings::detail::initiate<void(error_code, std::vector<row>)>(
            get_executor(), std::forward<Token>(token),
            [self = this, keep = weak_from_this().lock()](net::any_io_executor io, auto handler,
                                                          std::string a, std::size_t n) {
                self->start_scan(std::move(a), n, scan_handler(io, std::move(handler)));
            },
            std::move(after), max);
    }
};

}  // namespace tidings::store
