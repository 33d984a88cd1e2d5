// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/impl/watcher_list.hpp>
#include <tidings/store/sqlite/impl/connection.hpp>
#include <tidings/store/sqlite/impl/write_job.hpp>

namespace tidings::sqlite::detail {

/// A table's rows in the file. Of the writing thread, but for the watchers.
class table_state final : public group_member {
 public:
    explicit table_state(std::string name) : name_(std::move(name)) {}

    const std::shared_ptr<store::detail::watcher_list>& watchers() const noexcept {
        return watchers_;
    }
    /// Prepares its statements; false where they are. @throws failure, as all that follows
    TIDINGS_DECL bool open(connection& c);
    TIDINGS_DECL std::optional<store::row> get(const std::string& key);
    /// Gives the row's revision.
    TIDINGS_DECL std::uint64_t put(const std::string& key, const std::string& value);
    TIDINGS_DECL void erase(const std::string& key);
    TIDINGS_DECL std::vector<store::row> scan(const std::string& after, std::size_t max);

    void before_commit() override {}
    void after_commit() noexcept override {}
    void on_close() noexcept override { statements_.reset(); }

 private:
    struct statements {
        explicit statements(connection& c);
        statement begin, next, get, put, erase, scan;
    };
    const std::string name_;
    const std::shared_ptr<store::detail::watcher_list> watchers_ =
        std::make_shared<store::detail::watcher_list>();
    std::optional<statements> statements_;
};

}  // namespace tidings::sqlite::detail
