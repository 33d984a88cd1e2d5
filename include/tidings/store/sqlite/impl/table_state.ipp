// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/sqlite/impl/table_state.hpp>

#include <limits>

namespace tidings::sqlite::detail {

table_state::statements::statements(connection& c)
    : begin(c, "INSERT OR IGNORE INTO tables (name, revision) VALUES (?, 0)"),
      next(c, "UPDATE tables SET revision = revision + 1 WHERE name = ? RETURNING revision"),
      get(c, "SELECT value, revision FROM rows WHERE name = ? AND key = ?"),
      put(c, "INSERT OR REPLACE INTO rows (name, key, value, revision) VALUES (?, ?, ?, ?)"),
      erase(c, "DELETE FROM rows WHERE name = ? AND key = ?"),
      scan(
          c,
          "SELECT key, value, revision FROM rows WHERE name = ? AND key > ? ORDER BY key LIMIT ?") {
}

bool table_state::open(connection& c) {
    if (statements_) return false;
    statements_.emplace(c);
    return true;
}

std::optional<store::row> table_state::get(const std::string& key) {
    auto r = statements_->get.query(name_, bytes_view{key});
    if (!r.next()) return std::nullopt;
    return store::row{key, std::string(r.text(0)), static_cast<std::uint64_t>(r.number(1))};
}

std::uint64_t table_state::put(const std::string& key, const std::string& value) {
    statements_->begin.run(name_);
    std::int64_t revision = 0;
    {
        auto r = statements_->next.query(name_);
        while (r.next()) revision = r.number(0);
    }
    statements_->put.run(name_, bytes_view{key}, bytes_view{value}, revision);
    return static_cast<std::uint64_t>(revision);
}

void table_state::erase(const std::string& key) {
    statements_->erase.run(name_, bytes_view{key});
}

std::vector<store::row> table_state::scan(const std::string& after, std::size_t max) {
    constexpr std::size_t most = std::numeric_limits<std::int64_t>::max();
    std::vector<store::row> page;
    auto r = statements_->scan.query(name_, bytes_view{after},
                                     static_cast<std::int64_t>(std::min(max, most)));
    while (r.next())
        page.push_back({std::string(r.text(0)), std::string(r.text(1)),
                        static_cast<std::uint64_t>(r.number(2))});
    return page;
}

}  // namespace tidings::sqlite::detail
