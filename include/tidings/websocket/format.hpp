// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/cloudevents_json.hpp>

#include <cstdint>
#include <memory>

namespace tidings::websocket {

/// Turns publications into messages and messages into events. Stateless; used from many threads. A
/// user replaces it to speak plain messages of his own.
class codec {
 public:
    TIDINGS_DECL codec() noexcept;
    codec(const codec&) noexcept : codec() {}
    codec& operator=(const codec&) = delete;
    virtual ~codec() = default;
    /// Drawn when it is made and never again in this process: frames that it made are kept under
    /// it.
    std::uint64_t number() const noexcept { return number_; }
    /// The subprotocol it is negotiated by (RFC 6455 1.9); empty: none.
    virtual std::string_view subprotocol() const noexcept = 0;
    /// Whether its messages are binary.
    virtual bool binary() const noexcept = 0;
    /// The message for a publication. A text message must be UTF-8. Called once per publication,
    /// however many connections send it. The frame is made of the string: a spare capacity of
    /// `max_websocket_header_bytes` saves a copy. @error any; the event is not sent, and counted
    virtual std::string encode(const publication& p, error_code& ec) const = 0;
    /// The event in a message. @error any; a client gets `tidings.refused`, and what a server sent
    /// is counted as refused and passed
    virtual wire_event decode(std::string_view message, bool binary, error_code& ec) const = 0;

 private:
    std::uint64_t number_;
};

/// CloudEvents' subprotocol `cloudevents.json` (WebSocket binding 1.0): one event a text message.
TIDINGS_DECL const std::shared_ptr<const codec>& cloudevents_json_codec();

/// The data alone, as text or binary messages; topic, type and id do not travel. Incoming messages
/// become events of the type and source given.
TIDINGS_DECL std::shared_ptr<const codec> plain_codec(std::string type, std::string source,
                                                      bool binary = false);

}  // namespace tidings::websocket
