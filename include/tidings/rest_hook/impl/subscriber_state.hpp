// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/inlet/impl/backoff.hpp>
#include <tidings/rest_hook/impl/subscriber_base.hpp>

#include <memory>
#include <optional>
#include <string>

namespace tidings::rest_hook::detail {

/// A subscriber's client behind its handles: when the server is asked for what.
///
///     idle -start-> running (row, then the steps that the server's answers lead to)
///     running -denied, refused for good-> idle
///     any -stop-> ending (unsubscribe, row) -> idle
class subscriber_state final : public subscriber_base {
 public:
    subscriber_state(std::shared_ptr<lane> home, std::shared_ptr<subscriber> sink,
                     subscriber_client_options options);
    void start();
    void stop(std::optional<stop_action> how, stop_handler h);

 private:
    void on_answer(const server_answer& a, const http::response& r) override;
    void on_heard(const webhook::websub_intent& asked) override;

    void begin();
    void load();
    void enter();
    void run(server_step s);
    void act(const server_answer& a, const http::response& r);
    void on_verified(const webhook::websub_intent& asked);
    void note_answered();
    void granted();
    void wait_for_proof();
    void arm_renewal();
    io::system_time next_try(io::system_time until);
    void watch_renewal();
    server_step renewal();
    void later(server_step s, std::chrono::milliseconds asked, const server_answer& why);
    void give_up(subscriber_client_state s, error_code why, std::string reason);
    void on_due();
    // Of the end, in subscriber_state_stop.ipp.
    void begin_end(std::optional<stop_action> how);
    void leave();
    void act_ending(const server_answer& a, const http::response& r);
    void erase();
    void finish(error_code why, bool stands);

    // In the lane.
    unsigned in_a_row_ = 0;  // steps that have followed each other
    tidings::detail::backoff backoff_;
    std::optional<server_step> due_step_;  // none before the first
    std::optional<io::system_time> renews_at_;
    std::optional<io::system_time> tried_until_;  // the end that a renewal was to move
    bool in_doubt_ = false;  // the server may have it, although its id is not known
    stop_action how_ = stop_action::keep;
    error_code failing_{};  // why the server is asked again, as the log has it
};

}  // namespace tidings::rest_hook::detail
