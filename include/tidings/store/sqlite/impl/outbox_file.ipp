// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/sqlite/impl/outbox_file.hpp>
#include <tidings/store/sqlite/impl/outbox_text.hpp>

namespace tidings::sqlite::detail {

namespace {

using store::outbox_time;

std::int64_t ticks_of(outbox_time t) noexcept {
    return t.time_since_epoch().count();
}

std::optional<std::int64_t> ticks_of(const std::optional<outbox_time>& t) noexcept {
    if (!t) return std::nullopt;
    return ticks_of(*t);
}

outbox_time time_in(const rows& r, int column) noexcept {
    return outbox_time(outbox_time::duration(r.number(column)));
}

std::optional<outbox_time> optional_time_in(const rows& r, int column) noexcept {
    if (r.is_null(column)) return std::nullopt;
    return time_in(r, column);
}

using phase = store::outbox_timings::phase;

std::optional<std::int64_t> count_of(const phase& p) noexcept {
    if (!p) return std::nullopt;
    return p->count();
}

phase phase_in(const rows& r, int column) noexcept {
    if (r.is_null(column)) return std::nullopt;
    return std::chrono::microseconds(r.number(column));
}

std::int64_t as_signed(std::uint64_t v) noexcept {
    return static_cast<std::int64_t>(v);
}

std::string string_in(const rows& r, int column) {
    return std::string(r.text(column));
}

// A mark in the file: the history, and behind a line feed the endpoint where it has one.
std::string name_of(const store::detail::mark_key& key) {
    return key.first.empty() ? key.second : key.second + '\n' + key.first;
}

store::detail::mark_key mark_named(std::string_view name) {
    const auto end = name.find('\n');
    const auto endpoint = end == name.npos ? std::string_view() : name.substr(end + 1);
    return {std::string(endpoint), std::string(name.substr(0, end))};
}

constexpr char entry_columns[] =
    "key, endpoint, messageid, webhookid, message, part, batch, batchindex, attempts, created, "
    "due, "
    "expires, firstfailure, error, state, since";
constexpr char attempt_columns[] =
    "key, entry, endpoint, messageid, webhookid, message, number, at, resolve, connect, tls, "
    "firstbyte, total, status, error, cause, address, head, body, write";

constexpr char minute_columns[] = "endpoint, minute, succeeded, failed, total, longest, latencies";

std::string put_sql(const char* table, const char* columns, int count) {
    std::string sql =
        std::string("INSERT OR REPLACE INTO ") + table + " (" + columns + ") VALUES (?";
    while (--count > 0) sql += ", ?";
    return sql + ")";
}

}  // namespace

outbox_file::outbox_file(connection& c, body_store& bodies)
    : connection_(c),
      bodies_(bodies),
      put_entry_(c, put_sql("entries", entry_columns, 16)),
      erase_entry_(c, "DELETE FROM entries WHERE key = ?"),
      put_attempt_(c, put_sql("attempts", attempt_columns, 20)),
      erase_attempt_(c, "DELETE FROM attempts WHERE key = ?"),
      put_endpoint_(c, put_sql("endpoints", "id, owner, limits, history, began, added, health", 7)),
      erase_endpoint_(c, "DELETE FROM endpoints WHERE id = ?"),
      put_message_(c,
                   "INSERT INTO messages (source, event, type, topic, history, position, "
                   "contenttype, fields, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id"),
      erase_message_(c, "DELETE FROM messages WHERE id = ?"),
      put_mark_(c, put_sql("marks", "history, position", 2)),
      erase_mark_(c, "DELETE FROM marks WHERE history = ?"),
      put_keys_(c, "UPDATE keys SET entry = ?, attempt = ?"),
      put_minute_(c, put_sql("attempt_minutes", minute_columns, 7)),
      erase_minute_(c, "DELETE FROM attempt_minutes WHERE endpoint = ? AND minute = ?"),
      erase_minutes_(c, "DELETE FROM attempt_minutes WHERE endpoint = ?") {}

void outbox_file::load(store::detail::outbox_picture to) {
    const auto known = load_messages();
    load_endpoints(to);
    load_entries(to, known);
    load_attempts(to, known);
    load_counts(to);
    statement marks(connection_, "SELECT history, position FROM marks");
    auto mark = marks.query();
    while (mark.next()) to.restore(mark_named(mark.text(0)), read_position(mark.text(1)));
    statement keys(connection_, "SELECT entry, attempt FROM keys");
    auto last = keys.query();
    while (last.next()) {
        last_entry_ = static_cast<std::uint64_t>(last.number(0));
        last_attempt_ = static_cast<std::uint64_t>(last.number(1));
    }
    to.start_after(last_entry_, last_attempt_);
}

std::unordered_map<std::int64_t, outbox_file::message_pointer> outbox_file::load_messages() {
    std::unordered_map<std::int64_t, message_pointer> known;
    std::unordered_map<std::int64_t, std::shared_ptr<const std::string>> bodies;
    statement all(
        connection_,
        "SELECT m.id, source, event, type, topic, history, position, contenttype, fields, "
        "body, b.bytes FROM messages m LEFT JOIN bodies b ON b.id = m.body");
    auto r = all.query();
    while (r.next()) {
        auto m = std::make_shared<store::outbox_message>();
        m->source = r.text(1);
        m->id = r.text(2);
        m->type = r.text(3);
        m->topic = r.text(4);
        m->history = r.text(5);
        m->position = read_position(r.text(6));
        m->content_type = r.text(7);
        m->fields = read_fields(r.text(8));
        stored_message row{r.number(0)};
        if (!r.is_null(9)) {
            row.body = r.number(9);
            auto& body = bodies[*row.body];
            if (!body) body = std::make_shared<const std::string>(r.text(10));
            m->body = body;
        }
        stored_.emplace(m.get(), row);
        known.emplace(row.id, std::move(m));
    }
    return known;
}

void outbox_file::load_endpoints(picture& to) {
    statement all(connection_,
                  "SELECT id, owner, limits, history, began, added, health FROM endpoints");
    auto r = all.query();
    while (r.next()) {
        store::outbox_endpoint e;
        e.id = r.text(0);
        e.owner = r.text(1);
        if (!r.is_null(2)) e.limits = read_limits(r.text(2));
        e.history = r.text(3);
        e.began = read_position(r.text(4));
        e.added = time_in(r, 5);
        e.health = read_health(r.text(6));
        to.restore(std::move(e));
    }
}

void outbox_file::load_counts(picture& to) {
    statement all(connection_, std::string("SELECT ") + minute_columns + " FROM attempt_minutes");
    auto r = all.query();
    while (r.next()) {
        store::outbox_attempt_counts c;
        c.minute = store::outbox_minute(std::chrono::minutes(r.number(1)));
        c.succeeded = static_cast<std::uint32_t>(r.number(2));
        c.failed = static_cast<std::uint32_t>(r.number(3));
        c.total = std::chrono::microseconds(r.number(4));
        c.longest = std::chrono::microseconds(r.number(5));
        c.latencies = read_latencies(r.text(6));
        to.restore(string_in(r, 0), c);
    }
}

void outbox_file::load_entries(picture& to,
                               const std::unordered_map<std::int64_t, message_pointer>& known) {
    statement all(connection_,
                  std::string("SELECT ") + entry_columns + " FROM entries ORDER BY key");
    auto r = all.query();
    while (r.next()) {
        store::outbox_listed l;
        auto& e = l.entry;
        e.key = static_cast<std::uint64_t>(r.number(0));
        e.endpoint = r.text(1);
        e.message_id = r.text(2);
        e.webhook_id = r.text(3);
        e.message = known.at(r.number(4));
        if (!r.is_null(5)) e.partition = string_in(r, 5);
        e.batch = {string_in(r, 6), static_cast<std::uint32_t>(r.number(7))};
        e.attempts = static_cast<std::uint32_t>(r.number(8));
        e.created = time_in(r, 9);
        e.due = time_in(r, 10);
        e.expires = optional_time_in(r, 11);
        e.first_failure = optional_time_in(r, 12);
        e.last_error = read_error(r.text(13));
        l.state = static_cast<store::outbox_state>(r.number(14));
        l.since = time_in(r, 15);
        name_message(entries_, e.key, e.message);
        to.restore(std::move(l));
    }
}

void outbox_file::load_attempts(picture& to,
                                const std::unordered_map<std::int64_t, message_pointer>& known) {
    statement all(connection_,
                  std::string("SELECT ") + attempt_columns + " FROM attempts ORDER BY key");
    auto r = all.query();
    while (r.next()) {
        store::outbox_attempt a;
        a.key = static_cast<std::uint64_t>(r.number(0));
        a.entry = static_cast<std::uint64_t>(r.number(1));
        a.endpoint = r.text(2);
        a.message_id = r.text(3);
        a.webhook_id = r.text(4);
        a.message = known.at(r.number(5));
        a.number = static_cast<std::uint32_t>(r.number(6));
        a.at = time_in(r, 7);
        a.timings = {.resolve = phase_in(r, 8),
                     .connect = phase_in(r, 9),
                     .tls = phase_in(r, 10),
                     .write = phase_in(r, 19),
                     .first_byte = phase_in(r, 11),
                     .total = phase_in(r, 12)};
        a.status = static_cast<unsigned>(r.number(13));
        a.error = read_error(r.text(14));
        a.cause = r.text(15);
        a.address = r.text(16);
        a.response_head = r.text(17);
        a.response_body = r.text(18);
        name_message(attempts_, a.key, a.message);
        to.restore(std::move(a));
    }
}

}  // namespace tidings::sqlite::detail
