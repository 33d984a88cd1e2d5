// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/memory_outbox.hpp>
#include <tidings/test/faulty_operation.hpp>

namespace tidings::test {

/// An outbox that goes wrong as its plan says; without faults it is the one it wraps. Operations:
/// `open`, `append`, `claim`, `finish`, `list`, `list_attempts`, `list_attempt_counts`,
/// `list_endpoints`, `redeliver`, `retain`, `erase`, `position`; they fail with errc::store_failed,
/// in the order of the calls like all others.
class faulty_outbox final : public store::outbox {
 public:
    explicit faulty_outbox(std::shared_ptr<store::outbox> inner = store::make_memory_outbox(),
                           std::shared_ptr<fault_plan> plan = std::make_shared<fault_plan>())
        : inner_(std::move(inner)),
          plan_(std::move(plan)) {}

    fault_plan& plan() const noexcept { return *plan_; }

    void start_open(store::outbox_opening o, open_handler h) override {
        forward("open", &outbox::start_open, std::move(h), std::move(o));
    }
    void start_append(store::outbox_append a, append_handler h) override {
        forward("append", &outbox::start_append, std::move(h), std::move(a));
    }
    void start_claim(store::outbox_query q, claim_handler h) override {
        forward("claim", &outbox::start_claim, std::move(h), std::move(q));
    }
    void start_finish(store::outbox_round r, done_handler h) override {
        forward("finish", &outbox::start_finish, std::move(h), std::move(r));
    }
    void start_list(store::outbox_selection s, list_handler h) override {
        forward("list", &outbox::start_list, std::move(h), std::move(s));
    }
    void start_list_attempts(std::string endpoint, std::uint64_t after_key, std::size_t max,
                             attempts_handler h) override {
        forward("list_attempts", &outbox::start_list_attempts, std::move(h), std::move(endpoint),
                after_key, max);
    }
    void start_list_attempt_counts(store::outbox_counts_selection s, counts_handler h) override {
        forward("list_attempt_counts", &outbox::start_list_attempt_counts, std::move(h),
                std::move(s));
    }
    void start_list_endpoints(std::string after_id, std::size_t max, endpoints_handler h) override {
        forward("list_endpoints", &outbox::start_list_endpoints, std::move(h), std::move(after_id),
                max);
    }
    void start_redeliver(store::outbox_redelivery r, redeliver_handler h) override {
        forward("redeliver", &outbox::start_redeliver, std::move(h), std::move(r));
    }
    void start_retain(store::outbox_retention r, retain_handler h) override {
        forward("retain", &outbox::start_retain, std::move(h), std::move(r));
    }
    void start_erase(std::string owner, done_handler h) override {
        forward("erase", &outbox::start_erase, std::move(h), std::move(owner));
    }
    bool durable() const noexcept override { return inner_->durable(); }
    void start_position(std::string history, std::string endpoint, position_handler h) override {
        forward("position", &outbox::start_position, std::move(h), std::move(history),
                std::move(endpoint));
    }
    store::outbox_stats stats() const noexcept override { return inner_->stats(); }

 private:
    template <class Start, class... Values, class... Args>
    void forward(std::string_view name, Start start,
                 tidings::completion_handler<error_code, Values...> h, Args... args) {
        faulty_operation<Values...> op(plan_, name, errc::store_failed, std::move(h));
        if (op.fails_before()) return skip(std::move(op));
        ((*inner_).*start)(std::move(args)..., std::move(op).handler());
    }
    // Asks for nothing instead, so that it fails when its turn has come.
    template <class Operation>
    void skip(Operation op) {
        inner_->start_list(
            {.max_entries = 0},
            list_handler(inline_executor(), [op = std::move(op)](error_code, const auto&) mutable {
                std::move(op).fail();
            }));
    }

    const std::shared_ptr<store::outbox> inner_;
    const std::shared_ptr<fault_plan> plan_;
};

}  // namespace tidings::test
