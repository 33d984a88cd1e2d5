// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/client.hpp>
#include <tidings/impl/context_end.hpp>
#include <tidings/impl/finds_memory.hpp>
#include <tidings/lane/impl/lane.hpp>
#include <tidings/lane/impl/lane_completion.hpp>
#include <tidings/rest_hook/impl/callback_door.hpp>
#include <tidings/rest_hook/impl/hook_server.hpp>
#include <tidings/rest_hook/impl/subscription_row.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace tidings::rest_hook::detail {

/// What a subscriber's client works with: its row, its door, the requests to its server, what it
/// shows of itself, and its end. Lane-confined behind a thread-safe face.
class subscriber_base : public tidings::detail::context_dependent,
                        public std::enable_shared_from_this<subscriber_base> {
 public:
    using lane = tidings::detail::lane;

    subscriber_status status() const;
    net::any_io_executor executor() const noexcept { return lane_->executor(); }
    callback_door& door() noexcept { return *door_; }
    /// Ends it, and releases what the user gave; calls nothing any more. From any thread.
    void close() noexcept;
    void on_context_end() noexcept override;

 protected:
    using stopping = tidings::detail::lane_completion<error_code>;
    enum class life : std::uint8_t { idle, running, ending, closed };
    /// The request whose answer is awaited.
    struct question {
        server_step step = server_step::subscribe;
        std::uint64_t number = 0;  // the answer to another one is late
        bool open = false;
        bool confirmed = false;  // the server has verified what was asked
    };

    subscriber_base(std::shared_ptr<lane> home, std::shared_ptr<subscriber> sink,
                    subscriber_client_options options);

    virtual void on_answer(const server_answer& a, const http::response& r) = 0;
    /// What the server has asked, or said, at the callback.
    virtual void on_heard(const webhook::websub_intent& asked) = 0;

    /// By the record's path and secret. @error errc::webhook_invalid_secret
    error_code open_door();
    void shut_door(bool stands);
    void expect(expected_question::kind what);
    void send(server_step s);
    void tell(subscriber_status s);
    void log(std::string_view what, error_code why, log_level level = log_level::warning) const;
    /// Whether the server delivers.
    bool stands() const;
    /// Runs `f`; where it finds no memory, what is due is tried again.
    template <class F>
    void step(F f) {
        const auto keep = shared_from_this();
        if (tidings::detail::finds_memory(std::move(f))) return;
        if (life_ == life::running || life_ == life::ending)
            again_->arm(lane_->timers(), std::chrono::seconds(1));
    }
    subscriber_record& record() noexcept { return row_.record(); }
    io::system_time now() const { return options_.environment.clock->wall_now(); }
    std::uint64_t drawn() const { return options_.environment.random->next(); }

    const std::shared_ptr<lane> lane_;
    subscriber_client_options options_;
    const std::unique_ptr<const hook_server> server_;

    // In the lane.
    life life_ = life::idle;
    subscription_row row_;
    question asked_;
    std::optional<tidings::detail::wheel_timer> again_;
    std::optional<tidings::detail::wheel_timer> stop_deadline_;
    std::vector<std::shared_ptr<stopping>> stopping_;

 private:
    struct closing final : tidings::detail::lane_task {
        void run() noexcept override { std::exchange(whose, nullptr)->end_all(); }
        void drop() noexcept override { const auto last = std::move(whose); }
        std::shared_ptr<subscriber_base> whose{};
    };
    void take_answer(std::uint64_t number, error_code ec, const http::response& r);
    void end_all() noexcept;

    const std::shared_ptr<callback_door> door_;
    std::atomic<bool> released_{false};
    closing closing_;
    mutable std::mutex mutex_;
    subscriber_status status_;  // guarded by mutex_
    std::optional<http::client> http_;
    std::string opened_with_;  // the path and the secret that the door has
};

}  // namespace tidings::rest_hook::detail
