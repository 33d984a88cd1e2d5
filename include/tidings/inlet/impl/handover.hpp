// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/inlet/impl/backoff.hpp>
#include <tidings/inlet/impl/checkpoint_window.hpp>
#include <tidings/io/environment.hpp>
#include <tidings/lane/impl/lane.hpp>
#include <tidings/log.hpp>
#include <tidings/subscriber.hpp>

#include <atomic>
#include <memory>
#include <mutex>

namespace tidings::detail {

struct handover_options {
    std::string_view module{};
    delivery_window window{};
    reconnect_options retry{};
    std::optional<std::string> start{};  ///< where the client resumes at first
    log_sink log{};
    io::environment environment{};
    /// The sink takes nothing more.
    unique_function<void()> on_closed{};
    /// There is room again, after `has_room` was false.
    unique_function<void()> on_room{};
};

/// How a client hands its events to its sink: in order, one a turn, without waiting for the answers
/// (`checkpoint_window`). Confined to the client's lane but for what says otherwise. Calls the
/// client only from completions and timers, never inside `push`.
class handover final : public std::enable_shared_from_this<handover> {
 public:
    /// @param sink null: a client for its callbacks alone
    TIDINGS_DECL handover(std::shared_ptr<lane> home, std::shared_ptr<subscriber> sink,
                          handover_options options);

    /// @error errc::out_of_memory: it was not taken, and is to come again; also of null, a control
    /// event that no memory was found for
    TIDINGS_DECL error_code push(event_ptr e, std::optional<std::string> position) noexcept;
    /// A position behind everything that came so far.
    TIDINGS_DECL void pass(std::string position);
    /// An event that cannot be handed on.
    TIDINGS_DECL void refuse(error_code why, std::optional<std::string> position);
    TIDINGS_DECL void restart_at(std::optional<std::string> position);
    bool has_sink() const noexcept { return sink_ != nullptr; }
    TIDINGS_DECL bool has_room() noexcept;
    /// Calls `f` once everything that came is accepted or passed, at once if that is so; not after
    /// `stop`, and not if this is called again before.
    TIDINGS_DECL void when_empty(unique_function<void()> f);
    /// Hands nothing more over and releases what the user gave. Answers that are still to come move
    /// the position.
    TIDINGS_DECL void stop() noexcept;

    /// From any thread, as the next.
    TIDINGS_DECL std::optional<std::string> reached() const;
    delivery_counters counters() const noexcept {
        return {received_, accepted_, refused_, retried_};
    }

 private:
    class answer;
    enum class stage { idle, pumping, stopped };  // pumping: the next turn is posted
    /// A call of itself that is posted without memory.
    struct call final : lane_task {
        explicit call(void (handover::*f)()) noexcept : function(f) {}
        void post(std::shared_ptr<handover> h) noexcept;
        void run() noexcept override;
        void drop() noexcept override { const auto last = std::move(whose); }
        void (handover::*const function)();
        std::shared_ptr<handover> whose;
    };
    void pump();
    void pump_behind_answer();
    bool hand(const checkpoint_window::handing& h);
    void settle(checkpoint_window::slot at, error_code ec);
    void drop_question(checkpoint_window::slot at) noexcept;
    void settle_later() noexcept;
    void on_dropped_questions();
    void after(delivery_verdict verdict, error_code ec);
    void go_on();
    void retry();
    void call_if_empty();
    void log(std::string_view message, error_code ec) const {
        if (options_.log) options_.log({log_level::warning, options_.module, message, ec});
    }

    const std::shared_ptr<lane> lane_;
    std::shared_ptr<subscriber> sink_;  // null: none, or stopped
    handover_options options_;
    backoff backoff_;
    wheel_timer again_;
    unique_function<void()> when_empty_;
    call pump_{&handover::pump_behind_answer};
    call settle_dropped_{&handover::on_dropped_questions};
    stage stage_ = stage::idle;
    bool full_ = false;  // the client waits for room
    std::atomic<std::uint64_t> received_{0}, accepted_{0}, refused_{0}, retried_{0};
    mutable std::mutex mutex_;
    checkpoint_window window_;  // guarded by mutex_, as the next
    bool dropped_ = false;      // questions, since they were settled
};

}  // namespace tidings::detail
