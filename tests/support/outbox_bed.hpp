// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/outbox_message.hpp"
#include "support/store_bed.hpp"

#include <tidings/store/outbox.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tidings::test {

/// How to make an outbox, empty every time.
struct outbox_kit {
    std::string name;
    std::function<std::shared_ptr<store::outbox>(store::outbox_options)> make;
    /// Makes its next operation fail; empty: it cannot be made to.
    std::function<void(store::outbox&)> break_next{};
    /// Ends it and opens the same storage again; empty: it does not outlive the process.
    std::function<void(std::shared_ptr<store::outbox>&, store::outbox_options)> reopen{};
};

/// An outbox under test; its operations are done when the call returns.
class outbox_bed {
 public:
    using seconds = std::chrono::seconds;
    using state = store::outbox_result::state;
    using texts = std::vector<std::string>;

    explicit outbox_bed(const outbox_kit& kit, store::outbox_options options = {})
        : kit_(kit),
          options_(options),
          outbox_(kit.make(options)) {}

    store::outbox& of() { return *outbox_; }
    store_bed& bed() { return bed_; }
    /// As after a restart, if the outbox outlives one.
    void reopen() {
        if (kit_.reopen) kit_.reopen(outbox_, options_);
    }

    static store::outbox_time at(seconds s = seconds(0)) {
        return store::outbox_time(std::chrono::hours(1000)) + s;
    }
    static store::outbox_entry entry(std::string endpoint, std::string id,
                                     seconds due = seconds(0)) {
        store::outbox_entry e;
        e.endpoint = std::move(endpoint);
        e.message_id = std::move(id);
        e.message = message_of("body of " + e.message_id);
        e.due = at(due);
        return e;
    }
    static store::outbox_entry in_partition(std::string partition, std::string id,
                                            seconds due = seconds(0)) {
        auto e = entry("fifo", std::move(id), due);
        e.partition = std::move(partition);
        return e;
    }

    /// Starts one operation and gives its end.
    template <class Value, class Start>
    std::pair<error_code, Value> end_of(Start start) {
        auto [ec, value] = bed_.wait_for<Value>(std::move(start));
        return {ec, std::get<0>(std::move(value))};
    }
    template <class Value, class Start>
    Value value_of(Start start) {
        auto [ec, value] = end_of<Value>(std::move(start));
        CHECK_FALSE(ec);
        return std::move(value);
    }

    std::pair<error_code, store::outbox_appended> end_of_append(store::outbox_append a) {
        return end_of<store::outbox_appended>(
            [&](auto h) { outbox_->async_append(std::move(a), std::move(h)); });
    }
    error_code try_append(std::vector<store::outbox_entry> entries, seconds now = seconds(0)) {
        auto [ec, a] = end_of_append({.now = at(now), .entries = std::move(entries)});
        if (!ec) CHECK(a.refused.empty());
        return ec;
    }
    store::outbox_appended append_all(std::vector<store::outbox_entry> entries,
                                      seconds now = seconds(0)) {
        auto [ec, a] = end_of_append({.now = at(now), .entries = std::move(entries)});
        CHECK_FALSE(ec);
        return a;
    }
    void append(std::string endpoint, std::string id, seconds due = seconds(0)) {
        CHECK_FALSE(try_append({entry(std::move(endpoint), std::move(id), due)}));
    }
    store::outbox_claim claim(std::size_t max = 100, std::size_t each = 100, texts except = {},
                              seconds now = seconds(0)) {
        store::outbox_query q{.now = at(now), .max_entries = max, .max_per_endpoint = each};
        for (auto& id : except) q.shares.push_back({std::move(id), 0});
        return claim(std::move(q));
    }
    store::outbox_claim claim_at(seconds now) { return claim(100, 100, {}, now); }
    store::outbox_claim claim_of(texts endpoints, texts except = {}) {
        store::outbox_query q{.now = at(), .max_entries = 100, .max_per_endpoint = 100};
        for (auto& id : except) q.shares.push_back({std::move(id), 0});
        q.of = std::make_shared<const store::outbox_endpoints>(endpoints.begin(), endpoints.end());
        return claim(std::move(q));
    }
    store::outbox_claim claim(store::outbox_query q) {
        return value_of<store::outbox_claim>(
            [&](auto h) { outbox_->async_claim(std::move(q), std::move(h)); });
    }
    void finish(store::outbox_round r) {
        CHECK_FALSE(
            bed_.wait_for<>([&](auto h) { outbox_->async_finish(std::move(r), std::move(h)); })
                .first);
    }
    void finish(std::vector<store::outbox_result> results, seconds now = seconds(0)) {
        finish({.now = at(now), .results = std::move(results)});
    }
    /// Claims what is due and ends it.
    void claim_and_finish(state outcome, seconds now = seconds(0), error_code why = {}) {
        std::vector<store::outbox_result> results;
        for (const auto& e : claim_at(now).entries)
            results.push_back({e.key, outcome, e.attempts + 1, at(now), why, {}});
        finish(std::move(results), now);
    }
    store::outbox_retained retain(seconds now, std::size_t max = 1000, texts added = {}) {
        store::outbox_retention r{.now = at(now), .of = nullptr, .max_entries = max};
        r.of = std::make_shared<const store::outbox_endpoints>(added.begin(), added.end());
        return value_of<store::outbox_retained>(
            [&](auto h) { outbox_->async_retain(std::move(r), std::move(h)); });
    }
    std::vector<store::outbox_listed> list(store::outbox_selection s = {}) {
        return value_of<std::vector<store::outbox_listed>>(
            [&](auto h) { outbox_->async_list(std::move(s), std::move(h)); });
    }
    std::vector<store::outbox_attempt> attempts(std::string endpoint = {}, std::uint64_t after = 0,
                                                std::size_t max = 100) {
        return value_of<std::vector<store::outbox_attempt>>([&](auto h) {
            outbox_->async_list_attempts(std::move(endpoint), after, max, std::move(h));
        });
    }
    std::vector<store::outbox_attempt_counts> counts(store::outbox_counts_selection s) {
        return value_of<std::vector<store::outbox_attempt_counts>>(
            [&](auto h) { outbox_->async_list_attempt_counts(std::move(s), std::move(h)); });
    }
    std::vector<store::outbox_attempt_counts> counts_of(std::string endpoint) {
        return counts({.endpoint = std::move(endpoint)});
    }
    std::vector<store::outbox_endpoint_listed> endpoints(std::string after = {},
                                                         std::size_t max = 100) {
        return value_of<std::vector<store::outbox_endpoint_listed>>(
            [&](auto h) { outbox_->async_list_endpoints(std::move(after), max, std::move(h)); });
    }
    std::vector<store::outbox_endpoint> open(std::vector<store::outbox_endpoint> given,
                                             seconds now = seconds(0), seconds longest = {}) {
        return value_of<std::vector<store::outbox_endpoint>>([&](auto h) {
            outbox_->async_open({at(now), std::move(given), longest}, std::move(h));
        });
    }
    store::outbox_redelivered redeliver(store::outbox_selection s, seconds now = seconds(0),
                                        std::string suffix = {}) {
        return value_of<store::outbox_redelivered>([&](auto h) {
            outbox_->async_redeliver({std::move(s), at(now), std::move(suffix)}, std::move(h));
        });
    }
    void erase(std::string owner) {
        CHECK_FALSE(
            bed_.wait_for<>([&](auto h) { outbox_->async_erase(std::move(owner), std::move(h)); })
                .first);
    }
    position mark_of(std::string history, std::string endpoint = {}) {
        return value_of<position>([&](auto h) {
            outbox_->async_position(std::move(history), std::move(endpoint), std::move(h));
        });
    }
    texts listed_ids(store::outbox_selection s = {}) {
        texts ids;
        for (const auto& l : list(std::move(s))) ids.push_back(l.entry.message_id);
        return ids;
    }
    texts dead_ids() { return listed_ids({.state = store::outbox_state::dead}); }

 private:
    const outbox_kit kit_;
    const store::outbox_options options_;
    store_bed bed_;
    std::shared_ptr<store::outbox> outbox_;
};

inline std::vector<std::string> message_ids_of(const std::vector<store::outbox_entry>& entries) {
    std::vector<std::string> ids;
    for (const auto& e : entries) ids.push_back(e.message_id);
    return ids;
}
inline std::vector<std::string> ids_of(const store::outbox_claim& c) {
    return message_ids_of(c.entries);
}

}  // namespace tidings::test
