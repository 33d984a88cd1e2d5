// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/memory_outbox.hpp>
#include <tidings/store/memory_table.hpp>

#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace tidings::test {

/// How a store that was not made well ends an operation.
enum class carelessness {
    drops,             ///< the handler, without an answer
    drops_afterwards,  ///< the same, when the operation has been done
    throws,
};

/// Which operations of a store go wrong, and how; each once.
class careless_plan {
 public:
    void expect(std::string operation, carelessness c) { next_[std::move(operation)].push_back(c); }
    /// Does `f`, to which it gives the handler or an empty one, unless the operation goes wrong.
    template <class Handler, class F>
    void carry_out(const std::string& operation, Handler h, F f) {
        auto& list = next_[operation];
        if (list.empty()) return f(std::move(h));
        const auto c = list.front();
        list.erase(list.begin());
        if (c == carelessness::throws) throw std::runtime_error("careless");
        const net::any_io_executor io = h.executor();
        if (c == carelessness::drops_afterwards) f(Handler(io, [](const auto&...) {}));
    }
    bool done() const {
        for (const auto& [operation, list] : next_)
            if (!list.empty()) return false;
        return true;
    }

 private:
    std::map<std::string, std::vector<carelessness>> next_;
};

class careless_outbox final : public store::outbox {
 public:
    careless_plan plan;

    void start_open(store::outbox_opening o, open_handler h) override {
        plan.carry_out("open", std::move(h),
                       [&](open_handler to) { inner_->start_open(std::move(o), std::move(to)); });
    }
    void start_append(store::outbox_append a, append_handler h) override {
        plan.carry_out("append", std::move(h), [&](append_handler to) {
            inner_->start_append(std::move(a), std::move(to));
        });
    }
    void start_claim(store::outbox_query q, claim_handler h) override {
        plan.carry_out("claim", std::move(h),
                       [&](claim_handler to) { inner_->start_claim(std::move(q), std::move(to)); });
    }
    void start_finish(store::outbox_round r, done_handler h) override {
        plan.carry_out("finish", std::move(h),
                       [&](done_handler to) { inner_->start_finish(std::move(r), std::move(to)); });
    }
    void start_list(store::outbox_selection s, list_handler h) override {
        plan.carry_out("list", std::move(h),
                       [&](list_handler to) { inner_->start_list(std::move(s), std::move(to)); });
    }
    void start_list_attempts(std::string endpoint, std::uint64_t after_key, std::size_t max,
                             attempts_handler h) override {
        plan.carry_out("list_attempts", std::move(h), [&](attempts_handler to) {
            inner_->start_list_attempts(std::move(endpoint), after_key, max, std::move(to));
        });
    }
    void start_list_attempt_counts(store::outbox_counts_selection s, counts_handler h) override {
        plan.carry_out("list_attempt_counts", std::move(h), [&](counts_handler to) {
            inner_->start_list_attempt_counts(std::move(s), std::move(to));
        });
    }
    void start_list_endpoints(std::string after_id, std::size_t max, endpoints_handler h) override {
        plan.carry_out("list_endpoints", std::move(h), [&](endpoints_handler to) {
            inner_->start_list_endpoints(std::move(after_id), max, std::move(to));
        });
    }
    void start_redeliver(store::outbox_redelivery r, redeliver_handler h) override {
        plan.carry_out("redeliver", std::move(h), [&](redeliver_handler to) {
            inner_->start_redeliver(std::move(r), std::move(to));
        });
    }
    void start_retain(store::outbox_retention r, retain_handler h) override {
        plan.carry_out("retain", std::move(h), [&](retain_handler to) {
            inner_->start_retain(std::move(r), std::move(to));
        });
    }
    void start_erase(std::string owner, done_handler h) override {
        plan.carry_out("erase", std::move(h), [&](done_handler to) {
            inner_->start_erase(std::move(owner), std::move(to));
        });
    }
    void start_position(std::string history, std::string endpoint, position_handler h) override {
        plan.carry_out("position", std::move(h), [&](position_handler to) {
            inner_->start_position(std::move(history), std::move(endpoint), std::move(to));
        });
    }
    store::outbox_stats stats() const noexcept override { return inner_->stats(); }

 private:
    const std::shared_ptr<store::outbox> inner_ = store::make_memory_outbox();
};

class careless_table final : public store::table {
 public:
    careless_plan plan;

    void start_get(std::string key, get_handler h) override {
        plan.carry_out("get", std::move(h),
                       [&](get_handler to) { inner_->start_get(std::move(key), std::move(to)); });
    }
    void start_put(std::string key, std::string value, std::uint64_t expected,
                   put_handler h) override {
        plan.carry_out("put", std::move(h), [&](put_handler to) {
            inner_->start_put(std::move(key), std::move(value), expected, std::move(to));
        });
    }
    void start_erase(std::string key, std::uint64_t expected, erase_handler h) override {
        plan.carry_out("erase", std::move(h), [&](erase_handler to) {
            inner_->start_erase(std::move(key), expected, std::move(to));
        });
    }
    void start_scan(std::string after, std::size_t max, scan_handler h) override {
        plan.carry_out("scan", std::move(h), [&](scan_handler to) {
            inner_->start_scan(std::move(after), max, std::move(to));
        });
    }
    store::watch_handle watch(std::function<void(const store::row_change&)> f) override {
        return inner_->watch(std::move(f));
    }

 private:
    const std::shared_ptr<store::table> inner_ = store::make_memory_table();
};

}  // namespace tidings::test
