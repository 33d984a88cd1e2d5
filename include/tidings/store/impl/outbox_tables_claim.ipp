// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/impl/outbox_tables.hpp>

#include <algorithm>
#include <string_view>
#include <unordered_map>

namespace tidings::store::detail {

/// One claim under way.
class outbox_tables::claiming {
    using lines = claim_lines;

 public:
    claiming(outbox_tables& rows, const outbox_query& q) : rows_(rows), q_(q) {
        for (const auto& s : q.shares) shares_[s.endpoint] = s.max_entries;
    }

    outbox_claim run() {
        while (taken_.size() < q_.max_entries) {
            const std::array<const lines::front*, lines::count> next{next_of(lines::fresh),
                                                                     next_of(lines::again)};
            const auto is_due = [&](const lines::front* f) {
                return f != nullptr && f->at.first <= q_.now;
            };
            if (!is_due(next[lines::fresh]) && !is_due(next[lines::again])) break;
            if (!is_due(next[turn_])) turn_ = other(turn_);
            const auto at = next[turn_]->at;
            cursor_[turn_] = at;
            take(rows_.rows_.find(at.second)->second);
            turn_ = other(turn_);
        }
        return result();
    }

 private:
    static lines::which other(lines::which w) noexcept {
        return w == lines::fresh ? lines::again : lines::fresh;
    }
    std::size_t share_of(std::string_view id) const {
        const auto it = shares_.find(id);
        return it == shares_.end() ? q_.max_per_endpoint : it->second;
    }
    // The first that may be claimed at the cursor or behind it, which moves there.
    const lines::front* next_of(lines::which w) {
        for (;;) {
            const auto* f = rows_.lines_.next(w, cursor_[w]);
            if (f == nullptr) return nullptr;
            cursor_[w] = f->at;
            const auto& id = *f->of->id;
            const auto of = counts_.find(f->of);
            const auto had = of == counts_.end() ? 0 : of->second;
            if ((!q_.of || q_.of->contains(id)) && had < share_of(id)) return f;
            ++cursor_[w].second;  // behind it
        }
    }
    // With the whole of its batch.
    void take(row& r) {
        const auto& batch = r.listed.entry.batch.id;
        if (batch.empty()) return take_one(r);
        for (const auto& [index, key] : r.of->batches.find(batch)->second) {
            auto& member = rows_.rows_.find(key)->second;
            if (member.listed.state == outbox_state::pending) take_one(member);
        }
    }
    void take_one(row& r) {
        taken_.push_back(&r);
        ++counts_[&r.of->lines];
        r.listed.state = outbox_state::claimed;
        r.listed.since = q_.now;
        rows_.update_line(r);
    }
    outbox_claim result() {
        std::sort(taken_.begin(), taken_.end(), [](const row* a, const row* b) {
            const auto& x = a->listed.entry;
            const auto& y = b->listed.entry;
            return std::pair(x.due, x.key) < std::pair(y.due, y.key);
        });
        outbox_claim c;
        c.entries.reserve(taken_.size());
        for (const auto* r : taken_) c.entries.push_back(r->listed.entry);
        for (const auto w : {lines::fresh, lines::again})
            if (const auto* f = next_of(w))
                c.next_due = std::min(c.next_due.value_or(f->at.first), f->at.first);
        return c;
    }

    outbox_tables& rows_;
    const outbox_query& q_;
    std::unordered_map<std::string_view, std::size_t> shares_;
    std::unordered_map<const lines::endpoint*, std::size_t> counts_;
    std::array<lines::place, lines::count> cursor_{
        {{outbox_time::min(), 0}, {outbox_time::min(), 0}}};
    lines::which turn_ = lines::fresh;
    std::vector<row*> taken_;
};

outbox_claim outbox_tables::claim(const outbox_query& q) {
    return claiming(*this, q).run();
}

}  // namespace tidings::store::detail
