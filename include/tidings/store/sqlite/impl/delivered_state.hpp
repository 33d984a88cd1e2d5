// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/crypto/impl/hmac.hpp>
#include <tidings/store/delivered_ids.hpp>
#include <tidings/store/sqlite/impl/database_state.hpp>

#include <atomic>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>

namespace tidings::sqlite::detail {

/// The ids of one name: in the file on the writing thread, and in memory for `contains`.
class delivered_state final : public group_member {
 public:
    using key = store::delivered_ids::key;
    using keys = store::delivered_ids::keys;
    static constexpr std::size_t id_bytes = 128;

    /// Loads them. Not from the writing thread. @error what the database reports
    TIDINGS_DECL static std::shared_ptr<delivered_state> make(
        const std::shared_ptr<database_state>& db, const std::string& name,
        const store::delivered_ids_options& o, error_code& ec);

    TIDINGS_DECL key key_of(std::string_view id);
    TIDINGS_DECL bool contains(const key& k) const noexcept;

    // Of the writing thread.
    /// In the group that is being written. @throws failure, std::bad_alloc
    TIDINGS_DECL void add(std::span<const key> ks);
    TIDINGS_DECL void before_commit() override;
    TIDINGS_DECL void after_commit() noexcept override;
    TIDINGS_DECL void on_close() noexcept override;

    /// Whether its rows are in the file of this connection. From any thread.
    bool is_of(const connection& c) const noexcept { return connection_ == &c; }

 private:
    struct row {
        std::int64_t number = 0;
        std::int64_t added = 0;  // milliseconds since 1970
        key id{};
    };
    using row_list = std::list<row>;
    using row_map = std::map<key, row_list::iterator>;
    struct statements {
        explicit statements(connection& c);
        statement insert, erase;
    };

    delivered_state(connection& c, const database_options& o, const store::delivered_ids_options& l)
        : options_(o),
          limits_(l),
          connection_(&c) {}
    void load(connection& c, const std::string& name);
    void load_secret(connection& c, const std::string& name);
    std::int64_t now() const noexcept;
    bool is_over(const row& oldest, std::size_t count, std::int64_t at) const noexcept;

    const database_options& options_;
    const store::delivered_ids_options limits_;
    std::atomic<const connection*> connection_;  // null once that is closed
    // Of the writing thread, as what follows.
    std::optional<statements> statements_;
    std::int64_t set_ = 0;
    std::int64_t last_number_ = 0;
    row_list new_rows_;  // of the group
    row_map new_ids_;
    std::size_t gone_ = 0;  // of the oldest, by the group

    std::mutex keying_;  // guards what follows
    std::optional<tidings::detail::hmac> hmac_;

    mutable std::mutex mutex_;  // guards what follows
    row_list rows_;             // the oldest first
    row_map ids_;
};

/// What a publication carries of ids.
class delivered_note final : public commit_note {
 public:
    delivered_note(std::shared_ptr<delivered_state> of, delivered_state::keys ks)
        : of_(std::move(of)),
          keys_(std::move(ks)) {}
    std::size_t footprint() const noexcept override {
        return sizeof *this + keys_.capacity() * sizeof(delivered_state::key);
    }
    /// Adds the ids to the group that is being written, where they are of this connection's file.
    /// @throws failure, std::bad_alloc
    void add_in(const connection& c) const {
        if (of_->is_of(c)) of_->add(keys_);
    }

 private:
    const std::shared_ptr<delivered_state> of_;
    const delivered_state::keys keys_;
};

}  // namespace tidings::sqlite::detail
