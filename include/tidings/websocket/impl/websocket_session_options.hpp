// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/cloudevents_json.hpp>
#include <tidings/codec/websocket_frame.hpp>
#include <tidings/http/impl/server/body_budget.hpp>
#include <tidings/io/random.hpp>
#include <tidings/log.hpp>
#include <tidings/overflow.hpp>
#include <tidings/unique_function.hpp>
#include <tidings/websocket/impl/held_budget.hpp>
#include <tidings/websocket/session.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace tidings::websocket::detail {

/// The beginning of a ping that carries the position up to which everything was sent.
inline constexpr std::string_view position_ping = "tidings-position:";

/// What a session needs of its service or client.
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
    queue_limits limits{};
    std::chrono::milliseconds ping_interval{25'000};  ///< 0: never
    std::chrono::milliseconds pong_timeout{8'000};
    std::chrono::milliseconds close_timeout{5'000};
    std::chrono::milliseconds write_timeout{30'000};
    std::shared_ptr<const websocket::hooks> hooks{};
    log_sink log{};
    tidings::principal principal{};
    std::shared_ptr<const http::request> request{};
    std::string subprotocol{};
    io::random* random = nullptr;
    std::atomic<std::uint64_t>* sent = nullptr;     ///< counts events sent
    std::atomic<std::uint64_t>* unsent = nullptr;   ///< counts events without a form on this wire
    std::atomic<std::uint64_t>* dropped = nullptr;  ///< counts events its feed dropped
    /// Takes the events the peer sends; the error goes back to it. Empty: they are refused.
    std::function<error_code(wire_event&&)> on_event{};
    /// A message was larger than `max_message_bytes`, and was discarded.
    std::function<void(std::uint64_t bytes)> on_skipped{};
    /// Called last, in the lane.
    unique_function<void(const class websocket_session*)> on_end{};
};

}  // namespace tidings::websocket::detail
