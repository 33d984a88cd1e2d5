// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/completion_handler.hpp>
#include <tidings/test/fault_plan.hpp>

#include <boost/asio/execution.hpp>
#include <boost/asio/execution_context.hpp>

#include <memory>
#include <tuple>
#include <utility>

namespace tidings::test {

/// Runs at once what is posted to it: how a wrapper gets a completion where it happens. What
/// the wrapper does then is to post the real one.
class inline_executor {
 public:
    net::execution_context& query(net::execution::context_t) const noexcept {
        static net::execution_context none;
        return none;
    }
    // Not true, but a completion is never posted to an executor that may block.
    static constexpr net::execution::blocking_t query(net::execution::blocking_t) noexcept {
        return net::execution::blocking.never;
    }
    template <class F>
    void execute(F&& f) const {
        std::forward<F>(f)();
    }
    bool operator==(const inline_executor&) const noexcept = default;
};

/// One operation on its way through a wrapper: what `faulty_outbox` and its like are made of.
template <class... Values>
class faulty_operation {
 public:
    using handler_type = tidings::completion_handler<error_code, Values...>;

    faulty_operation(std::shared_ptr<fault_plan> plan, std::string_view name, error_code documented,
                     handler_type h)
        : plan_(std::move(plan)),
          fault_(plan_->start(name)),
          handler_(std::move(h)) {
        if (fault_ && !fault_->error) fault_->error = documented;
    }

    bool fails() const noexcept { return fault_.has_value(); }
    bool fails_before() const noexcept { return fault_ && !fault_->after; }
    error_code error() const { return fault_ ? fault_->error : error_code(); }

    /// What to hand to what is wrapped. Empty when nobody waits for the completion.
    handler_type handler() && {
        if (!handler_) return {};
        return handler_type(inline_executor(), [self = std::move(*this)](error_code ec,
                                                                         Values... values) mutable {
            if (self.fails()) return std::move(self).fail();
            self.plan_->complete([h = std::move(self.handler_), ec,
                                  kept = std::tuple<Values...>(std::move(values)...)]() mutable {
                std::apply([&](auto&... v) { std::move(h)(ec, std::move(v)...); }, kept);
            });
        });
    }
    /// Completes it with its error and nothing else.
    void fail() && {
        if (!handler_) return;
        plan_->complete(
            [h = std::move(handler_), ec = error()]() mutable { std::move(h)(ec, Values()...); });
    }

 private:
    std::shared_ptr<fault_plan> plan_;
    std::optional<fault> fault_;
    handler_type handler_;
};

}  // namespace tidings::test
