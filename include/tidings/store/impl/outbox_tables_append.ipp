// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/impl/outbox_tables.hpp>

#include <algorithm>
#include <set>
#include <string_view>

namespace tidings::store::detail {

/// Room for entries of an append, made as the policies say.
class outbox_tables::making_room {
 public:
    making_room(outbox_tables& rows, outbox_time now, outbox_appended& result)
        : rows_(rows),
          now_(now),
          result_(result) {}

    /// Empty: there is room. @error errc::webhook_disabled, errc::outbox_full
    error_code operator()(endpoint& e, const outbox_entry& entry) {
        if (e.row.health().disabled) return errc::webhook_disabled;
        const auto own = held_bytes(entry) + sizeof(row);
        const auto whole = own + held_bytes(*entry.message);
        const auto& each = rows_.limits_of(e.row);
        const auto& total = rows_.options_.total;
        if (whole > each.max_bytes || whole > total.max_bytes) return errc::outbox_full;
        while (e.owed.size() >= each.max_entries || e.owed_bytes + whole > each.max_bytes)
            if (!free_some(e, each.policy) || e.row.health().disabled) return errc::outbox_full;
        const auto in_all = [&] {
            return rows_.owed_bytes_ + rows_.uses_.bytes(message_uses::owed) + own +
                   rows_.uses_.cost(message_uses::owed, entry.message);
        };
        while (rows_.owed_ >= total.max_entries || in_all() > total.max_bytes) {
            auto* const largest = find_largest();
            if (largest == nullptr || !free_some(*largest, total.policy)) return errc::outbox_full;
        }
        return e.row.health().disabled ? errc::webhook_disabled : error_code();
    }

 private:
    // What is claimed is being sent: it stays.
    row* oldest_of(endpoint& e) const noexcept {
        for (const auto key : e.owed) {
            auto& r = rows_.rows_.find(key)->second;
            if (r.listed.state != outbox_state::claimed) return &r;
        }
        return nullptr;
    }
    endpoint* find_largest() const noexcept {
        for (auto it = rows_.sizes_.rbegin(); it != rows_.sizes_.rend(); ++it)
            if (oldest_of(*it->second) != nullptr) return it->second;
        return nullptr;
    }
    bool free_some(endpoint& e, at_bound policy) {
        auto* oldest = oldest_of(e);
        if (policy == at_bound::refuse) return false;
        if (policy == at_bound::disable) {
            result_.disabled.push_back(e.id());
            auto& health = e.row.change().health;
            health.disabled = errc::outbox_full;
            health.disabled_since = now_;
            rows_.note_endpoint(e.id());
        }
        if (oldest == nullptr) return false;
        for (; oldest != nullptr; oldest = oldest_of(e)) {
            rows_.bury(*oldest, errc::outbox_full, now_);
            if (policy == at_bound::drop_oldest) result_.dropped.push_back(oldest->listed.entry);
            rows_.trim_dead();
            if (policy == at_bound::drop_oldest) break;
        }
        return true;
    }

    outbox_tables& rows_;
    const outbox_time now_;
    outbox_appended& result_;
};

outbox_appended outbox_tables::append(outbox_append a) {
    static const auto nothing = std::make_shared<const outbox_message>();
    outbox_appended result;
    making_room room(*this, a.now, result);
    const auto last = last_key_;
    try {
        for (std::size_t i = 0; i < a.entries.size(); ++i) {
            auto& entry = a.entries[i];
            auto& e = open_one(entry.endpoint, a.now);
            if (!entry.message) entry.message = nothing;
            if (const auto why = room(e, entry)) {
                result.refused.push_back({i, why});
                continue;
            }
            entry.key = ++last_key_;
            entry.created = a.now;
            insert(std::move(entry), e, a.now);
        }
        set_marks(a, result);
    } catch (...) {
        for (auto it = rows_.upper_bound(last); it != rows_.end(); it = rows_.upper_bound(last))
            remove(it);
        throw;
    }
    return result;
}

// All or none: without their entries they would lose events.
void outbox_tables::set_marks(outbox_append& a, const outbox_appended& result) {
    if (!result.refused.empty() && !a.marks.empty()) {
        std::set<std::string_view> refused;
        for (const auto& r : result.refused) refused.insert(a.entries[r.index].endpoint);
        std::erase_if(a.marks, [&](const outbox_mark& m) {
            return m.endpoint.empty() || refused.contains(m.endpoint);
        });
    }
    std::vector<std::pair<mark_key, position>> before;
    before.reserve(a.marks.size());
    try {
        for (auto& m : a.marks) {
            mark_key key(std::move(m.endpoint), std::move(m.history));
            // What is forgotten of an endpoint that is over makes it no row.
            if (m.position.empty() && !key.first.empty() && !endpoints_.contains(key.first))
                continue;
            if (!key.first.empty()) open_one(key.first, a.now);
            auto was = mark_of(key);
            before.emplace_back(key, std::move(was));
            set_mark(key, std::move(m.position));
        }
    } catch (...) {
        for (auto& [key, at] : before)
            if (mark_of(key) != at) set_mark(key, std::move(at));
        throw;
    }
}

// Of an endpoint that was opened. Takes memory for a mark that is new alone.
void outbox_tables::set_mark(const mark_key& key, position at) {
    const auto& [id, history] = key;
    auto& marks = id.empty() ? marks_ : endpoints_.find(id)->second.held->marks;
    if (at.empty())
        marks.erase(history);
    else
        marks.insert_or_assign(history, std::move(at));
    if (changes_ != nullptr) changes_->note_mark(id, history);
}

}  // namespace tidings::store::detail
