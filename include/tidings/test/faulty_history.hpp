// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/history.hpp>
#include <tidings/test/faulty_operation.hpp>

namespace tidings::test {

/// A history that goes wrong as its plan says; without faults it is the one it wraps. Operations:
/// `append`, `read`; they fail with errc::history_failed. Completions
/// are held, calls of the listener are not.
///
/// An append that fails has its error in the result. One that fails after it was done is committed
/// all the same, as where the answer of a server is lost and its stream of commits is not.
class faulty_history final : public history {
 public:
    explicit faulty_history(std::shared_ptr<history> inner,
                            std::shared_ptr<fault_plan> plan = std::make_shared<fault_plan>())
        : inner_(std::move(inner)),
          plan_(std::move(plan)) {}

    fault_plan& plan() const noexcept { return *plan_; }

    bool covers(std::string_view topic) const noexcept override { return inner_->covers(topic); }
    void listen(history_listener& listener) override { inner_->listen(listener); }
    void unlisten(const history_listener& listener) noexcept override {
        inner_->unlisten(listener);
    }
    append_result append(pending_publication e, append_handler handler) override {
        faulty_operation op(plan_, "append", errc::history_failed, std::move(handler));
        const auto error = op.error();
        append_result result;
        if (op.fails_before())
            std::move(op).fail();
        else
            result = inner_->append(std::move(e), std::move(op).handler());
        if (error) result.error = error;
        return result;
    }
    position head() const override { return inner_->head(); }
    void start_read(position after, std::vector<std::string> patterns, std::size_t max_events,
                    read_handler handler) override {
        faulty_operation op(plan_, "read", errc::history_failed, std::move(handler));
        if (op.fails_before()) return std::move(op).fail();
        inner_->start_read(std::move(after), std::move(patterns), max_events,
                           std::move(op).handler());
    }
    void start_read_back(position before, std::vector<std::string> patterns, std::size_t max_events,
                         read_handler handler) override {
        faulty_operation op(plan_, "read_back", errc::history_failed, std::move(handler));
        if (op.fails_before()) return std::move(op).fail();
        inner_->start_read_back(std::move(before), std::move(patterns), max_events,
                                std::move(op).handler());
    }
    std::optional<position> find(std::string_view source, std::string_view id) const override {
        return inner_->find(source, id);
    }

 private:
    const std::shared_ptr<history> inner_;
    const std::shared_ptr<fault_plan> plan_;
};

}  // namespace tidings::test
