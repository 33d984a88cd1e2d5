// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/outbox.hpp>

#include <map>
#include <mutex>
#include <set>

namespace tidings::store {

namespace {

class memory_outbox final : public outbox {
 public:
    void start_append(std::vector<outbox_entry> entries, done_handler h) override {
        {
            const std::lock_guard lock(mutex_);
            for (auto& e : entries) {
                e.key = ++last_key_;
                pending_.emplace(e.due, e.key);
                entries_.emplace(e.key, outbox_listed{std::move(e), outbox_state::pending});
            }
        }
        std::move(h)(error_code());
    }

    void start_claim(outbox_time now, std::size_t max, claim_handler h) override {
        outbox_claim claim;
        {
            const std::lock_guard lock(mutex_);
            while (claim.entries.size() < max && !pending_.empty() &&
                   pending_.begin()->first <= now) {
                auto& listed = entries_.at(pending_.begin()->second);
                listed.state = outbox_state::claimed;
                claim.entries.push_back(listed.entry);
                pending_.erase(pending_.begin());
            }
            if (!pending_.empty()) claim.next_due = pending_.begin()->first;
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
            for (auto it = entries_.upper_bound(after_key);
                 it != entries_.end() && page.size() < max; ++it)
                if (endpoint.empty() || it->second.entry.endpoint == endpoint)
                    page.push_back(it->second);
        }
        std::move(h)(error_code(), std::move(page));
    }

    void start_retain(outbox_time before, done_handler h) override {
        {
            const std::lock_guard lock(mutex_);
            std::erase_if(entries_, [&](const auto& item) {
                return item.second.state == outbox_state::dead && item.second.entry.due < before;
            });
        }
        std::move(h)(error_code());
    }

 private:
    void settle(const outbox_result& r) {
        const auto it = entries_.find(r.key);
        if (it == entries_.end() || it->second.state != outbox_state::claimed) return;
        if (r.outcome == outbox_result::state::done) {
            entries_.erase(it);
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
            pending_.emplace(entry.due, entry.key);
        }
    }

    std::mutex mutex_;
    std::map<std::uint64_t, outbox_listed> entries_;
    std::set<std::pair<outbox_time, std::uint64_t>> pending_;
    std::uint64_t last_key_ = 0;
};

}  // namespace

std::shared_ptr<outbox> make_memory_outbox() { return std::make_shared<memory_outbox>(); }

}  // namespace tidings::store
