// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

struct sqlite3;
struct sqlite3_stmt;

namespace tidings::sqlite::detail {

/// What SQLite reported, with its extended result code.
class failure : public std::runtime_error {
 public:
    failure(int code, const std::string& what) : std::runtime_error(what), code_(code) {}
    int code() const noexcept { return code_; }
    /// The file is no database, or a damaged one. What the disk or the system refuses is neither.
    TIDINGS_DECL bool is_damage() const noexcept;
    /// The disk has no room, or refuses the process more of it.
    TIDINGS_DECL bool is_full() const noexcept;
    /// `interrupt` was called, or what `set_progress` was given said no.
    TIDINGS_DECL bool is_interrupt() const noexcept;
    /// Of a transaction: what the file holds is not known any more. It must not be tried again.
    TIDINGS_DECL bool is_final() const noexcept;

 private:
    int code_;
};

/// One connection to a file; one thread at a time.
class connection {
 public:
    /// `vfs` may be empty. The file must be there. @throws failure, std::bad_alloc
    TIDINGS_DECL connection(const std::string& path, const std::string& vfs);
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;

    /// One or more statements without parameters. @throws failure
    TIDINGS_DECL void execute(const char* sql);
    /// The first column of the first row. @throws failure
    TIDINGS_DECL std::int64_t number(const char* sql);
    TIDINGS_DECL std::string text(const char* sql);
    /// Reads every byte of the file and its log. @throws failure where one cannot be read
    TIDINGS_DECL void read_file();
    /// Lets what runs in it fail; from any thread.
    TIDINGS_DECL void interrupt() noexcept;
    /// The pages in the write-ahead log after the last commit of this connection.
    std::size_t log_pages() const noexcept { return log_pages_; }
    /// Copies what the log holds to the file, as far as no read needs it. @throws failure
    TIDINGS_DECL void make_checkpoint();
    /// The same, and leaves the log empty, of no bytes; other connections must not read. False: one
    /// did, of another program, for longer than the busy timeout; the log is as it was.
    /// @throws failure
    TIDINGS_DECL bool empty_log();
    /// Calls `f` now and then while a statement runs, which fails when that gives false. `f` must
    /// not use this. Null: no more.
    TIDINGS_DECL void set_progress(bool (*f)(void*), void* argument) noexcept;

    sqlite3* native() const noexcept { return db_.get(); }

 private:
    bool checkpoint(int mode);
    struct closer {
        TIDINGS_DECL void operator()(sqlite3* db) const noexcept;
    };
    struct progress {
        bool (*f)(void*) = nullptr;
        void* argument = nullptr;
    };
    progress progress_;
    std::size_t log_pages_ = 0;
    std::unique_ptr<sqlite3, closer> db_;
};

/// A blob, where text would be taken for one.
struct bytes_view {
    std::string_view bytes;
};

/// The rows of a statement that runs. What was bound must live as long.
class rows {
 public:
    explicit rows(sqlite3_stmt* s) noexcept : statement_(s) {}
    rows(rows&& o) noexcept : statement_(std::exchange(o.statement_, nullptr)) {}
    rows& operator=(rows&&) = delete;
    TIDINGS_DECL ~rows();

    /// False behind the last. @throws failure
    TIDINGS_DECL bool next();
    TIDINGS_DECL std::int64_t number(int column) const noexcept;
    /// Valid until `next`.
    TIDINGS_DECL std::string_view text(int column) const noexcept;
    TIDINGS_DECL bool is_null(int column) const noexcept;

 private:
    sqlite3_stmt* statement_;
};

/// A prepared statement.
class statement {
 public:
    /// @throws failure
    TIDINGS_DECL statement(connection& c, std::string_view sql);

    /// Binds the parameters, from the first on: integers, text, `bytes_view`, `std::optional`s.
    /// @throws failure
    template <class... Values>
    rows query(const Values&... values) {
        rows result(statement_.get());
        int at = 0;
        (bind(++at, values), ...);
        return result;
    }
    /// Runs it to its end. @throws failure
    template <class... Values>
    void run(const Values&... values) {
        auto result = query(values...);
        while (result.next()) {
        }
    }

 private:
    struct closer {
        TIDINGS_DECL void operator()(sqlite3_stmt* s) const noexcept;
    };
    TIDINGS_DECL void bind(int at, std::int64_t value);
    TIDINGS_DECL void bind(int at, std::string_view value);
    TIDINGS_DECL void bind(int at, bytes_view value);
    TIDINGS_DECL void bind(int at, std::nullptr_t);
    void bind(int at, const std::string& value) { bind(at, std::string_view(value)); }
    template <class T>
    void bind(int at, const std::optional<T>& value) {
        if (value)
            bind(at, *value);
        else
            bind(at, nullptr);
    }
    void check(int code) const;

    std::unique_ptr<sqlite3_stmt, closer> statement_;
};

/// Rolled back when it goes, unless it was committed.
class transaction {
 public:
    /// @throws failure
    explicit transaction(connection& c) : connection_(&c) { c.execute("BEGIN"); }
    TIDINGS_DECL ~transaction();
    transaction(const transaction&) = delete;
    transaction& operator=(const transaction&) = delete;

    /// @throws failure
    void commit() {
        connection_->execute("COMMIT");
        connection_ = nullptr;
    }

 private:
    connection* connection_;
};

}  // namespace tidings::sqlite::detail
