// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/client/client_streams.hpp>
#include <tidings/inlet/impl/client_base.hpp>
#include <tidings/websocket/client.hpp>
#include <tidings/websocket/impl/upgrade_answer.hpp>
#include <tidings/websocket/impl/websocket_session.hpp>

namespace tidings::websocket::detail {

using tidings::detail::client_base;

/// What stands behind a client's handle: connect, serve, wait, again. Lane-confined behind a
/// thread-safe face.
class client_state final : public subscriber, public client_base<client_options> {
 public:
    client_state(const net::any_io_executor& executor, client_options options,
                 std::shared_ptr<subscriber> sink);

    void release() noexcept override;
    session_ptr current() const;

    outcome deliver(const event_ptr& e) noexcept override;
    origin_id origin() const noexcept override { return id(); }

 private:
    std::shared_ptr<client_state> self() {
        return std::static_pointer_cast<client_state>(shared_from_this());
    }
    std::shared_ptr<client_base> keep() override { return self(); }
    void connect() override;
    void leave() noexcept override;
    void on_room() override;
    void stop_here() override;

    http::request upgrade_request(std::string& key);
    std::string target_url() const;
    void on_upgraded(error_code ec, http::detail::upgraded_response r, const std::string& key);
    void refuse(const http::response& answer, error_code why);
    void open(http::detail::upgraded_response r);
    websocket_session_parts parts_for(std::string subprotocol);
    std::shared_ptr<const websocket::hooks> make_hooks();
    error_code take_event(wire_event&& e, error_code why);
    error_code take_skipped(std::uint64_t bytes);
    void take_heartbeat(std::string_view text);
    void wait_for_room();
    void on_closed(const websocket_session* c);

    std::optional<position> received_;  // of the last event handed on: where the client resumes
    mutable std::mutex mutex_;
    std::shared_ptr<websocket_session> connection_;  // guarded by mutex_
};

}  // namespace tidings::websocket::detail
