// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/client.hpp>
#include <tidings/inlet/impl/backoff.hpp>
#include <tidings/websocket/client.hpp>
#include <tidings/websocket/impl/websocket_session.hpp>

namespace tidings::websocket::detail {

/// The client behind its handle: connect, serve, wait, again. Lane-confined behind a thread-safe
/// face.
class client_core final : public subscriber {
 public:
    client_core(net::any_io_executor executor, client_options options,
                std::shared_ptr<subscriber> sink);

    void start();
    void stop() noexcept;
    /// The handle is gone: calls nobody any more, and stops.
    void release() noexcept;
    position last_position() const;
    session_ptr current() const;

    outcome deliver(const event_ptr& e) noexcept override;
    origin_id origin() const noexcept override { return inlet_.origin(); }

 private:
    std::shared_ptr<client_core> self() {
        return std::static_pointer_cast<client_core>(shared_from_this());
    }
    void stop_here();
    bool stopped() const;
    void connect();
    http::request upgrade_request(std::string& key);
    std::string target_url() const;
    void on_upgraded(error_code ec, http::upgraded_response r, const std::string& key);
    error_code check_answer(const http::response& r, const std::string& key) const;
    void refused(const http::response& answer, error_code why);
    void open(http::upgraded_response r);
    websocket_session_options options_for(std::string subprotocol);
    error_code take_event(wire_event&& e);
    void learn(const position& p);
    void on_closed(const close_reason& why);
    void retry(error_code why, std::chrono::milliseconds asked = {});
    void give_up(error_code why);
    void tell(client_state_kind state, error_code ec);

    client_options options_;
    std::shared_ptr<subscriber> sink_;
    std::shared_ptr<lane> lane_;
    http::client http_;
    inlet inlet_;
    backoff backoff_;
    wheel_timer again_;
    http::canceller connecting_;
    io::steady_time opened_{};
    std::atomic<bool> released_{false};
    mutable std::mutex mutex_;
    std::shared_ptr<websocket_session> connection_;  // guarded by mutex_, as the next
    position last_;
    bool stopped_ = false;
};

}  // namespace tidings::websocket::detail
