// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/client.hpp>
#include <tidings/lane/impl/lane.hpp>
#include <tidings/rest_hook/impl/live_hook.hpp>
#include <tidings/rest_hook/impl/proof_question.hpp>
#include <tidings/rest_hook/impl/question_budget.hpp>
#include <tidings/rest_hook/impl/question_calendar.hpp>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tidings::rest_hook::detail {

class hook_list;
class hook_step;

/// Asks the targets of subscriptions that have a question, until they agree or the question ends. A
/// question is begun in the row before it is sent, so that of several managers on one table one
/// sends it, and a restart repeats none. Safe from any thread; it asks in a lane of its own.
class hook_asker final : public std::enable_shared_from_this<hook_asker> {
 public:
    hook_asker(hook_means means, std::shared_ptr<const proof_terms> terms);

    /// Before all others: whose rows it writes, and which notes what waits there.
    void begin(std::weak_ptr<hook_list> hooks) noexcept { hooks_ = std::move(hooks); }
    /// A subscription is asked. The caller may hold the mutex of the list.
    void note(const hook_record& h);
    /// Its first question, which the row of this revision says was begun, is to be sent.
    void ask_now(const hook_record& h, std::uint64_t revision);
    void close() noexcept;

 private:
    using lane = tidings::detail::lane;
    using wheel_timer = tidings::detail::wheel_timer;
    using change = std::function<bool(hook_record&)>;

    /// A change of a row that could not be made.
    struct unsettled {
        std::string id;
        std::string token;
        change apply;
    };
    /// The end of what it times, posted to the lane.
    struct closing final : tidings::detail::lane_task {
        void run() noexcept override { std::exchange(whose, nullptr)->end_all(); }
        void drop() noexcept override { const auto last = std::move(whose); }
        std::shared_ptr<hook_asker> whose{};
    };

    void put_off(const std::string& id, io::system_time at, std::uint64_t begun = 0);
    void watch();
    void on_due();
    void look(const question_calendar::entry& e);
    void begin_question(const hook_record& h);
    void send(const hook_record& h);
    void on_begun(const std::string& id, const std::string& token, error_code ec,
                  const hook_record& written);
    void on_late(const hook_record& h);
    void on_answer(const hook_record& h, const proof_question& q, error_code ec,
                   const http::response& r);
    void give_back(const hook_record& h, io::system_time next);
    void wait_for_proxy(const hook_record& h, error_code ec);
    void release(const std::string& token) noexcept;
    void settle(unsettled what);
    void settle_again();
    void on_settled(unsettled& what, error_code ec);
    void note_later() noexcept;
    void end_all() noexcept;
    http::client_options client_options() const;
    void log(log_level level, const hook_record& h, std::string_view what, error_code ec) const;
    io::system_time now() const { return means_.options->environment.clock->wall_now(); }

    const hook_means means_;
    const std::shared_ptr<const proof_terms> terms_;
    const std::shared_ptr<lane> lane_;
    std::weak_ptr<hook_list> hooks_;

    std::mutex mutex_;            // guards the next two
    question_calendar calendar_;  // what is to be looked at
    bool closed_ = false;

    // In the lane.
    std::optional<http::client> http_;
    const std::shared_ptr<question_budget> budget_;
    std::map<std::string, std::string> open_;  // owners of the questions under way, by token
    std::vector<unsettled> unsettled_;
    std::vector<std::weak_ptr<hook_step>> steps_;  // whose table has time to answer
    std::uint32_t proxy_failures_ = 0;             // in a row
    io::steady_time proxy_until_{};                // nothing is asked before
    bool missed_ = false;  // something that is asked may not stand in the calendar
    wheel_timer due_;
    wheel_timer again_;
    closing closing_;
};

}  // namespace tidings::rest_hook::detail
