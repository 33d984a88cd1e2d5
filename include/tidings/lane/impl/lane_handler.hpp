// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/completion_handler.hpp>
#include <tidings/errc.hpp>
#include <tidings/impl/finds_memory.hpp>
#include <tidings/lane/impl/lane.hpp>
#include <tidings/unique_function.hpp>

#include <memory>
#include <utility>

namespace tidings::detail {

/// What a lane has asked the user's code (a store) and has no answer to.
template <class... Values>
class pending_answer {
 public:
    using taker = unique_function<void(error_code, Values...)>;

    pending_answer(std::shared_ptr<lane> l, error_code if_dropped, taker take)
        : question_(std::make_unique<question>(std::move(l), if_dropped, std::move(take))) {}
    pending_answer(pending_answer&&) = default;
    pending_answer& operator=(pending_answer&&) = delete;
    ~pending_answer() {
        if (!question_ || !question_->asked) return;
        const auto home = question_->home;
        home->post(*question_.release());
    }

    void operator()(error_code ec, Values... values) {
        const auto answered = std::move(question_);
        answered->take(ec, std::move(values)...);
    }

    /// Posted where it is dropped, which needs no memory then.
    struct question final : lane_task {
        question(std::shared_ptr<lane> l, error_code ec, taker t)
            : home(std::move(l)),
              if_dropped(ec),
              take(std::move(t)) {}
        void run() noexcept override {
            const std::unique_ptr<question> last(this);
            finds_memory([this] { take(if_dropped, Values()...); });
        }
        void drop() noexcept override { delete this; }

        const std::shared_ptr<lane> home;
        const error_code if_dropped;
        taker take;
        bool asked = false;  // the handler was made
    };
    question& pending() noexcept { return *question_; }

 private:
    std::unique_ptr<question> question_;
};

/// The handler of an operation of the user's code. `take` is called in the lane, once: with the
/// answer, or with `if_dropped` and empty values where the handler ends without one.
/// @throws std::bad_alloc, and it is not called
template <class... Values, class F>
completion_handler<error_code, Values...> lane_handler(const std::shared_ptr<lane>& l,
                                                       error_code if_dropped, F take) {
    pending_answer<Values...> answer(l, if_dropped, std::move(take));
    auto& pending = answer.pending();
    auto made =
        l->template completion<completion_handler<error_code, Values...>>(std::move(answer));
    pending.asked = true;
    return made;
}

}  // namespace tidings::detail
