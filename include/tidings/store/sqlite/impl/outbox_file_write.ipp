// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/sqlite/impl/outbox_file.hpp>
#include <tidings/store/sqlite/impl/outbox_text.hpp>

namespace tidings::sqlite::detail {

void outbox_file::write(const picture& from, const store::detail::outbox_changes& changes) {
    // Without memory to note a change the file would be another outbox than the memory.
    if (changes.is_incomplete()) throw std::bad_alloc();
    for (const auto& id : changes.endpoints()) write_endpoint(from, id);
    for (const auto key : changes.attempts()) write_attempt(from, key);
    for (const auto key : changes.entries()) write_entry(from, key);
    for (const auto& key : changes.marks()) write_mark(from, key);
    for (const auto& id : changes.no_minutes()) erase_minutes_.run(id);
    for (const auto& [id, minute] : changes.minutes()) write_minute(from, id, minute);
    const auto entry = from.last_entry();
    const auto attempt = from.last_attempt();
    if (entry == last_entry_ && attempt == last_attempt_) return;
    put_keys_.run(as_signed(entry), as_signed(attempt));
    last_entry_ = entry;
    last_attempt_ = attempt;
}

// A claim ends with the process: what is claimed is written down as pending.
void outbox_file::write_entry(const picture& from, std::uint64_t key) {
    const auto* l = from.find_entry(key);
    if (l == nullptr) {
        erase_entry_.run(as_signed(key));
        return unname_message(entries_, key);
    }
    const auto& e = l->entry;
    const auto state =
        l->state == store::outbox_state::claimed ? store::outbox_state::pending : l->state;
    put_entry_.run(as_signed(key), e.endpoint, e.message_id, e.webhook_id,
                   name_message(entries_, key, e.message), e.partition, e.batch.id,
                   static_cast<std::int64_t>(e.batch.index), static_cast<std::int64_t>(e.attempts),
                   ticks_of(e.created), ticks_of(e.due), ticks_of(e.expires),
                   ticks_of(e.first_failure), text_of(e.last_error),
                   static_cast<std::int64_t>(state), ticks_of(l->since));
}

void outbox_file::write_attempt(const picture& from, std::uint64_t key) {
    const auto* a = from.find_attempt(key);
    if (a == nullptr) {
        erase_attempt_.run(as_signed(key));
        return unname_message(attempts_, key);
    }
    const auto& t = a->timings;
    put_attempt_.run(as_signed(key), as_signed(a->entry), a->endpoint, a->message_id, a->webhook_id,
                     name_message(attempts_, key, a->message), static_cast<std::int64_t>(a->number),
                     ticks_of(a->at), count_of(t.resolve), count_of(t.connect), count_of(t.tls),
                     count_of(t.first_byte), count_of(t.total),
                     static_cast<std::int64_t>(a->status), text_of(a->error), a->cause, a->address,
                     a->response_head, a->response_body, count_of(t.write));
}

void outbox_file::write_endpoint(const picture& from, const std::string& id) {
    const auto e = from.find_endpoint(id);
    if (!e) return erase_endpoint_.run(id);
    put_endpoint_.run(id, e->owner, text_of(e->limits), e->history, e->began.text(),
                      ticks_of(e->added), text_of(e->health));
}

void outbox_file::write_minute(const picture& from, const std::string& endpoint,
                               store::outbox_minute minute) {
    const std::int64_t number = minute.time_since_epoch().count();
    const auto* c = from.find_counts(endpoint, minute);
    if (c == nullptr) return erase_minute_.run(endpoint, number);
    const auto latencies = text_of(c->latencies);
    put_minute_.run(endpoint, number, static_cast<std::int64_t>(c->succeeded),
                    static_cast<std::int64_t>(c->failed), std::int64_t{c->total.count()},
                    std::int64_t{c->longest.count()}, latencies);
}

void outbox_file::write_mark(const picture& from, const store::detail::mark_key& key) {
    const auto at = from.mark_of(key);
    if (at.empty())
        erase_mark_.run(name_of(key));
    else
        put_mark_.run(name_of(key), at.text());
}

// The row of a message, which is made when the first row names it.
std::int64_t outbox_file::name_message(named_map& of, std::uint64_t key, const message_pointer& m) {
    const auto [named, is_new] = of.try_emplace(key, m);
    const auto it = stored_.find(m.get());
    if (!is_new) return it->second.id;
    if (it == stored_.end()) {
        auto row = insert_message(*m);
        row.uses = 1;
        stored_.emplace(m.get(), row);
        return row.id;
    }
    ++it->second.uses;
    return it->second.id;
}

void outbox_file::unname_message(named_map& of, std::uint64_t key) {
    const auto named = of.find(key);
    if (named == of.end()) return;  // it came and went in one group
    const auto it = stored_.find(named->second.get());
    if (--it->second.uses == 0) {
        if (it->second.body) bodies_.release(*it->second.body);
        erase_message_.run(it->second.id);
        stored_.erase(it);
    }
    of.erase(named);
}

outbox_file::stored_message outbox_file::insert_message(const store::outbox_message& m) {
    stored_message row;
    if (m.body) row.body = bodies_.add(*m.body);
    const auto at = m.position.text();
    const auto fields = text_of(m.fields);
    auto made = put_message_.query(m.source, m.id, m.type, m.topic, m.history, at, m.content_type,
                                   bytes_view{fields}, row.body);
    while (made.next()) row.id = made.number(0);
    return row;
}

}  // namespace tidings::sqlite::detail
