// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/memory_outbox.hpp>

#include <map>
#include <mutex>
#include <set>

namespace tidings::store {

namespace {

class memory_outbox final : public outbox {
    using place = std::pair<outbox_time, std::uint64_t>;  // due, key

 public:
    void start_append(std::vector<outbox_entry> entries, done_handler h) override {
        {
            const std::lock_guard lock(mutex_);
            for (auto& e : entries) {
                e.key = ++last_key_;
                add_pending(e);
                keys_[e.endpoint].insert(e.key);
                entries_.emplace(e.key, outbox_listed{std::move(e), outbox_state::pending});
            }
        }
        std::move(h)(error_code());
    }

    void start_claim(outbox_query q, claim_handler h) override {
        const std::set<std::string_view> excepted(q.except.begin(), q.except.end());
        outbox_claim claim;
        std::map<std::string, std::size_t, std::less<>> taken;  // by endpoint
        {
            const std::lock_guard lock(mutex_);
            auto next = fronts_.begin();
            while (next != fronts_.end()) {
                const auto [at, endpoint] = *next;
                if (excepted.count(endpoint) != 0 || (q.of && q.of->count(endpoint) == 0)) {
                    ++next;
                    continue;
                }
                auto& count = taken[std::string(endpoint)];
                if (count == q.max_per_endpoint) {
                    ++next;
                    continue;
                }
                if (at.first > q.now || claim.entries.size() == q.max_entries) break;
                ++count;
                auto& listed = entries_.at(at.second);
                listed.state = outbox_state::claimed;
                claim.entries.push_back(listed.entry);
                remove_front(endpoint);
                // Its next entry stands at this place or behind it.
                next = fronts_.lower_bound({at, {}});
            }
            if (next != fronts_.end()) claim.next_due = next->first.first;
        }
        std::move(h)(error_code(), std::move(claim));
    }

    void start_finish(std::vector<outbox_result> results, done_handler h) override {
        {
            const std::lock_guard lock(mutex_);
            for (const auto& r : results) settle(r);
        }
        std::move(h)(error_code());
    }

    void start_list(std::string endpoint, std::uint64_t after_key, std::size_t max,
                    list_handler h) override {
        std::vector<outbox_listed> page;
        {
            const std::lock_guard lock(mutex_);
            if (endpoint.empty()) {
                for (auto it = entries_.upper_bound(after_key);
                     it != entries_.end() && page.size() < max; ++it)
                    page.push_back(it->second);
            } else if (const auto of = keys_.find(endpoint); of != keys_.end()) {
                for (auto it = of->second.upper_bound(after_key);
                     it != of->second.end() && page.size() < max; ++it)
                    page.push_back(entries_.at(*it));
            }
        }
        std::move(h)(error_code(), std::move(page));
    }

    void start_retain(outbox_time before, done_handler h) override {
        {
            const std::lock_guard lock(mutex_);
            for (auto it = entries_.begin(); it != entries_.end();) {
                const auto& [entry, state] = it->second;
                const bool dropped = state == outbox_state::dead && entry.due < before;
                it = dropped ? erase(it) : std::next(it);
            }
        }
        std::move(h)(error_code());
    }

 private:
    using entry_map = std::map<std::uint64_t, outbox_listed>;

    entry_map::iterator erase(entry_map::iterator it) {
        const auto of = keys_.find(it->second.entry.endpoint);
        of->second.erase(it->first);
        if (of->second.empty()) keys_.erase(of);
        return entries_.erase(it);
    }

    void settle(const outbox_result& r) {
        const auto it = entries_.find(r.key);
        if (it == entries_.end() || it->second.state != outbox_state::claimed) return;
        if (r.outcome == outbox_result::state::done) {
            erase(it);
            return;
        }
        auto& [entry, state] = it->second;
        entry.attempts = r.attempts;
        entry.due = r.due;
        entry.last_error = r.last_error;
        if (r.outcome == outbox_result::state::dead) {
            state = outbox_state::dead;
        } else {
            state = outbox_state::pending;
            add_pending(entry);
        }
    }

    void add_pending(const outbox_entry& e) {
        const auto it = pending_.try_emplace(e.endpoint).first;
        auto& [endpoint, places] = *it;
        const place p{e.due, e.key};
        if (places.empty() || p < *places.begin()) {
            if (!places.empty()) fronts_.erase({*places.begin(), endpoint});
            fronts_.emplace(p, endpoint);
        }
        places.insert(p);
    }
    void remove_front(std::string_view of) {
        const auto it = pending_.find(of);
        auto& [endpoint, places] = *it;
        fronts_.erase({*places.begin(), endpoint});
        places.erase(places.begin());
        if (places.empty())
            pending_.erase(it);
        else
            fronts_.emplace(*places.begin(), endpoint);
    }

    std::mutex mutex_;
    entry_map entries_;
    std::map<std::string, std::set<std::uint64_t>, std::less<>> keys_;  // of entries_, by endpoint
    std::map<std::string, std::set<place>, std::less<>> pending_;       // by endpoint
    std::set<std::pair<place, std::string_view>> fronts_;  // the first of each endpoint
    std::uint64_t last_key_ = 0;
};

}  // namespace

std::shared_ptr<outbox> make_memory_outbox() {
    return std::make_shared<memory_outbox>();
}

}  // namespace tidings::store
