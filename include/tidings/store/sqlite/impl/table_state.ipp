// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/guarded.hpp>
#include <tidings/store/sqlite/impl/sealing.hpp>
#include <tidings/store/sqlite/impl/table_state.hpp>

#include <limits>

namespace tidings::sqlite::detail {

table_state::statements::statements(connection& c)
    : begin(c, "INSERT OR IGNORE INTO tables (name, revision) VALUES (?, 0)"),
      next(c, "UPDATE tables SET revision = revision + 1 WHERE name = ? RETURNING revision"),
      get(c, "SELECT key, value, revision, seal FROM rows WHERE name = ? AND key = ?"),
      revision(c, "SELECT revision FROM rows WHERE name = ? AND key = ?"),
      put(c,
          "INSERT OR REPLACE INTO rows (name, key, value, revision, seal) VALUES (?, ?, ?, ?, ?)"),
      erase(c, "DELETE FROM rows WHERE name = ? AND key = ?"),
      scan(c,
           "SELECT key, value, revision, seal FROM rows WHERE name = ? AND key > ? ORDER BY key "
           "LIMIT ?") {}

bool table_state::open(connection& c) {
    if (statements_) return false;
    statements_.emplace(c);
    return true;
}

error_code table_state::read_row(const rows& r, std::string_view key, store::row& out) const {
    out = {std::string(key), std::string(r.text(1)), static_cast<std::uint64_t>(r.number(2))};
    // With a cipher everything is sealed when the file is opened: plain text came in another way.
    if (r.is_null(3)) return cipher_ ? make_error_code(errc::store_damaged) : error_code();
    auto opened = cipher_ ? cipher_->open(r.number(3), place_of_row(name_, key), out.value)
                          : std::optional<std::string>();
    if (!opened) return errc::store_damaged;
    out.value = *std::move(opened);
    return {};
}

error_code table_state::get(const std::string& key, store::row& out) {
    auto r = statements_->get.query(name_, bytes_view{key});
    if (!r.next()) return errc::not_found;
    return read_row(r, key, out);
}

std::uint64_t table_state::revision_of(const std::string& key) {
    auto r = statements_->revision.query(name_, bytes_view{key});
    return r.next() ? static_cast<std::uint64_t>(r.number(0)) : 0;
}

std::uint64_t table_state::put(const std::string& key, const std::string& value) {
    statements_->begin.run(name_);
    std::int64_t revision = 0;
    {
        auto r = statements_->next.query(name_);
        while (r.next()) revision = r.number(0);
    }
    std::optional<std::int64_t> seal;
    std::string sealed;
    if (cipher_) {
        seal = cipher_->sealing_key();
        sealed = cipher_->seal(place_of_row(name_, key), value);
    }
    statements_->put.run(name_, bytes_view{key}, bytes_view{cipher_ ? sealed : value}, revision,
                         seal);
    return static_cast<std::uint64_t>(revision);
}

void table_state::erase(const std::string& key) {
    statements_->erase.run(name_, bytes_view{key});
}

// What is left out is made up for by rows behind it: a page that is not full is the last.
void table_state::scan(const std::string& after, std::size_t max, std::vector<store::row>& page) {
    constexpr std::size_t most = std::numeric_limits<std::int64_t>::max();
    auto from = after;
    for (std::size_t wanted = max, left_out = max; left_out != 0; wanted = left_out) {
        left_out = 0;
        auto r = statements_->scan.query(name_, bytes_view{from},
                                         static_cast<std::int64_t>(std::min(wanted, most)));
        std::string last;
        while (r.next()) {
            last = r.text(0);
            store::row one;
            if (read_row(r, last, one)) {
                log_damage(last);
                ++left_out;
            } else {
                page.push_back(std::move(one));
            }
        }
        from = std::move(last);
    }
}

void table_state::log_damage(std::string_view key) const {
    if (!log_) return;
    const auto what = "a row of the table " + name_ + " cannot be opened: " + std::string(key);
    tidings::detail::write_log(log_, {log_level::error, "sqlite", what, errc::store_damaged});
}

}  // namespace tidings::sqlite::detail
