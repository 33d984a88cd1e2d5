// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/outlet/access.hpp>
#include <tidings/outlet/sessions.hpp>
#include <tidings/websocket/impl/websocket_session.hpp>
#include <tidings/websocket/service.hpp>

namespace tidings::websocket::detail {

using tidings::detail::bus_state;

/// The sessions of one service.
class service_state final : public publisher_source,
                            public std::enable_shared_from_this<service_state> {
 public:
    service_state(std::shared_ptr<bus_state> bus, service_options options);

    void admit(http::exchange& x);
    void handle(http::exchange& x);
    void drain();
    void close();
    void recheck(const tidings::detail::recheck_filter& which,
                 tidings::detail::recheck_handler handler) const {
        sessions_.start_recheck(access_, which, std::move(handler));
    }
    std::unique_ptr<publisher> make_publisher(std::string from, origin_id origin) const override;
    const std::shared_ptr<bus_state>& bus() const noexcept { return bus_; }
    std::size_t sessions() const noexcept { return sessions_.size(); }

 private:
    std::optional<http::response> check_upgrade(const http::request& r) const;
    bool is_upgrade(http::exchange& x) const;
    void serve(http::exchange& x);
    void open(http::exchange& x, http::stream_request asked);
    websocket_session_parts parts_for(const http::request& r);
    static http::response answer(const http::request& r, std::string_view subprotocol);

    const std::shared_ptr<bus_state> bus_;
    const http::access access_;
    service_options options_;
    const std::shared_ptr<const websocket_session_options> session_options_;
    const std::shared_ptr<const websocket::hooks> hooks_;
    tidings::sessions<websocket_session> sessions_;
    const std::shared_ptr<const live_session_options> live_;
};

}  // namespace tidings::websocket::detail
