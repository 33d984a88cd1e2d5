// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/hook_list.hpp>
#include <tidings/unique_function.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace tidings::rest_hook::detail {

/// A change of one row, begun again where another change of the row came first.
class hook_step : public std::enable_shared_from_this<hook_step> {
 public:
    /// Changes the record; an error ends the step with it.
    /// @param revision 0: there is no such row, `h` has nothing but its id and becomes one
    using change = std::function<error_code(std::uint64_t revision, hook_record& h)>;
    /// The record as it was written, and the revision of its row.
    using handler = unique_function<void(error_code, const hook_record& h, std::uint64_t revision)>;

    /// @param home where it goes on, and `done` is called, never inside `start`
    hook_step(std::shared_ptr<lane> home, std::shared_ptr<hook_list> hooks, log_sink log,
              std::string id, change apply, handler done);
    /// Once. @throws std::bad_alloc: `done` is not called. @error those of the change;
    /// errc::closed: the list is closed, errc::too_many: it, or the owner's share of it, is full;
    /// errc::store_conflict: others change the row all the time; errc::store_failed,
    /// errc::out_of_memory: it was made or not
    void start();
    /// The same, and `on_late` is called once where it has not ended in this time: what waits for
    /// it goes on. `done` is called all the same, when the table answers.
    void start(std::chrono::milliseconds patience, unique_function<void()> on_late);
    /// In the lane: nothing waits for it any more, and `on_late` is not called.
    void stop_waiting() noexcept;

 private:
    static constexpr int most_tries = 5;

    void run();
    void wait(std::chrono::milliseconds patience);
    void write();
    bool reserve(const hook_record& h);
    bool reserve_owner(const hook_record& before, const hook_record& h);
    void on_written(error_code ec, const hook_record& h, std::uint64_t revision);
    void read_again();
    void on_read(error_code ec, const store::row& r, const hook_list::reading_ptr& by);
    /// Ends with errc::out_of_memory where `f` finds none.
    template <class F>
    void step(F f);
    void end(error_code ec, const hook_record& h, std::uint64_t revision = 0);

    const std::shared_ptr<lane> lane_;
    const std::shared_ptr<hook_list> hooks_;
    const log_sink log_;
    const std::string id_;
    const change apply_;
    handler done_;
    unique_function<void()> on_late_{};
    std::shared_ptr<tidings::detail::wheel_timer> patience_{};
    int tries_ = 0;
    std::uint64_t known_ = 0;        // the revision that was to be changed
    bool reserved_ = false;          // a place in the list, for a row that is not there yet
    std::shared_ptr<void> owner_{};  // the place among those of another owner
};

/// A change that is made only while the question with this token is open.
/// @param apply false: nothing is to be changed any more
TIDINGS_DECL hook_step::change of_question(std::string token,
                                           std::function<bool(hook_record& h)> apply);

}  // namespace tidings::rest_hook::detail
