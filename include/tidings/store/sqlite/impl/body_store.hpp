// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/sqlite/impl/connection.hpp>

#include <array>
#include <cstdint>
#include <list>
#include <string>
#include <unordered_map>

namespace tidings::sqlite::detail {

/// Bodies in the file, each once: history, outbox and dead letters name them. What came lately is
/// recognised by its SHA-256, so that the rows of one event share its body, whichever comes first.
/// Of the writing thread.
class body_store {
 public:
    /// @throws failure
    explicit body_store(connection& c)
        : insert_(c, "INSERT INTO bodies (uses, bytes) VALUES (1, ?) RETURNING id"),
          use_(c, "UPDATE bodies SET uses = uses + 1 WHERE id = ?"),
          release_(c, "UPDATE bodies SET uses = uses - 1 WHERE id = ? RETURNING uses"),
          erase_(c, "DELETE FROM bodies WHERE id = ?") {}

    /// The body's row, which has one use more. @throws failure, std::bad_alloc
    TIDINGS_DECL std::int64_t add(std::string_view bytes);
    /// One use more of a row. @throws failure
    void use(std::int64_t id) { use_.run(id); }
    /// One use less. @throws failure
    TIDINGS_DECL void release(std::int64_t id);

 private:
    static constexpr std::size_t max_known = 1024;
    struct known {
        std::string hash;
        std::int64_t id;
    };
    void remember(std::string hash, std::int64_t id);
    void forget(std::int64_t id) noexcept;

    statement insert_, use_, release_, erase_;
    std::list<known> recent_;  // the newest last
    std::unordered_map<std::string_view, std::list<known>::iterator> by_hash_;
    std::unordered_map<std::int64_t, std::list<known>::iterator> by_id_;
};

}  // namespace tidings::sqlite::detail
