// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/bounded_queue.hpp>
#include <tidings/http/client.hpp>
#include <tidings/impl/context_end.hpp>
#include <tidings/inlet/impl/client_run.hpp>
#include <tidings/inlet/impl/handover.hpp>
#include <tidings/inlet/impl/inlet.hpp>
#include <tidings/inlet/impl/recent_ids.hpp>
#include <tidings/inlet/impl/reconnector.hpp>
#include <tidings/lane/impl/lane.hpp>
#include <tidings/rest/client.hpp>
#include <tidings/rest/impl/answer.hpp>
#include <tidings/rest/impl/client_drain.hpp>
#include <tidings/rest/impl/client_request.hpp>

#include <atomic>
#include <mutex>

namespace tidings::rest::detail {

using tidings::detail::backoff;
using tidings::detail::bounded_queue;
using tidings::detail::client_run;
using tidings::detail::context_dependent;
using tidings::detail::handover;
using tidings::detail::inlet;
using tidings::detail::lane;
using tidings::detail::recent_ids;
using tidings::detail::reconnect_event;
using tidings::detail::reconnector;
using tidings::detail::wheel_timer;

/// What stands behind a client's handle; itself the outlet. Lane-confined behind a thread-safe
/// face.
class client_state final : public subscriber, public drainable, public context_dependent {
 public:
    client_state(const net::any_io_executor& executor, client_options options,
                 std::shared_ptr<subscriber> sink);

    void run(run_handler h);
    void restart();
    /// At once within the lane, else posted.
    void stop() noexcept;
    void publish(const std::string& topic, event e, publish_handler h);
    net::any_io_executor executor() const noexcept { return lane_->executor(); }
    /// Up to where everything was accepted.
    std::optional<std::string> reached() const { return handover_->reached(); }
    client_counters counters() const noexcept {
        const auto read = handover_->counters();
        return {read.received, sent_, dropped_, failed_, read.accepted, read.refused, read.retried};
    }

    outcome deliver(const event_ptr& e) noexcept override;
    origin_id origin() const noexcept override { return origin_; }
    drain_role role() const noexcept override { return drain_role::streams; }
    void start_drain(unique_function<void(error_code)> done) override;
    void on_context_end() noexcept override;

 private:
    static constexpr std::size_t remembered_own_ids = 10'000 * recent_ids::entry_bytes;
    // An empty answer that comes sooner was not waited for: by a server that drains, say.
    static constexpr std::chrono::seconds shortest_wait{1};

    enum class stage { running, draining, stopped };
    /// Of the reading: it does not know where the present is, it does, it was ended.
    enum class phase { unlocated, located, ended };
    /// What the user gave for the reading. Released at its end, while a callback runs once that has
    /// returned.
    struct reading {
        std::function<void(error_code, bool ended, const diagnostics&)> on_error;
        inlet in;
    };
    std::shared_ptr<client_state> self() noexcept {
        return std::static_pointer_cast<client_state>(shared_from_this());
    }
    std::weak_ptr<client_state> weak_self() noexcept { return self(); }
    net::any_io_executor default_executor() const noexcept override { return executor(); }

    void log(std::string_view message, error_code ec = {}) const {
        if (const auto log = log_; log && *log) (*log)({log_level::warning, "rest", message, ec});
    }
    void stop_here();
    void end_reading(error_code why);

    // Reading.
    void react(const reconnect_event& e, std::string_view cause = {});
    void report(error_code why, bool ended, const diagnostics& text);
    void poll() noexcept;
    void on_answer(error_code ec, const http::response& r);
    void on_too_large(const http::response& r);
    /// How many events it brought.
    std::size_t take(const reading& to, const http::response& r, error_code& ec);
    /// @error errc::out_of_memory: it is to come again
    error_code take_event(const reading& to, wire_event&& e);
    /// Everything before the position was handed on.
    void move_to(position p) {
        handover_->pass(p.text());
        received_ = std::move(p);
    }

    // The outlet.
    void pump();
    void send();
    void on_sent(error_code ec, const http::response& r);
    void settle(error_code ec);
    void finish_drain(error_code ec) {
        if (ec) log("what was still to be sent when the drain ended is lost", ec);
        drain_.finish(ec);
        stop();
    }

    const client_options options_;  // without the callbacks
    const origin_id origin_;
    const std::shared_ptr<lane> lane_;
    recent_ids own_;  // what the outlet sent, so that it is not read back
    std::atomic<stage> stage_{stage::running};
    std::atomic<std::uint64_t> sent_{0}, dropped_{0}, failed_{0};

    mutable std::mutex mutex_;
    bounded_queue queue_;  // guarded by mutex_, as the next
    bool pump_posted_ = false;

    // In the lane.
    std::shared_ptr<const log_sink> log_;     // null: stopped
    std::shared_ptr<const reading> reading_;  // null: none, or it has ended
    std::optional<http::client> http_;        // none: stopped
    std::optional<http::client> reader_;      // its requests last longer
    reconnector reconnector_;
    const std::shared_ptr<handover> handover_;
    std::optional<position> received_;  // up to where events were handed on: where reading goes on
    client_run run_;
    std::uint64_t polls_ = 0;  // so that the answer to one that was left is recognised
    backoff pause_;            // between answers that bring nothing and do not wait
    phase phase_;
    bool paused_ = false;  // the next request waits for room
    std::size_t max_batch_;
    io::steady_time asked_{};
    wheel_timer poll_again_;
    event_ptr sending_;
    backoff send_backoff_;
    wheel_timer send_again_;
    std::size_t publishing_ = 0;  // publications under way
    client_drain drain_;
};

}  // namespace tidings::rest::detail
