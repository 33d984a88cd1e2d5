// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/log.hpp>
#include <tidings/store/impl/watcher_list.hpp>
#include <tidings/store/sqlite/impl/connection.hpp>
#include <tidings/store/sqlite/impl/write_job.hpp>
#include <tidings/store/sqlite/secret_cipher.hpp>

namespace tidings::sqlite::detail {

/// A table's rows in the file. Of the writing thread, but for the watchers.
class table_state final : public group_member {
 public:
    /// `cipher`: seals its values; may be null.
    table_state(std::string name, std::shared_ptr<const secret_cipher> cipher, log_sink log)
        : name_(std::move(name)),
          cipher_(std::move(cipher)),
          log_(std::move(log)) {}

    const std::shared_ptr<store::detail::watcher_list>& watchers() const noexcept {
        return watchers_;
    }
    /// Prepares its statements; false where they are. @throws failure, as all that follows
    TIDINGS_DECL bool open(connection& c);
    /// @error errc::not_found, errc::store_damaged (it cannot be opened by the cipher's keys, or is
    /// plain text although there is a cipher)
    TIDINGS_DECL error_code get(const std::string& key, store::row& out);
    /// 0: there is none.
    TIDINGS_DECL std::uint64_t revision_of(const std::string& key);
    /// Gives the row's revision.
    TIDINGS_DECL std::uint64_t put(const std::string& key, const std::string& value);
    TIDINGS_DECL void erase(const std::string& key);
    /// Leaves out, and logs, what `get` would call damaged.
    TIDINGS_DECL void scan(const std::string& after, std::size_t max,
                           std::vector<store::row>& page);

    void before_commit() override {}
    void after_commit() noexcept override {}
    void on_close() noexcept override { statements_.reset(); }

 private:
    struct statements {
        explicit statements(connection& c);
        statement begin, next, get, revision, put, erase, scan;
    };
    error_code read_row(const rows& r, std::string_view key, store::row& out) const;
    void log_damage(std::string_view key) const;

    const std::string name_;
    const std::shared_ptr<const secret_cipher> cipher_;
    const log_sink log_;
    const std::shared_ptr<store::detail::watcher_list> watchers_ =
        std::make_shared<store::detail::watcher_list>();
    std::optional<statements> statements_;
};

}  // namespace tidings::sqlite::detail
