// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/impl/outbox_picture.hpp>
#include <tidings/store/sqlite/impl/body_store.hpp>

#include <unordered_map>

namespace tidings::sqlite::detail {

/// The rows of an outbox in the file: a picture of what `outbox_tables` holds. Of the writing
/// thread; everything throws `failure`.
class outbox_file {
 public:
    TIDINGS_DECL outbox_file(connection& c, body_store& bodies);

    /// Fills tables that are empty.
    TIDINGS_DECL void load(store::detail::outbox_picture to);
    /// Writes down what changed.
    TIDINGS_DECL void write(const store::detail::outbox_picture& from,
                            const store::detail::outbox_changes& changes);

 private:
    using picture = store::detail::outbox_picture;
    using message_pointer = std::shared_ptr<const store::outbox_message>;
    /// A message's row, and how many rows name it.
    struct stored_message {
        std::int64_t id = 0;
        std::optional<std::int64_t> body{};
        std::size_t uses = 0;
    };
    using stored_map = std::unordered_map<const store::outbox_message*, stored_message>;
    /// The message of each row, by the row's key: what is taken away names it no more.
    using named_map = std::unordered_map<std::uint64_t, message_pointer>;

    std::unordered_map<std::int64_t, message_pointer> load_messages();
    void load_endpoints(picture& to);
    void load_entries(picture& to, const std::unordered_map<std::int64_t, message_pointer>& known);
    void load_attempts(picture& to, const std::unordered_map<std::int64_t, message_pointer>& known);
    void write_entry(const picture& from, std::uint64_t key);
    void write_attempt(const picture& from, std::uint64_t key);
    void write_endpoint(const picture& from, const std::string& id);
    void load_counts(picture& to);
    void write_minute(const picture& from, const std::string& endpoint,
                      store::outbox_minute minute);
    void write_mark(const picture& from, const store::detail::mark_key& key);
    std::int64_t name_message(named_map& of, std::uint64_t key, const message_pointer& m);
    void unname_message(named_map& of, std::uint64_t key);
    stored_message insert_message(const store::outbox_message& m);

    connection& connection_;
    body_store& bodies_;
    statement put_entry_, erase_entry_, put_attempt_, erase_attempt_, put_endpoint_,
        erase_endpoint_, put_message_, erase_message_, put_mark_, erase_mark_, put_keys_,
        put_minute_, erase_minute_, erase_minutes_;
    stored_map stored_;
    named_map entries_, attempts_;
    std::uint64_t last_entry_ = 0, last_attempt_ = 0;  // as the file has them
};

}  // namespace tidings::sqlite::detail
