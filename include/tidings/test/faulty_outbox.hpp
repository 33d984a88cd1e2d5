// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/memory_outbox.hpp>
#include <tidings/test/faulty_operation.hpp>

namespace tidings::test {

/// An outbox that goes wrong as its plan says; without faults it is the one it wraps. Operations:
/// `append`, `claim`, `finish`, `list`, `retain`; they fail with errc::store_failed, in the order
/// of the calls like all others.
class faulty_outbox final : public store::outbox {
 public:
    explicit faulty_outbox(std::shared_ptr<store::outbox> inner = store::make_memory_outbox(),
                           std::shared_ptr<fault_plan> plan = std::make_shared<fault_plan>())
        : inner_(std::move(inner)),
          plan_(std::move(plan)) {}

    fault_plan& plan() const noexcept { return *plan_; }

    void start_append(std::vector<store::outbox_entry> entries, done_handler h) override {
        auto op = begin("append", std::move(h));
        if (op.fails_before()) return skip(std::move(op));
        inner_->start_append(std::move(entries), std::move(op).handler());
    }
    void start_claim(store::outbox_query q, claim_handler h) override {
        auto op = begin("claim", std::move(h));
        if (op.fails_before()) return skip(std::move(op));
        inner_->start_claim(std::move(q), std::move(op).handler());
    }
    void start_finish(std::vector<store::outbox_result> results, done_handler h) override {
        auto op = begin("finish", std::move(h));
        if (op.fails_before()) return skip(std::move(op));
        inner_->start_finish(std::move(results), std::move(op).handler());
    }
    void start_list(std::string endpoint, std::uint64_t after_key, std::size_t max,
                    list_handler h) override {
        auto op = begin("list", std::move(h));
        if (op.fails_before()) return skip(std::move(op));
        inner_->start_list(std::move(endpoint), after_key, max, std::move(op).handler());
    }
    void start_retain(store::outbox_time before, done_handler h) override {
        auto op = begin("retain", std::move(h));
        if (op.fails_before()) return skip(std::move(op));
        inner_->start_retain(before, std::move(op).handler());
    }

 private:
    template <class... Values>
    faulty_operation<Values...> begin(std::string_view name,
                                      tidings::completion_handler<error_code, Values...> h) {
        return {plan_, name, errc::store_failed, std::move(h)};
    }
    // Asks for nothing instead, so that it fails when its turn has come.
    template <class Operation>
    void skip(Operation op) {
        inner_->start_list(
            {}, 0, 0,
            list_handler(inline_executor(), [op = std::move(op)](error_code, const auto&) mutable {
                std::move(op).fail();
            }));
    }

    const std::shared_ptr<store::outbox> inner_;
    const std::shared_ptr<fault_plan> plan_;
};

}  // namespace tidings::test
