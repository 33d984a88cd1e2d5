// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/impl/outbox_rows.hpp>

#include <algorithm>

namespace tidings::store::detail {

namespace {

claim_lines::which line_of(const outbox_entry& e) noexcept {
    return e.attempts == 0 ? claim_lines::fresh : claim_lines::again;
}
// As of a new endpoint.
bool is_fresh(const outbox_health& h) noexcept {
    constexpr outbox_time never{};
    return h.accepted + h.delivered + h.failed_attempts + h.dead + h.failures + h.trips == 0 &&
           !h.failing_since && !h.last_success && !h.disabled && h.disabled_reason.empty() &&
           h.probe_at == never && h.paused_until == never && h.disabled_since == never;
}
claim_lines::place place_of(const outbox_entry& e) noexcept {
    return {e.due, e.key};
}

}  // namespace

const outbox_health& outbox_rows::endpoint_row::health() const noexcept {
    static const outbox_health fresh;
    return more ? more->health : fresh;
}

outbox_rows::endpoint_row::particulars& outbox_rows::endpoint_row::change() {
    if (!more) more = std::make_unique<particulars>();
    return *more;
}

void outbox_rows::endpoint_row::set_limits(const std::optional<outbox_limits>& l) {
    if (l || more) change().limits = l;
}

outbox_endpoint outbox_rows::endpoint_row::listed(const std::string& id) const {
    outbox_endpoint e{.id = id, .owner = owner, .added = added};
    if (more) {
        e.limits = more->limits;
        e.history = more->history;
        e.began = more->began;
        e.health = more->health;
    }
    return e;
}

outbox_rows::endpoint_item& outbox_rows::open_row(const std::string& id, outbox_time now) {
    const auto [it, fresh] = endpoints_.try_emplace(id);
    if (!fresh) return *it;
    it->second.added = now;
    note_endpoint(id);
    return *it;
}

outbox_rows::endpoint& outbox_rows::open_one(const std::string& id, outbox_time now) {
    auto& [key, e] = open_row(id, now);
    if (e.held) return *e.held;
    auto made = std::make_unique<endpoint>(key, e);
    sizes_.insert({0, made.get()});
    e.held = std::move(made);
    return *e.held;
}

void outbox_rows::set_owner(endpoint_item& e, std::string owner) {
    auto& present = e.second.owner;
    owner_set::node_type node;
    if (!present.empty())
        node = owners_.extract(&e);
    else if (!owner.empty())
        node = make_node<owner_set>(&e);
    present = std::move(owner);
    if (!present.empty()) owners_.insert(std::move(node));
}

void outbox_rows::set_row(endpoint_item& e, outbox_endpoint as) {
    std::unique_ptr<endpoint_row::particulars> more;
    if (as.limits || !as.history.empty() || !as.began.empty() || !is_fresh(as.health))
        more = std::make_unique<endpoint_row::particulars>(endpoint_row::particulars{
            as.limits, std::move(as.history), std::move(as.began), std::move(as.health)});
    set_owner(e, std::move(as.owner));
    e.second.added = as.added;
    e.second.more = std::move(more);
}

// A row's node is in its endpoint's line where it can be claimed, and with the row where not.
void outbox_rows::update_line(row& r) noexcept {
    const auto& [entry, state, since] = r.listed;
    bool claimable = state == outbox_state::pending;
    if (claimable && entry.partition) {
        const auto it = r.of->partitions.find(*entry.partition);
        claimable = *it->second.begin() == entry.key;
    }
    const bool in_line = r.node.empty();
    if (claimable == in_line) return;
    if (in_line) {
        r.node = lines_.leave(r.of->lines, line_of(entry), place_of(entry));
    } else {
        r.node.value() = place_of(entry);
        lines_.enter(r.of->lines, line_of(entry), std::move(r.node));
    }
}

void outbox_rows::set_due(row& r, outbox_time due) noexcept {
    auto& entry = r.listed.entry;
    if (r.node.empty()) r.node = lines_.leave(r.of->lines, line_of(entry), place_of(entry));
    entry.due = due;
    note(r);
    update_line(r);
}

// The oldest of a partition keeps the others out of the line.
void outbox_rows::enter_partition(row& r) {
    const auto& entry = r.listed.entry;
    if (!entry.partition) return;
    auto& keys = r.of->partitions.try_emplace(*entry.partition).first->second;
    const auto before = keys.empty() ? 0 : *keys.begin();
    keys.insert(entry.key);
    if (before > entry.key) update_line(rows_.at(before));
}

void outbox_rows::leave_partition(row& r) noexcept {
    const auto& entry = r.listed.entry;
    if (!entry.partition) return;
    const auto it = r.of->partitions.find(*entry.partition);
    if (it == r.of->partitions.end()) return;
    it->second.erase(entry.key);
    if (it->second.empty())
        r.of->partitions.erase(it);
    else
        update_line(rows_.find(*it->second.begin())->second);
}

void outbox_rows::set_batch(row& r, outbox_batch batch) {
    auto& entry = r.listed.entry;
    if (!batch.id.empty())
        r.of->batches.try_emplace(batch.id).first->second.insert({batch.index, entry.key});
    const auto it = entry.batch.id.empty() || entry.batch == batch
                        ? r.of->batches.end()
                        : r.of->batches.find(entry.batch.id);
    if (it != r.of->batches.end()) {
        it->second.erase({entry.batch.index, entry.key});
        if (it->second.empty()) r.of->batches.erase(it);
    }
    entry.batch = std::move(batch);
    note(r);
}

void outbox_rows::resize_owed(endpoint& e, std::size_t bytes) noexcept {
    auto node = sizes_.extract({e.owed_bytes, &e});
    e.owed_bytes = bytes;
    node.value() = {bytes, &e};
    sizes_.insert(std::move(node));
}

// The row is in no index of what is owed. Where it throws it is in none afterwards.
void outbox_rows::count_owed(row& r) {
    const auto& entry = r.listed.entry;
    try {
        r.of->owed.insert(entry.key);
        if (entry.expires) by_expiry_.insert({*entry.expires, entry.key});
        if (!entry.batch.id.empty()) set_batch(r, entry.batch);
        enter_partition(r);
        uses_.add(message_uses::owed, entry.message);
    } catch (...) {
        unindex_owed(r);
        throw;
    }
    ++owed_;
    oldest_owed_ = std::min(oldest_owed_, entry.key);
    owed_bytes_ += r.bytes;
    resize_owed(*r.of, r.of->owed_bytes + r.bytes + held_bytes(*entry.message));
}

void outbox_rows::unindex_owed(row& r) noexcept {
    const auto& entry = r.listed.entry;
    r.of->owed.erase(entry.key);
    if (entry.expires) by_expiry_.erase({*entry.expires, entry.key});
    if (const auto it = r.of->batches.find(entry.batch.id); it != r.of->batches.end()) {
        it->second.erase({entry.batch.index, entry.key});
        if (it->second.empty()) r.of->batches.erase(it);
    }
    leave_partition(r);
}

void outbox_rows::uncount_owed(row& r) noexcept {
    unindex_owed(r);
    --owed_;
    owed_bytes_ -= r.bytes;
    resize_owed(*r.of, r.of->owed_bytes - r.bytes - held_bytes(*r.listed.entry.message));
    uses_.remove(message_uses::owed, r.listed.entry.message);
}

void outbox_rows::insert(outbox_entry entry, endpoint& of, outbox_time now) {
    const auto key = entry.key;
    row r;
    r.bytes = held_bytes(entry) + sizeof(row) - sizeof(outbox_entry);
    r.of = &of;
    r.node = make_node<claim_lines::line>(place_of(entry));
    r.listed = {std::move(entry), outbox_state::pending, now};
    const auto it = rows_.emplace(key, std::move(r)).first;
    try {
        if (by_event_) by_event_->add(it->second.listed.entry);
        count_owed(it->second);
    } catch (...) {
        erase(it);
        throw;
    }
    note(it->second);
    update_line(it->second);
}

void outbox_rows::erase(row_map::iterator it) noexcept {
    if (by_event_) by_event_->remove(it->second.listed.entry);
    rows_.erase(it);
}

// The index is made by the first that asks, and kept from then on.
std::vector<std::uint64_t> outbox_rows::rows_of(const outbox_event& e,
                                                std::uint64_t after_key) const {
    if (!by_event_) {
        event_index made;
        for (const auto& [key, r] : rows_) made.add(r.listed.entry);
        by_event_ = std::move(made);
    }
    return by_event_->find(e, after_key);
}

void outbox_rows::remove(row_map::iterator it) noexcept {
    auto& r = it->second;
    note(r);
    if (r.listed.state == outbox_state::dead) return remove_dead(it->first);
    if (r.node.empty()) {
        r.node = lines_.leave(r.of->lines, line_of(r.listed.entry), place_of(r.listed.entry));
        r.listed.state = outbox_state::claimed;
    }
    uncount_owed(r);
    erase(it);
}

void outbox_rows::remove_dead(std::uint64_t key) noexcept {
    const auto it = rows_.find(key);
    auto& r = it->second;
    note(r);
    by_death_.erase({r.listed.since, key});
    r.of->dead.erase(key);
    dead_bytes_ -= r.bytes;
    uses_.remove(message_uses::dead, r.listed.entry.message);
    erase(it);
}

outbox_rows::endpoint_map::iterator outbox_rows::remove_endpoint(
    endpoint_map::iterator it) noexcept {
    auto& [id, e] = *it;
    note_endpoint(id);
    if (e.held && changes_ != nullptr)
        for (const auto& [history, at] : e.held->marks) changes_->note_mark(id, history);
    if (e.held) tally_.erase(e.held->counts);
    if (e.held) sizes_.erase({e.held->owed_bytes, e.held.get()});
    if (!e.owner.empty()) owners_.erase(&*it);
    return endpoints_.erase(it);
}

void outbox_rows::bury(row& r, error_code why, outbox_time now) {
    auto& [entry, state, since] = r.listed;
    r.of->dead.insert(entry.key);
    uses_.add(message_uses::dead, entry.message);
    if (r.node.empty()) r.node = lines_.leave(r.of->lines, line_of(entry), place_of(entry));
    state = outbox_state::dead;
    since = now;
    entry.last_error = why;
    uncount_owed(r);
    dead_bytes_ += r.bytes;
    r.node.value() = {now, entry.key};
    by_death_.insert(std::move(r.node));
    note(r);
}

void outbox_rows::unbury(row& r) {
    auto& entry = r.listed.entry;
    count_owed(r);
    r.of->dead.erase(entry.key);
    r.node = by_death_.extract({r.listed.since, entry.key});
    dead_bytes_ -= r.bytes;
    uses_.remove(message_uses::dead, entry.message);
    note(r);
}

void outbox_rows::trim_dead() noexcept {
    while (!by_death_.empty() &&
           dead_bytes_ + uses_.bytes(message_uses::dead) > options_.dead.max_bytes)
        remove_dead(by_death_.begin()->second);
}

}  // namespace tidings::store::detail
