// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/impl/age.hpp>
#include <tidings/store/impl/outbox_tables.hpp>

#include <algorithm>
#include <iterator>
#include <string_view>

namespace tidings::store::detail {

bool outbox_tables::has_room_for(const row& dead) const noexcept {
    const auto& e = *dead.of;
    const auto& each = limits_of(e.row);
    const auto& total = options_.total;
    const auto& message = dead.listed.entry.message;
    const auto in_all = owed_bytes_ + uses_.bytes(message_uses::owed) + dead.bytes +
                        uses_.cost(message_uses::owed, message);
    return e.owed.size() < each.max_entries &&
           e.owed_bytes + dead.bytes + held_bytes(*message) <= each.max_bytes &&
           owed_ < total.max_entries && in_all <= total.max_bytes;
}

void outbox_tables::revive(row& r, const outbox_redelivery& how) {
    auto& [entry, state, since] = r.listed;
    auto id = (entry.webhook_id.empty() ? entry.message_id : entry.webhook_id) + how.id_suffix;
    // An `expirytime` that has passed would end it again at once.
    if (state == outbox_state::dead) {
        if (entry.expires && *entry.expires <= how.now) entry.expires.reset();
        // Of an endpoint that was over it waits for that to be added again.
        if (r.of->row.added == outbox_time()) r.of->row.added = how.now;
        unbury(r);
        note_endpoint(r.of->id());
    }
    if (!how.id_suffix.empty()) entry.webhook_id = std::move(id);
    entry.attempts = 0;
    entry.first_failure.reset();
    entry.due = how.now;
    state = outbox_state::pending;
    since = how.now;
    note(r);
    update_line(r);
}

outbox_redelivered outbox_tables::redeliver(const outbox_redelivery& how) {
    outbox_redelivered result;
    result.last_key = how.of.after_key;
    for (const auto& l : list(how.of)) {
        auto& r = rows_.at(l.entry.key);
        const bool dead = l.state == outbox_state::dead;
        if (dead && !has_room_for(r)) {
            result.full = true;
            return result;
        }
        if (dead || l.state == outbox_state::stopped) {
            revive(r, how);
            ++result.count;
        }
        result.last_key = l.entry.key;
    }
    auto rest = how.of;
    rest.after_key = result.last_key;
    rest.max_entries = 1;
    result.at_end = list(rest).empty();
    return result;
}

/// Takes what is over out of what is owed, at most so much of each kind.
class outbox_tables::retaining {
 public:
    retaining(outbox_tables& of, outbox_time now, std::vector<outbox_entry>& dead) noexcept
        : of_(of),
          now_(now),
          dead_(dead) {}
    std::size_t bury_expired(std::size_t max);
    std::size_t bury_aged(std::size_t max);
    std::size_t bury_unknown(std::size_t max);

 private:
    outbox_tables& of_;
    const outbox_time now_;
    std::vector<outbox_entry>& dead_;
};

std::size_t outbox_tables::retaining::bury_expired(std::size_t max) {
    std::size_t n = 0;
    for (auto it = of_.by_expiry_.begin();
         it != of_.by_expiry_.end() && it->first <= now_ && n < max;) {
        auto& r = of_.rows_.at(it->second);
        ++it;
        if (r.listed.state == outbox_state::claimed) continue;
        of_.bury(r, errc::webhook_expired, now_);
        dead_.push_back(r.listed.entry);
        ++n;
    }
    return n;
}

std::size_t outbox_tables::retaining::bury_aged(std::size_t max) {
    std::size_t n = 0;
    for (auto& [id, e] : of_.endpoints_) {
        const auto each = of_.limits_of(e).max_age;
        const auto total = of_.options_.total.max_age;
        if (!e.held || (each.count() == 0 && total.count() == 0)) continue;
        const auto age = each.count() == 0 || (total.count() != 0 && total < each) ? total : each;
        const auto& owed = e.held->owed;
        for (auto it = owed.begin(); it != owed.end() && n < max;) {
            auto& r = of_.rows_.at(*it++);
            if (!is_of_age(r.listed.entry.created, age, now_)) break;
            if (r.listed.state == outbox_state::claimed) continue;
            of_.bury(r, errc::webhook_expired, now_);
            dead_.push_back(r.listed.entry);
            ++n;
        }
    }
    return n;
}

// With the row of an endpoint of which nothing is left. Of the others what holds nothing is given
// back.
std::size_t outbox_tables::retaining::bury_unknown(std::size_t max) {
    std::size_t n = 0;
    const auto bury_owed = [&](const endpoint& e) {
        for (auto at = e.owed.begin(); at != e.owed.end() && n < max;) {
            auto& r = of_.rows_.at(*at++);
            if (r.listed.state == outbox_state::claimed) continue;
            of_.bury(r, errc::webhook_not_added, now_);
            dead_.push_back(r.listed.entry);
            ++n;
        }
    };
    for (auto it = of_.endpoints_.begin(); it != of_.endpoints_.end() && n < max;) {
        auto& e = it->second;
        if (e.held && e.held->empty()) {
            of_.sizes_.erase({e.held->owed_bytes, e.held.get()});
            e.held.reset();
        }
        const bool is_known = !is_of_age(e.added, of_.options_.keep_unknown, now_);
        if (!is_known && e.held) bury_owed(*e.held);
        if (is_known || (e.held && !(e.held->owed.empty() && e.held->dead.empty()))) {
            ++it;
            continue;
        }
        it = of_.remove_endpoint(it);
        ++n;
    }
    return n;
}

std::optional<std::string> outbox_tables::note_added(
    outbox_time now, const std::string& after, std::size_t max,
    const std::function<bool(const std::string&)>& added) {
    for (auto it = endpoints_.upper_bound(after); it != endpoints_.end(); ++it) {
        if (max-- == 0) return std::prev(it)->first;
        if (!added(it->first)) continue;
        it->second.added = now;
        note_endpoint(it->first);
    }
    return std::nullopt;
}

outbox_retained outbox_tables::retain(const outbox_retention& r) {
    if (r.of)
        for (const auto& id : *r.of)
            if (const auto it = endpoints_.find(id); it != endpoints_.end()) {
                it->second.added = r.now;
                note_endpoint(id);
            }
    outbox_retained result;
    auto left = r.max_entries;
    for (; left != 0 && !by_death_.empty(); --left) {
        const auto [since, key] = *by_death_.begin();
        if (!is_of_age(since, options_.dead.max_age, r.now)) break;
        remove_dead(key);
    }
    left -= attempts_.retain(r.now, left);
    left -= tally_.retain(r.now, left);
    retaining owed(*this, r.now, result.dead);
    left -= owed.bury_expired(left);
    left -= owed.bury_aged(left);
    left -= owed.bury_unknown(left);
    trim_dead();
    result.at_end = left != 0;
    return result;
}

outbox_rows::endpoint_map::iterator outbox_tables::erase(endpoint_map::iterator it) {
    if (auto* const e = it->second.held.get()) {
        while (!e->owed.empty()) remove(rows_.find(*e->owed.begin()));
        while (!e->dead.empty()) remove_dead(*e->dead.begin());
    }
    attempts_.erase(it->first);
    return remove_endpoint(it);
}

void outbox_tables::erase(const std::string& owner) {
    if (owner.empty()) {
        for (auto it = endpoints_.begin(); it != endpoints_.end();)
            it = it->second.owner.empty() ? erase(it) : std::next(it);
        return;
    }
    for (;;) {
        const auto it = owners_.lower_bound(std::string_view(owner));
        if (it == owners_.end() || (*it)->second.owner != owner) return;
        erase(endpoints_.find((*it)->first));
    }
}

}  // namespace tidings::store::detail
