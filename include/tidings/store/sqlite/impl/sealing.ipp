// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/sqlite/impl/sealing.hpp>

#include <vector>

namespace tidings::sqlite::detail {

namespace {

constexpr std::int64_t sealed_at_once = 256;

struct value_row {
    std::string table, key, value;
    std::optional<std::int64_t> seal{};
};

// In order, behind a place; null: from the beginning.
std::vector<value_row> find_unsealed(connection& c, std::int64_t key, const value_row* after) {
    statement page(c, std::string("SELECT name, key, value, seal FROM rows WHERE (name, key) ") +
                          (after != nullptr ? ">" : ">=") +
                          " (?, ?) AND seal IS NOT ? ORDER BY name, key LIMIT ?");
    const value_row first;
    const auto& from = after != nullptr ? *after : first;
    auto r = page.query(from.table, bytes_view{from.key}, key, sealed_at_once);
    std::vector<value_row> found;
    while (r.next()) {
        value_row one{std::string(r.text(0)), std::string(r.text(1)), std::string(r.text(2))};
        if (!r.is_null(3)) one.seal = r.number(3);
        found.push_back(std::move(one));
    }
    return found;
}

// A value that its key does not open is damaged, and stays so: it goes by the first key from now
// on, so that the old one can go.
void seal_page(connection& c, const secret_cipher& cipher, const std::vector<value_row>& page) {
    statement put(c, "UPDATE rows SET value = ?, seal = ? WHERE name = ? AND key = ?");
    transaction t(c);
    for (const auto& one : page) {
        const auto place = place_of_row(one.table, one.key);
        const auto plain =
            one.seal ? cipher.open(*one.seal, place, one.value) : std::optional(one.value);
        put.run(bytes_view{plain ? cipher.seal(place, *plain) : one.value}, cipher.sealing_key(),
                one.table, bytes_view{one.key});
    }
    t.commit();
}

}  // namespace

// The name of a table may hold any character: its length comes first.
std::string place_of_row(std::string_view table, std::string_view key) {
    auto place = std::to_string(table.size()) + ':';
    return place.append(table).append(key);
}

bool can_open_all(connection& c, const secret_cipher* cipher) {
    statement all(c, "SELECT DISTINCT seal FROM rows WHERE seal IS NOT NULL");
    auto r = all.query();
    while (r.next())
        if (cipher == nullptr || !cipher->has(r.number(0))) return false;
    return true;
}

// Pages that were filled anew keep remains of what stood in them: the file is written anew, also
// where the process ended before that.
bool seal_all(connection& c, const secret_cipher& cipher) {
    if (c.number("SELECT EXISTS (SELECT 1 FROM rows WHERE seal IS NULL)") != 0)
        c.execute("UPDATE sealing SET remains = 1");
    std::optional<value_row> last;
    for (;;) {
        const auto page = find_unsealed(c, cipher.sealing_key(), last ? &*last : nullptr);
        if (page.empty()) break;
        seal_page(c, cipher, page);
        last = page.back();
    }
    if (c.number("SELECT remains FROM sealing") == 0) return true;
    c.execute("VACUUM");
    if (!c.empty_log()) return false;
    c.execute("UPDATE sealing SET remains = 0");
    return true;
}

}  // namespace tidings::sqlite::detail
