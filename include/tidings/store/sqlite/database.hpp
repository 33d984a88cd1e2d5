// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/completion_handler.hpp>
#include <tidings/detail/initiation.hpp>
#include <tidings/store/sqlite/database_options.hpp>

#include <boost/asio/deferred.hpp>
#include <boost/asio/execution_context.hpp>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <memory>
#include <string>

namespace tidings::sqlite {

namespace detail {
class database_state;
}

/// How large the parts of a database are, in bytes.
struct database_sizes {
    std::uint64_t file = 0;
    std::uint64_t log = 0;   ///< the write-ahead log's part that is in use
    std::uint64_t free = 0;  ///< on the file's disk, for this process
};

/// How long commits take, with the wait for reads before them. Of the newest 1,000.
struct database_commits {
    std::uint64_t count = 0;  ///< since the opening
    std::chrono::microseconds median{0}, p99{0}, slowest{0};
};

/// One SQLite file that holds a history, tables and an outbox: `make_history`, `make_table`.
/// Two threads of its own, which start when they are first needed, do everything that waits for
/// the disk; completions are posted. Safe from any thread. Move-only; a moved-from one is closed.
///
/// After a commit that failed nothing is tried again: every operation completes with
/// errc::store_failed until the program opens the file anew.
class database {
 public:
    using executor_type = net::any_io_executor;

    /// Opens the file, or makes it. Blocks, for `open_timeout` at most while another process has
    /// it, and for the time that it takes to read the file (`check`).
    /// @throws std::invalid_argument for options that cannot be, boost::system::system_error with
    /// the errors below
    TIDINGS_DECL database(executor_type executor, database_options options);
    template <class Context>
    requires std::convertible_to<Context&, net::execution_context&> database(
        Context& context, database_options options)
        : database(executor_type(context.get_executor()), std::move(options)) {}
    /// The same without an exception. @error errc::store_in_use (another process has it open),
    /// errc::store_foreign (it is no file of this library, and was not touched), errc::store_newer
    /// (a newer version of the library wrote it), errc::store_sealed (it has secrets under a key
    /// that `cipher` does not have, and was not changed), errc::store_damaged, errc::store_failed,
    /// errc::out_of_memory, what the system reports; it is closed then
    TIDINGS_DECL database(executor_type executor, database_options options, error_code& ec);

    database(database&&) noexcept = default;
    TIDINGS_DECL database& operator=(database&& o) noexcept;
    /// Closes it.
    TIDINGS_DECL ~database();

    /// Finishes what was started, releases the file, and returns then; called by the writing
    /// thread (in an immediate callback) it returns before. The stores complete with errc::closed
    /// from here on.
    TIDINGS_DECL void close() noexcept;

    executor_type get_executor() const noexcept { return executor_; }

    /// errc::store_failed after a commit that failed, errc::closed, or success.
    TIDINGS_DECL error_code status() const noexcept;
    /// Where a damaged file lies that was set aside when this or an earlier opening found it;
    /// empty: there is none. What it held is missing here: the operator looks at it, and confirms
    /// that by moving it, with its `-wal`, elsewhere. Reads the folder.
    TIDINGS_DECL std::string set_aside() const;
    TIDINGS_DECL database_sizes sizes() const noexcept;
    TIDINGS_DECL database_commits commits() const noexcept;

    /// Copies the file as it is at one moment to a new one at `path`, with mode 0600, while reads
    /// and writes go on. The copy is synced and complete when it has its name. Several are made one
    /// behind the other. Per-operation cancellation: none; closing ends it.
    /// @error errc::closed, errc::store_full (the disk of `path` has not room for it, or less than
    /// `min_free_bytes` would be left), errc::store_failed (also where the write-ahead log would
    /// have grown above `max_wal_bytes` meanwhile), what the system reports (a file is there)
    template <net::completion_token_for<void(error_code)> Token = net::deferred_t>
    [[nodiscard]] auto async_backup(std::string path, Token&& token = Token{}) {
        return tidings::detail::initiate<void(error_code)>(
            executor_, std::forward<Token>(token),
            [state = state_](net::any_io_executor io, auto handler, std::string to) {
                start_backup(state, std::move(to), done_handler(io, std::move(handler)));
            },
            std::move(path));
    }
    /// Completes when all that was started before is committed. Per-operation cancellation: none;
    /// it takes as long as a commit. @error errc::closed, errc::store_failed
    template <net::completion_token_for<void(error_code)> Token = net::deferred_t>
    [[nodiscard]] auto async_drain(Token&& token = Token{}) {
        return tidings::detail::initiate<void(error_code)>(
            executor_, std::forward<Token>(token),
            [state = state_](net::any_io_executor io, auto handler) {
                start_drain(state, done_handler(io, std::move(handler)));
            });
    }

    /// For library code; null where it was moved from or could not be opened.
    const std::shared_ptr<detail::database_state>& state() const noexcept { return state_; }

 private:
    using done_handler = tidings::completion_handler<error_code>;
    using state_pointer = std::shared_ptr<detail::database_state>;
    TIDINGS_DECL static void start_backup(const state_pointer& s, std::string path, done_handler h);
    TIDINGS_DECL static void start_drain(const state_pointer& s, done_handler h);

    executor_type executor_;
    state_pointer state_;
};

}  // namespace tidings::sqlite
