// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/sqlite/impl/database_state.hpp>
#include <tidings/store/sqlite/impl/outbox_file.hpp>

#include <mutex>

namespace tidings::sqlite::detail {

/// An outbox's part of the database: the rows in memory, which answer, and their picture in the
/// file, which is brought up to date at the end of each group.
class outbox_state final : public group_member {
 public:
    explicit outbox_state(const store::outbox_options& options) : rows_(options) {}
    /// Loads it. Not from the writing thread. @error what the database reports
    TIDINGS_DECL static std::shared_ptr<outbox_state> make(
        const std::shared_ptr<database_state>& db, const store::outbox_options& options,
        error_code& ec);

    /// On the writing thread.
    template <class F>
    void perform(F f) {
        const std::lock_guard lock(mutex_);
        f(rows_);
    }
    TIDINGS_DECL store::outbox_stats stats() const noexcept;

    TIDINGS_DECL void before_commit() override;
    void after_commit() noexcept override {}
    void on_close() noexcept override { file_.reset(); }

 private:
    mutable std::mutex mutex_;  // guards the rows against `stats`
    store::detail::outbox_tables rows_;
    store::detail::outbox_changes changes_;  // of the writing thread, as what follows
    std::optional<outbox_file> file_;
};

}  // namespace tidings::sqlite::detail
