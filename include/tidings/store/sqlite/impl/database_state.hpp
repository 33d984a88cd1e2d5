// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/completion_handler.hpp>
#include <tidings/store/sqlite/impl/backup.hpp>
#include <tidings/store/sqlite/impl/body_store.hpp>
#include <tidings/store/sqlite/impl/opening.hpp>
#include <tidings/store/sqlite/impl/reader.hpp>
#include <tidings/store/sqlite/impl/table_state.hpp>
#include <tidings/store/sqlite/impl/writer.hpp>

#include <map>
#include <set>

namespace tidings::sqlite::detail {

/// What stands behind a `database` and its stores: the file and the two threads.
class database_state : public std::enable_shared_from_this<database_state> {
 public:
    /// Opens the file; null with an error. Blocks. @error what `open_store` reports
    TIDINGS_DECL static std::shared_ptr<database_state> open(net::any_io_executor executor,
                                                             database_options o, error_code& ec);
    database_state(net::any_io_executor executor, database_options o, opened_store opened);
    TIDINGS_DECL ~database_state();

    const net::any_io_executor& executor() const noexcept { return executor_; }
    const database_options& options() const noexcept { return options_; }
    writer& writing() noexcept { return *writer_; }
    reader& reading() noexcept { return *reader_; }
    shared_parts& shared() noexcept { return shared_; }
    body_store& bodies() noexcept { return *bodies_; }
    /// False the second time: there is one history in a file.
    bool take_history() noexcept { return !has_history_.test_and_set(); }
    bool take_outbox() noexcept { return !has_outbox_.test_and_set(); }
    /// False the second time for one name.
    TIDINGS_DECL bool take_ids(const std::string& name);
    /// What stands behind the tables of one name.
    TIDINGS_DECL std::shared_ptr<table_state> table_of(const std::string& name);

    TIDINGS_DECL error_code status() const noexcept;
    /// Ends both threads, behind what was started, and releases the file.
    TIDINGS_DECL void close() noexcept;

    using handler = tidings::completion_handler<error_code>;
    TIDINGS_DECL void start_backup(std::string path, handler h);
    TIDINGS_DECL void start_drain(handler h);

 private:
    void start();
    void finish() noexcept;

    const net::any_io_executor executor_;
    const database_options options_;
    opened_store opened_;
    shared_parts shared_;
    const std::shared_ptr<work_keeper> work_;
    std::optional<body_store> bodies_;
    std::optional<writer> writer_;
    std::optional<reader> reader_;
    std::optional<backup> backup_;  // of the reading thread
    std::mutex tables_mutex_;
    std::map<std::string, std::shared_ptr<table_state>> tables_;
    std::set<std::string> ids_;  // guarded by tables_mutex_, too
    std::atomic_flag has_history_, has_outbox_;
    std::atomic<bool> closed_{false};
};

}  // namespace tidings::sqlite::detail
