// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/sqlite/impl/reader.hpp>

#include <atomic>
#include <string>

namespace tidings::sqlite::detail {

/// Copies of a database, made one at a time on its reading thread, where reads go on meanwhile.
class backup {
 public:
    /// `closed`: the database ends, and a copy that is being made with it.
    backup(const database_options& o, shared_parts& shared, reader& r,
           const std::atomic<bool>& closed) noexcept
        : options_(o),
          shared_(shared),
          reader_(r),
          closed_(closed) {}

    /// Makes one, which gets its name when it is whole. @error errc::closed, errc::store_full,
    /// errc::store_failed, errc::out_of_memory, what the system reports
    TIDINGS_DECL error_code make(const std::string& path) noexcept;

 private:
    error_code copy_to(const std::string& part);
    bool go_on() noexcept;

    const database_options& options_;
    shared_parts& shared_;
    reader& reader_;
    const std::atomic<bool>& closed_;
    const std::string* part_ = nullptr;  // what is being written
    bool was_full_ = false;              // and given up for its disk
};

}  // namespace tidings::sqlite::detail
