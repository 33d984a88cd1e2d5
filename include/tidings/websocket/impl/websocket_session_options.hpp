// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/cloudevents_json.hpp>
#include <tidings/codec/websocket_frame.hpp>
#include <tidings/io/random.hpp>
#include <tidings/log.hpp>
#include <tidings/unique_function.hpp>
#include <tidings/websocket/impl/held_budget.hpp>
#include <tidings/websocket/impl/publisher.hpp>
#include <tidings/websocket/session.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace tidings::websocket::detail {

/// The beginning of a ping that carries the position up to which everything was sent.
inline constexpr std::string_view position_ping = "tidings-position:";

/// What the sessions of one service, or a client's, have in common beside `live_session_options`.
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
    double max_publishes_per_second = 0;  ///< 0: any number
    double publish_burst = 0;
    std::chrono::milliseconds ping_interval{25'000};  ///< 0: never
    std::chrono::milliseconds pong_timeout{8'000};
    log_sink log{};
    io::random* random = nullptr;  ///< of a client, which masks
};

/// Of a client: what its session calls.
struct client_calls {
    /// Takes the events the peer sends, and what could not be read as one (`why`).
    std::function<error_code(wire_event&&, error_code why)> on_event{};
    /// A message was larger than `max_message_bytes`, and was discarded. @error as `on_event`
    std::function<error_code(std::uint64_t bytes)> on_skipped{};
    /// Called last, in the lane.
    unique_function<void(const class websocket_session*)> on_end{};
};

/// A service that takes events from its peers.
class publisher_source {
 public:
    /// `from`: `asker_at` of the peer.
    virtual std::unique_ptr<publisher> make_publisher(std::string from, origin_id origin) const = 0;

 protected:
    ~publisher_source() = default;
};

/// What is a session's alone.
struct websocket_session_parts {
    std::shared_ptr<const websocket_session_options> options{};  ///< not null
    std::shared_ptr<const websocket::hooks> hooks{};
    std::string subprotocol{};
    /// Empty: events that a server is sent are refused.
    std::optional<std::weak_ptr<const publisher_source>> publishers{};
    std::unique_ptr<client_calls> calls{};  ///< null: of a service
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
