// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/lane/impl/send_queue.hpp>
#include <tidings/websocket/impl/websocket_session_options.hpp>

namespace tidings::websocket::detail {

using tidings::detail::lane;
using tidings::detail::send_queue;

/// The sending side of a connection: makes frames and queues them. Lane-confined but for `queue`'s
/// counts.
class websocket_output {
 public:
    /// `stream` and `options` outlive it.
    websocket_output(std::shared_ptr<lane> home, io::stream& stream,
                     const websocket_session_options& options);

    send_queue& queue() const noexcept { return *queue_; }
    /// Whether the peer takes a message of this event, by `max_sent_bytes`; else it is logged. From
    /// any thread.
    TIDINGS_DECL bool takes(const event_ptr& e) const;
    TIDINGS_DECL void append(websocket_opcode opcode, std::string_view payload);
    TIDINGS_DECL void append_close(std::uint16_t code, std::string_view reason);
    /// The event as its codec has it; one without a form on this wire is counted and logged.
    TIDINGS_DECL void append_event(const event_ptr& e);
    /// One that goes to this peer alone: only its frame is kept.
    TIDINGS_DECL void append_answer(const event_ptr& e);

 private:
    bool masks() const noexcept { return options_.role == websocket_role::client; }
    websocket_mask_key next_mask() const;
    std::optional<std::string> encode(const event_ptr& e) const;
    void count_sent() const noexcept {
        if (options_.sent != nullptr) options_.sent->fetch_add(1, std::memory_order_relaxed);
    }
    websocket_opcode opcode() const noexcept {
        return options_.codec->binary() ? websocket_opcode::binary : websocket_opcode::text;
    }

    const websocket_session_options& options_;
    std::shared_ptr<send_queue> queue_;
};

}  // namespace tidings::websocket::detail
