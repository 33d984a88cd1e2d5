// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/cloudevents_json.hpp>
#include <tidings/codec/websocket_frame.hpp>
#include <tidings/http/impl/server/body_budget.hpp>
#include <tidings/io/random.hpp>
#include <tidings/log.hpp>
#include <tidings/unique_function.hpp>
#include <tidings/websocket/impl/held_budget.hpp>
#include <tidings/websocket/impl/publisher.hpp>
#include <tidings/websocket/session.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace tidings::websocket::detail {

/// The beginning of a ping that carries the position up to which everything was sent.
inline constexpr std::string_view position_ping = "tidings-position:";

/// What a session needs of its service or client beside `live_session_options`.
struct websocket_session_options {
    websocket_role role = websocket_role::server;
    std::shared_ptr<const websocket::codec> codec{};
    std::size_t max_message_bytes = 64 * 1024;
    std::size_t max_sent_bytes = 0;       ///< what the peer takes of one event; 0: any size
    std::uint64_t max_skipped_bytes = 0;  ///< what is larger, up to here, is discarded unbuffered
    /// A frame under way brings at least 1 KiB/s over each such time.
    std::chrono::milliseconds frame_timeout{30'000};
    /// From a message's first byte to its last; 0: any time.
    std::chrono::milliseconds message_timeout{60'000};
    /// What a message under way holds counts there. Empty: nowhere.
    std::shared_ptr<held_budget> budget{};
    std::shared_ptr<http::detail::body_share> server_share{};  ///< and in the server's budget
    double max_publishes_per_second = 0;                       ///< 0: any number
    double publish_burst = 0;
    std::chrono::milliseconds ping_interval{25'000};  ///< 0: never
    std::chrono::milliseconds pong_timeout{8'000};
    std::shared_ptr<const websocket::hooks> hooks{};
    log_sink log{};
    std::string subprotocol{};
    io::random* random = nullptr;
    /// Takes the events the peer sends, and of a client also what could not be read as one (`why`);
    /// the error goes back to the peer. Empty: they are refused, unless there is a publisher.
    std::function<error_code(wire_event&&, error_code why)> on_event{};
    std::unique_ptr<websocket::detail::publisher> publisher{};
    /// A message was larger than `max_message_bytes`, and was discarded. @error as `on_event`
    std::function<error_code(std::uint64_t bytes)> on_skipped{};
    /// Called last, in the lane.
    unique_function<void(const class websocket_session*)> on_end{};
};

/// What a service and a client say in the same words. A ping follows what the peer does not say,
/// not what this side does not: there is no heartbeat.
template <class Options>
live_session_options live_options(const Options& from) {
    live_session_options o;
    o.name = "websocket";
    o.limits = from.limits;
    o.heartbeat = {};
    o.write_timeout = from.write_timeout;
    o.close_timeout = from.close_timeout;
    o.log = from.log;
    return o;
}

}  // namespace tidings::websocket::detail
