// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/client.hpp>
#include <tidings/inlet/impl/client_run.hpp>
#include <tidings/inlet/impl/inlet.hpp>
#include <tidings/inlet/impl/reconnector.hpp>
#include <tidings/websocket/client.hpp>
#include <tidings/websocket/impl/upgrade_answer.hpp>
#include <tidings/websocket/impl/websocket_session.hpp>

namespace tidings::websocket::detail {

using tidings::detail::client_run;
using tidings::detail::context_dependent;
using tidings::detail::inlet;
using tidings::detail::lane;
using tidings::detail::reconnect_event;
using tidings::detail::reconnector;
using tidings::detail::wheel_timer;

/// What stands behind a client's handle: connect, serve, wait, again. Lane-confined behind a
/// thread-safe face.
class client_state final : public subscriber, public drainable, public context_dependent {
 public:
    client_state(const net::any_io_executor& executor, client_options options,
                 std::shared_ptr<subscriber> sink);

    void run(run_handler h);
    void restart();
    /// At once within the lane, else posted.
    void stop() noexcept;
    /// The handle is gone: no callback is called any more, and the client stops.
    void release() noexcept;
    position last_position() const {
        const std::lock_guard lock(mutex_);
        return last_;
    }
    session_ptr current() const;

    outcome deliver(const event_ptr& e) noexcept override;
    origin_id origin() const noexcept override { return origin_; }
    const net::any_io_executor& executor() const noexcept { return lane_->executor(); }
    drain_role role() const noexcept override { return drain_role::streams; }
    void start_drain(unique_function<void(error_code)> done) override;
    void on_context_end() noexcept override;

 private:
    /// What the user gave. Released at the end, while a callback runs once that has returned.
    struct given {
        client_options options;
        std::shared_ptr<subscriber> sink;
        inlet in;
    };
    std::shared_ptr<client_state> self() {
        return std::static_pointer_cast<client_state>(shared_from_this());
    }
    /// What may still be called; null once the client was stopped or has ended.
    std::shared_ptr<const given> listening() const;
    void stop_here();
    void react(const reconnect_event& e, std::string_view cause = {});
    void connect();
    http::request upgrade_request(std::string& key);
    std::string target_url() const;
    void on_upgraded(error_code ec, http::upgraded_response r, const std::string& key);
    void refuse(const http::response& answer, error_code why);
    void open(http::upgraded_response r);
    websocket_session_options options_for(std::string subprotocol);
    std::shared_ptr<const websocket::hooks> make_hooks();
    error_code take_event(wire_event&& e);
    void learn(const position& p);
    void on_closed(const websocket_session* c);
    void tell(connection_state state, error_code ec, const diagnostics& text = {});
    void end(error_code why, const diagnostics& text);

    std::shared_ptr<const given> given_;  // null: ended
    const origin_id origin_;
    const std::shared_ptr<lane> lane_;
    io::environment environment_;
    http::client http_;
    reconnector reconnector_;
    client_run run_;
    wheel_timer again_;
    http::canceller connecting_;
    bool first_position_;  // whether the request names a position although it is empty
    std::atomic<bool> released_{false};
    mutable std::mutex mutex_;
    std::shared_ptr<websocket_session> connection_;  // guarded by mutex_, as the next
    position last_;
    bool stopped_ = false;
};

}  // namespace tidings::websocket::detail
