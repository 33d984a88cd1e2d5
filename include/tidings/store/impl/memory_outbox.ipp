// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/impl/outbox_tables.hpp>
#include <tidings/store/impl/prompt_outbox.hpp>
#include <tidings/store/memory_outbox.hpp>

#include <mutex>

namespace tidings::store {

namespace {

class memory_outbox final : public detail::prompt_outbox {
    // What is released by `f` is destroyed when the mutex is free again.
    template <class F>
    auto locked(F f) {
        std::vector<detail::message_uses::message> released;
        const std::lock_guard lock(mutex_);
        struct taking {
            ~taking() { to = rows.take_released(); }
            detail::outbox_tables& rows;
            std::vector<detail::message_uses::message>& to;
        } const at_end{rows_, released};
        return f();
    }
    template <class Handler, class F>
    void complete(Handler h, F f) {
        auto value = locked(std::move(f));
        std::move(h)(error_code(), std::move(value));
    }

 public:
    explicit memory_outbox(const outbox_options& options) : rows_(options) {}

    outbox_appended append(outbox_append a) override {
        return locked([&] { return rows_.append(std::move(a)); });
    }
    outbox_claim claim(const outbox_query& q,
                       const std::function<bool(const std::string&)>& wanted) override {
        return locked([&] { return rows_.claim(q, wanted); });
    }
    void finish(outbox_round&& r) override {
        locked([&] { rows_.finish(std::move(r)); });
    }
    std::optional<std::string> note_added(
        outbox_time now, const std::string& after, std::size_t max,
        const std::function<bool(const std::string&)>& added) override {
        return locked([&] { return rows_.note_added(now, after, max, added); });
    }

    void start_open(outbox_opening o, open_handler h) override {
        complete(std::move(h), [&] { return rows_.open(std::move(o)); });
    }
    void start_append(outbox_append a, append_handler h) override {
        std::move(h)(error_code(), append(std::move(a)));
    }
    void start_claim(outbox_query q, claim_handler h) override {
        complete(std::move(h), [&] { return rows_.claim(q); });
    }
    void start_finish(outbox_round r, done_handler h) override {
        finish(std::move(r));
        std::move(h)(error_code());
    }
    void start_list(outbox_selection s, list_handler h) override {
        complete(std::move(h), [&] { return rows_.list(s); });
    }
    void start_list_attempts(std::string endpoint, std::uint64_t after_key, std::size_t max,
                             attempts_handler h) override {
        complete(std::move(h), [&] { return rows_.attempts().list(endpoint, after_key, max); });
    }
    void start_list_attempt_counts(outbox_counts_selection s, counts_handler h) override {
        complete(std::move(h), [&] { return rows_.list_attempt_counts(s); });
    }
    void start_list_endpoints(std::string after_id, std::size_t max, endpoints_handler h) override {
        complete(std::move(h), [&] { return rows_.list_endpoints(after_id, max); });
    }
    void start_redeliver(outbox_redelivery r, redeliver_handler h) override {
        complete(std::move(h), [&] { return rows_.redeliver(r); });
    }
    void start_retain(outbox_retention r, retain_handler h) override {
        complete(std::move(h), [&] { return rows_.retain(r); });
    }
    void start_erase(std::string owner, done_handler h) override {
        locked([&] { rows_.erase(owner); });
        std::move(h)(error_code());
    }
    void start_position(std::string history, std::string endpoint, position_handler h) override {
        complete(std::move(h), [&] {
            return rows_.mark_of({std::move(endpoint), std::move(history)});
        });
    }
    outbox_stats stats() const noexcept override {
        const std::lock_guard lock(mutex_);
        return rows_.stats();
    }

 private:
    mutable std::mutex mutex_;
    detail::outbox_tables rows_;
};

}  // namespace

std::shared_ptr<outbox> make_memory_outbox(outbox_options options) {
    return std::make_shared<memory_outbox>(options);
}

}  // namespace tidings::store
