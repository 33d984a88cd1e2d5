// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/memory_table.hpp>
#include <tidings/test/faulty_operation.hpp>

namespace tidings::test {

/// A table that goes wrong as its plan says; without faults it is the one it wraps. Operations:
/// `get`, `put`, `erase`, `scan`; they fail with errc::store_failed, in the order of the calls like
/// all others. Watches are those of the table it wraps: they tell of what was done, however it was
/// answered.
class faulty_table final : public store::table {
 public:
    explicit faulty_table(std::shared_ptr<store::table> inner = store::make_memory_table(),
                          std::shared_ptr<fault_plan> plan = std::make_shared<fault_plan>())
        : inner_(std::move(inner)),
          plan_(std::move(plan)) {}

    fault_plan& plan() const noexcept { return *plan_; }

    void start_get(std::string key, get_handler h) override {
        auto op = begin("get", std::move(h));
        if (op.fails_before()) return skip(std::move(op));
        inner_->start_get(std::move(key), std::move(op).handler());
    }
    void start_put(std::string key, std::string value, std::uint64_t expected,
                   put_handler h) override {
        auto op = begin("put", std::move(h));
        if (op.fails_before()) return skip(std::move(op));
        inner_->start_put(std::move(key), std::move(value), expected, std::move(op).handler());
    }
    void start_erase(std::string key, std::uint64_t expected, erase_handler h) override {
        auto op = begin("erase", std::move(h));
        if (op.fails_before()) return skip(std::move(op));
        inner_->start_erase(std::move(key), expected, std::move(op).handler());
    }
    void start_scan(std::string after, std::size_t max, scan_handler h) override {
        auto op = begin("scan", std::move(h));
        if (op.fails_before()) return skip(std::move(op));
        inner_->start_scan(std::move(after), max, std::move(op).handler());
    }
    store::watch_handle watch(std::function<void(const store::row_change&)> f) override {
        return inner_->watch(std::move(f));
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
        inner_->start_scan(
            {}, 0,
            scan_handler(inline_executor(), [op = std::move(op)](error_code, const auto&) mutable {
                std::move(op).fail();
            }));
    }

    const std::shared_ptr<store::table> inner_;
    const std::shared_ptr<fault_plan> plan_;
};

}  // namespace tidings::test
