// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/inlet/impl/backoff.hpp>
#include <tidings/io/random.hpp>
#include <tidings/lane/impl/lane.hpp>
#include <tidings/log.hpp>
#include <tidings/store/table.hpp>
#include <tidings/unique_function.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tidings::rest_hook::detail {

/// One row of a table, which is read, and then is to have the value that was wanted last. What
/// fails, or has no answer in time, is tried again, after waits that grow, until it is stopped.
/// Confined to its lane.
class row_keeper final : public std::enable_shared_from_this<row_keeper> {
 public:
    using value = std::optional<std::string>;  ///< none: there is no row
    /// @param patience for each operation of the table
    /// @param on_stranger somebody else has changed the row: nothing is written any more
    row_keeper(std::shared_ptr<tidings::detail::lane> home, std::shared_ptr<store::table> table,
               std::string key, std::chrono::milliseconds patience, reconnect_options waits,
               io::random& random, log_sink log, unique_function<void()> on_stranger);

    /// `done` is called once the row was read, never inside the call.
    void load(unique_function<void(value)> done);
    void want(value v);
    /// `done` is called when the table has what is wanted; at once where it does already.
    void when_idle(unique_function<void()> done);
    /// Calls nothing any more, until something is wanted again. What was asked of the table is done
    /// or not.
    void stop() noexcept;
    /// Whether somebody else has changed the row.
    bool is_over() const noexcept { return work_ == work::over; }

 private:
    enum class work : std::uint8_t { none, asking, waiting, over };

    template <class... Values, class F, class Ask>
    void ask(F take, Ask start);
    void read();
    void write();
    void on_read(error_code ec, const store::row& r);
    void on_written(error_code ec, std::uint64_t revision, const value& what);
    void settle();
    void on_timer();
    void try_again(error_code ec);

    const std::shared_ptr<tidings::detail::lane> lane_;
    const std::shared_ptr<store::table> table_;
    const std::string key_;
    const std::chrono::milliseconds patience_;
    io::random& random_;
    tidings::detail::backoff backoff_;
    log_sink log_;
    unique_function<void()> on_stranger_;
    tidings::detail::wheel_timer again_;  // the end of a wait, or of the table's time

    work work_ = work::none;
    bool known_ = false;      // what the table has
    std::uint64_t turn_ = 0;  // answers of earlier ones are late
    value stored_;
    std::uint64_t revision_ = 0;
    value wanted_;
    std::optional<value> tried_;  // what may have been written, although that failed
    unique_function<void(value)> on_loaded_;
    std::vector<unique_function<void()>> on_idle_;
};

}  // namespace tidings::rest_hook::detail
