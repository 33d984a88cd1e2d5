// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/clock.hpp>
#include <tidings/io/random.hpp>
#include <tidings/store/sqlite/impl/delivered_state.hpp>

#include <algorithm>
#include <cstring>

namespace tidings::sqlite::detail {

namespace {

constexpr std::size_t secret_bytes = 32;
constexpr std::size_t gone_at_once = 1024;

std::string_view bytes_of(const delivered_state::key& k) noexcept {
    return {reinterpret_cast<const char*>(k.data()), sizeof k};
}

std::string make_secret() {
    std::string secret(secret_bytes, '\0');
    io::system_random().fill(std::as_writable_bytes(std::span(secret)));
    return secret;
}

}  // namespace

delivered_state::statements::statements(connection& c)
    : insert(c, "INSERT INTO ids (name, number, id, added) VALUES (?, ?, ?, ?)"),
      erase(c, "DELETE FROM ids WHERE name = ? AND number = ?") {}

std::shared_ptr<delivered_state> delivered_state::make(const std::shared_ptr<database_state>& db,
                                                       const std::string& name,
                                                       const store::delivered_ids_options& o,
                                                       error_code& ec) {
    const std::shared_ptr<delivered_state> made(
        new delivered_state(db->writing().of(), db->options(), o));
    ec = db->writing().run_now([&] {
        made->load(db->writing().of(), name);
        db->writing().add(made);
    });
    return made;
}

std::int64_t delivered_state::now() const noexcept {
    const auto& clock = options_.clock != nullptr ? *options_.clock : io::system_clock();
    return std::chrono::floor<std::chrono::milliseconds>(clock.wall_now())
        .time_since_epoch()
        .count();
}

void delivered_state::load_secret(connection& c, const std::string& name) {
    statement known(c, "SELECT id, secret FROM idnames WHERE name = ?");
    auto r = known.query(name);
    if (r.next()) {
        set_ = r.number(0);
        hmac_.emplace(tidings::digest::sha256, r.text(1));
        return;
    }
    const auto secret = make_secret();
    statement insert(c, "INSERT INTO idnames (name, secret) VALUES (?, ?) RETURNING id");
    auto made = insert.query(name, bytes_view{secret});
    while (made.next()) set_ = made.number(0);
    hmac_.emplace(tidings::digest::sha256, secret);
}

void delivered_state::load(connection& c, const std::string& name) {
    load_secret(c, name);
    {
        statement all(c, "SELECT number, added, id FROM ids WHERE name = ? ORDER BY number");
        auto r = all.query(set_);
        while (r.next()) {
            row one{r.number(0), r.number(1)};
            const auto bytes = r.text(2);
            if (bytes.size() != sizeof one.id)
                throw failure(11, "an id in the file is damaged");  // SQLITE_CORRUPT
            std::memcpy(one.id.data(), bytes.data(), sizeof one.id);
            last_number_ = one.number;
            rows_.push_back(one);
            ids_.emplace(one.id, std::prev(rows_.end()));
        }
    }
    statements_.emplace(c);
}

delivered_state::key delivered_state::key_of(std::string_view id) {
    const std::lock_guard lock(keying_);
    const auto mac = hmac_->sign({id});
    key k{};
    std::memcpy(k.data(), mac.bytes().data(), sizeof k);
    return k;
}

bool delivered_state::contains(const key& k) const noexcept {
    const std::lock_guard lock(mutex_);
    return ids_.contains(k);
}

void delivered_state::add(std::span<const key> ks) {
    for (const auto& k : ks) {
        if (new_ids_.contains(k) || contains(k)) continue;
        new_rows_.push_back({++last_number_, now(), k});
        const auto& made = new_rows_.back();
        new_ids_.emplace(k, std::prev(new_rows_.end()));
        statements_->insert.run(set_, made.number, bytes_view{bytes_of(k)}, made.added);
    }
}

bool delivered_state::is_over(const row& oldest, std::size_t count,
                              std::int64_t at) const noexcept {
    if (count > std::max<std::size_t>(limits_.max_bytes / id_bytes, 1)) return true;
    return limits_.max_age.count() != 0 && at - oldest.added > limits_.max_age.count();
}

// Of the ids that were known before the group: those of the group stay until the next.
void delivered_state::before_commit() {
    gone_ = 0;
    const auto at = now();
    const auto all = rows_.size() + new_rows_.size();
    const auto most = std::max(gone_at_once, 2 * new_rows_.size());
    for (const auto& one : rows_) {
        if (gone_ == most || !is_over(one, all - gone_, at)) break;
        statements_->erase.run(set_, one.number);
        ++gone_;
    }
}

// Nothing is allocated here: the nodes are moved.
void delivered_state::after_commit() noexcept {
    if (gone_ == 0 && new_rows_.empty()) return;
    row_list gone;  // released without the mutex
    const std::lock_guard lock(mutex_);
    for (; gone_ > 0; --gone_) {
        ids_.erase(rows_.front().id);
        gone.splice(gone.end(), rows_, rows_.begin());
    }
    rows_.splice(rows_.end(), new_rows_);
    ids_.merge(new_ids_);
}

void delivered_state::on_close() noexcept {
    connection_ = nullptr;
    statements_.reset();
}

}  // namespace tidings::sqlite::detail
