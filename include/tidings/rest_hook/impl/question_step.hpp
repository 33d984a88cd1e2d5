// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/hook_list.hpp>
#include <tidings/unique_function.hpp>

#include <functional>
#include <memory>
#include <string>

namespace tidings::rest_hook::detail {

/// A change of the row of a subscription that is pending, made only while its question is still the
/// same, and begun again where another change of the row came first.
class question_step : public std::enable_shared_from_this<question_step> {
 public:
    /// False: nothing is to be changed any more.
    using change = std::function<bool(hook_record& h)>;
    using handler = unique_function<void(error_code, const hook_record& h)>;

    /// @param home where it goes on, and `done` is called, never inside `start`
    /// @param token of the question
    question_step(std::shared_ptr<lane> home, std::shared_ptr<hook_list> hooks, log_sink log,
                  std::string id, std::string token, change apply, handler done);
    /// Once. @throws std::bad_alloc: `done` is not called. @error errc::not_found: there is no such
    /// question, or the change is none; errc::store_conflict: others change the row all the time;
    /// errc::store_failed, errc::out_of_memory: it was made or not
    void start();

 private:
    static constexpr int most_tries = 5;

    void run();
    void write();
    void on_written(error_code ec, const hook_record& h, std::uint64_t revision);
    void read_again();
    void on_read(error_code ec, const store::row& r);
    /// Ends with errc::out_of_memory where `f` finds none.
    template <class F>
    void step(F f);
    void end(error_code ec, const hook_record& h);

    const std::shared_ptr<lane> lane_;
    const std::shared_ptr<hook_list> hooks_;
    const log_sink log_;
    const std::string id_;
    const std::string token_;
    const change apply_;
    handler done_;
    int tries_ = 0;
};

}  // namespace tidings::rest_hook::detail
