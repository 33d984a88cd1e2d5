// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/impl/outbox_tables.hpp>

#include <algorithm>

namespace tidings::store::detail {

std::vector<outbox_endpoint> outbox_tables::open(outbox_opening o) {
    std::vector<outbox_endpoint> result;
    result.reserve(o.endpoints.size());
    for (auto& given : o.endpoints) {
        const bool known = endpoints_.contains(given.id);
        auto& item = open_row(given.id, o.now);
        auto& [id, e] = item;
        if (known) {
            e.set_limits(given.limits);
            set_owner(item, std::move(given.owner));
        } else {
            set_row(item, std::move(given));
        }
        e.added = o.now;
        note_endpoint(id);
        const auto latest = o.now + o.longest_wait;
        if (o.longest_wait.count() != 0 && e.held)
            for (const auto key : e.held->owed) {
                auto& r = rows_.at(key);
                const bool pending = r.listed.state == outbox_state::pending;
                if (pending && r.listed.entry.due > latest) set_due(r, latest);
            }
        result.push_back(e.listed(id));
    }
    return result;
}

const outbox_rows::endpoint* outbox_tables::find_held(const std::string& id) const noexcept {
    const auto it = endpoints_.find(id);
    return it == endpoints_.end() ? nullptr : it->second.held.get();
}

void outbox_tables::settle(row& r, const outbox_result& result, outbox_time now) {
    using outcome = outbox_result::state;
    auto& [entry, state, since] = r.listed;
    if (result.batch) set_batch(r, *result.batch);
    if (result.outcome == outcome::keep) return;
    if (result.outcome == outcome::done) return remove(rows_.find(result.key));
    if (result.attempts > entry.attempts && !entry.first_failure) entry.first_failure = now;
    entry.attempts = result.attempts;
    entry.due = result.due;
    if (result.outcome == outcome::dead) return bury(r, result.last_error, now);
    entry.last_error = result.last_error;
    since = now;
    state = result.outcome == outcome::stopped ? outbox_state::stopped : outbox_state::pending;
    note(r);
    update_line(r);
}

outbox_rows::row* outbox_tables::find_claimed(std::uint64_t key) noexcept {
    const auto it = rows_.find(key);
    const bool is = it != rows_.end() && it->second.listed.state == outbox_state::claimed;
    return is ? &it->second : nullptr;
}

void outbox_tables::finish(outbox_round&& round) {
    for (const auto& [id, health] : round.health)  // nothing throws where it is taken
        if (const auto it = endpoints_.find(id); it != endpoints_.end()) it->second.change();
    for (auto& a : round.attempts) {
        const auto* r = find_claimed(a.entry);
        if (r == nullptr) continue;
        const auto& entry = r->listed.entry;
        a.endpoint = entry.endpoint;
        a.message_id = entry.message_id;
        a.webhook_id = entry.webhook_id;
        a.message = entry.message;
        attempts_.add(std::move(a));
    }
    for (const auto& result : round.results) {
        auto* const r = find_claimed(result.key);
        if (r == nullptr) continue;
        // What is repeated, since something threw, is counted once: nothing throws behind `settle`.
        auto& of = r->of->counts;
        auto* const counts =
            result.attempt ? &tally_.open(of, minute_of(result.attempt->at)) : nullptr;
        settle(*r, result, round.now);
        if (counts == nullptr) continue;
        count_attempt(*counts, result.outcome == outbox_result::state::done, result.attempt->took);
        tally_.note(of, counts->minute);
    }
    for (auto& [id, health] : round.health)
        if (const auto it = endpoints_.find(id); it != endpoints_.end()) {
            it->second.change().health = std::move(health);
            note_endpoint(id);
        }
    trim_dead();
    tally_.trim();
    for (const auto& id : round.ended) end_endpoint(id);
}

// One whose dead letters are looked at still counts as unknown for as long as can be.
void outbox_tables::end_endpoint(const std::string& id) noexcept {
    const auto it = endpoints_.find(id);
    if (it == endpoints_.end()) return;
    const auto* const held = it->second.held.get();
    if (held != nullptr && !held->owed.empty()) return;
    if (held == nullptr || held->dead.empty()) return static_cast<void>(remove_endpoint(it));
    it->second.added = {};
    note_endpoint(id);
}

std::vector<outbox_listed> outbox_tables::list(const outbox_selection& s) const {
    std::vector<outbox_listed> page;
    const auto add = [&](const row& r) {
        const auto& created = r.listed.entry.created;
        if (s.state && r.listed.state != *s.state) return;
        if (created >= s.since && created < s.until) page.push_back(r.listed);
    };
    if (s.event) {
        for (const auto key : rows_of(*s.event, s.after_key)) {
            if (key > s.last_key || page.size() >= s.max_entries) break;
            const auto& r = rows_.at(key);
            const auto& m = *r.listed.entry.message;
            const bool here = s.endpoint.empty() || s.endpoint == r.of->id();
            if (here && m.source == s.event->source && m.id == s.event->id) add(r);
        }
        return page;
    }
    if (s.endpoint.empty()) {
        for (auto it = rows_.upper_bound(s.after_key);
             it != rows_.end() && it->first <= s.last_key && page.size() < s.max_entries; ++it)
            add(it->second);
        return page;
    }
    const auto* const of = find_held(s.endpoint);
    if (of == nullptr) return page;
    const key_set none;
    const auto& owed = s.state == outbox_state::dead ? none : of->owed;
    const auto& dead = !s.state || s.state == outbox_state::dead ? of->dead : none;
    auto a = owed.upper_bound(s.after_key);
    auto b = dead.upper_bound(s.after_key);
    while ((a != owed.end() || b != dead.end()) && page.size() < s.max_entries) {
        const bool first = b == dead.end() || (a != owed.end() && *a < *b);
        const auto key = first ? *a++ : *b++;
        if (key > s.last_key) break;
        add(rows_.at(key));
    }
    return page;
}

std::vector<outbox_endpoint_listed> outbox_tables::list_endpoints(const std::string& after,
                                                                  std::size_t max) const {
    std::vector<outbox_endpoint_listed> page;
    for (auto it = endpoints_.upper_bound(after); it != endpoints_.end() && page.size() < max;
         ++it) {
        auto& listed = page.emplace_back();
        listed.row = it->second.listed(it->first);
        const auto* const held = it->second.held.get();
        if (held == nullptr) continue;
        listed.owed = held->owed.size();
        listed.owed_bytes = held->owed_bytes;
        listed.dead = held->dead.size();
        if (listed.owed != 0) listed.oldest = rows_.at(*held->owed.begin()).listed.entry.created;
    }
    return page;
}

std::vector<outbox_attempt_counts> outbox_tables::list_attempt_counts(
    const outbox_counts_selection& s) const {
    const auto* const of = find_held(s.endpoint);
    if (of == nullptr) return {};
    return attempt_tally::list(of->counts, s);
}

position outbox_tables::mark_of(const mark_key& key) const {
    const auto& [id, history] = key;
    const auto* const of = find_held(id);
    if (!id.empty() && of == nullptr) return {};
    const auto& marks = id.empty() ? marks_ : of->marks;
    const auto it = marks.find(history);
    return it == marks.end() ? position() : it->second;
}

outbox_stats outbox_tables::stats() const noexcept {
    outbox_stats s;
    s.owed = owed_;
    s.owed_bytes = owed_bytes_ + uses_.bytes(message_uses::owed);
    s.dead = by_death_.size();
    s.dead_bytes = dead_bytes_ + uses_.bytes(message_uses::dead);
    s.attempts = attempts_.size();
    s.attempt_bytes = attempts_.bytes();
    s.attempt_counts = tally_.size();
    s.attempt_count_bytes = tally_.bytes();
    if (owed_ == 0) return s;
    // Keys rise, so that each row is passed once.
    auto it = rows_.lower_bound(oldest_owed_);
    while (it->second.listed.state == outbox_state::dead) ++it;
    oldest_owed_ = it->first;
    s.oldest = it->second.listed.entry.created;
    return s;
}

}  // namespace tidings::store::detail
