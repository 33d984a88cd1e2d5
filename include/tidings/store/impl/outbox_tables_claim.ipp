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

    /// What is claimed together with one entry.
    class gathering {
     public:
        gathering(claiming& of, const outbox_gathering& limits) : of_(of), limits_(limits) {}

        // A line loses what is taken of it.
        void take(row& first) {
            const auto& entry = first.listed.entry;
            if (entry.partition) {
                const auto& keys = first.of->partitions.find(*entry.partition)->second;
                for (auto at = keys.find(entry.key); at != keys.end(); ++at)
                    if (!add(of_.rows_.rows_.find(*at)->second)) return;
                return;
            }
            const auto which = entry.attempts == 0 ? lines::fresh : lines::again;
            const auto& line = first.of->lines.lines[which];
            std::size_t passed = 0;
            for (auto at = line.find({entry.due, entry.key}); at != line.end();) {
                auto& r = of_.rows_.rows_.find((at++)->second)->second;
                if (r.listed.entry.partition || !r.listed.entry.batch.id.empty()) {
                    if (++passed > limits_.max_entries) return;
                } else if (!add(r)) {
                    return;
                }
            }
        }

     private:
        bool add(row& r) {
            const auto& e = r.listed.entry;
            const auto size = 1 + (e.message->body ? e.message->body->size() : 0);
            if (count_ != 0) {
                const bool early = e.due > of_.q_.now + (e.attempts == 0 ? limits_.ahead : none_);
                if (early || !e.batch.id.empty() || r.listed.state != outbox_state::pending ||
                    count_ >= limits_.max_entries || bytes_ + size > limits_.max_bytes)
                    return false;
            }
            of_.take_one(r);
            ++count_;
            bytes_ += size;
            return true;
        }

        static constexpr std::chrono::milliseconds none_{0};
        claiming& of_;
        const outbox_gathering& limits_;
        std::size_t count_ = 0, bytes_ = 1;
    };

 public:
    claiming(outbox_tables& rows, const outbox_query& q,
             const std::function<bool(const std::string&)>& wanted)
        : rows_(rows),
          q_(q),
          wanted_(wanted) {
        for (const auto& s : q.shares) shares_[s.endpoint] = &s;
    }

    outbox_claim run() {
        for (const auto& s : q_.shares) {
            if (s.gathering && s.gathering->at_once != 0) take_at_once(s);
            if (s.early) take_early(s);
        }
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
        return it == shares_.end() ? q_.max_per_endpoint : it->second->max_entries;
    }
    const outbox_gathering* gathering_of(std::string_view id) const {
        const auto it = shares_.find(id);
        return it != shares_.end() && it->second->gathering ? &*it->second->gathering : nullptr;
    }
    bool is_asked_for(const std::string& id) const {
        if (wanted_) return wanted_(id);
        return !q_.of || q_.of->contains(id);
    }
    std::size_t taken_of(const endpoint& e) const {
        const auto it = counts_.find(&e.lines);
        return it == counts_.end() ? 0 : it->second;
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
            if (is_asked_for(id) && had < share_of(id)) return f;
            ++cursor_[w].second;  // behind it
        }
    }
    // With the whole of its batch.
    void take(row& r) {
        const auto* together = gathering_of(r.of->id());
        const auto before = taken_.size();
        auto& count = counts_[&r.of->lines];
        const auto& batch = r.listed.entry.batch.id;
        if (!batch.empty())
            for (const auto& [index, key] : r.of->batches.find(batch)->second) {
                auto& member = rows_.rows_.find(key)->second;
                if (member.listed.state == outbox_state::pending) take_one(member);
            }
        else if (together != nullptr)
            gathering(*this, *together).take(r);
        else
            take_one(r);
        count += together != nullptr ? 1 : taken_.size() - before;
    }
    bool has_all(const endpoint& e, const outbox_share& s) const {
        return taken_.size() >= q_.max_entries || taken_of(e) >= s.max_entries;
    }
    void take_at_once(const outbox_share& s) {
        const auto* const of = rows_.find_held(s.endpoint);
        if (of == nullptr || !is_asked_for(s.endpoint)) return;
        const auto& line = of->lines.lines[lines::fresh];
        for (auto n = s.gathering->at_once; n != 0 && !line.empty(); --n) {
            if (has_all(*of, s)) return;
            if (line.begin()->first > q_.now + s.gathering->ahead) return;
            take(rows_.rows_.find(line.begin()->second)->second);
        }
    }
    void take_early(const outbox_share& s) {
        const auto* const of = rows_.find_held(s.endpoint);
        if (of == nullptr || !is_asked_for(s.endpoint)) return;
        for (const auto& line : of->lines.lines)
            while (!line.empty() && !has_all(*of, s))
                take(rows_.rows_.find(line.begin()->second)->second);
    }
    void take_one(row& r) {
        taken_.push_back(&r);
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
    const std::function<bool(const std::string&)>& wanted_;
    std::unordered_map<std::string_view, const outbox_share*> shares_;
    std::unordered_map<const lines::endpoint*, std::size_t> counts_;
    std::array<lines::place, lines::count> cursor_{
        {{outbox_time::min(), 0}, {outbox_time::min(), 0}}};
    lines::which turn_ = lines::fresh;
    std::vector<row*> taken_;
};

outbox_claim outbox_tables::claim(const outbox_query& q,
                                  const std::function<bool(const std::string&)>& wanted) {
    return claiming(*this, q, wanted).run();
}

}  // namespace tidings::store::detail
