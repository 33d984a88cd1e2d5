// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/websocket/impl/websocket_output.hpp>

namespace tidings::websocket::detail {

using namespace tidings::detail;

websocket_output::websocket_output(std::shared_ptr<lane> home, io::stream& stream,
                                   const websocket_session_options& options)
    : options_(options),
      queue_(std::make_shared<send_queue>(std::move(home), stream, options.write_timeout)) {}

// RFC 6455 10.3: fresh for each frame.
websocket_mask_key websocket_output::next_mask() const {
    return {static_cast<std::uint32_t>(options_.random->next())};
}

void websocket_output::append(websocket_opcode opcode, std::string_view payload) {
    std::string frame;
    if (masks())
        append_websocket_frame(frame, opcode, payload, next_mask());
    else
        append_websocket_frame(frame, opcode, payload);
    queue_->append(std::move(frame));
}

void websocket_output::append_close(std::uint16_t code, std::string_view reason) {
    std::string frame;
    if (masks())
        append_websocket_close(frame, code, reason, next_mask());
    else
        append_websocket_close(frame, code, reason);
    queue_->append(std::move(frame));
}

bool websocket_output::takes(const event_ptr& e) const {
    constexpr std::size_t most_growth = 6;  // a control character in JSON
    const auto most = options_.max_sent_bytes;
    if (most == 0 || e->footprint() <= most / most_growth) return true;
    error_code none;  // what has no form is found when it is sent
    const auto size = options_.codec->encode(*e, none).size();
    if (size <= most) return true;
    if (options_.log)
        options_.log({log_level::warning, "websocket",
                      "an event of " + std::to_string(size) +
                          " bytes is dropped: over max_sent_bytes of the client (" +
                          std::to_string(most) +
                          "), which stands for max_message_bytes of the server's service",
                      errc::too_large});
    return false;
}

std::optional<std::string> websocket_output::encode(const event_ptr& e) const {
    error_code ec;
    auto message = options_.codec->encode(*e, ec);
    if (!ec) return message;
    if (options_.unsent != nullptr) ++*options_.unsent;
    if (options_.log) options_.log({log_level::warning, "websocket", e->topic(), ec});
    return std::nullopt;
}

void websocket_output::append_event(const event_ptr& e) {
    static constexpr char frame_form = 0;
    // The frame is shared by all sessions of this codec; a client's is masked anew.
    if (masks()) return append_answer(e);
    const form_key key(&frame_form, options_.codec->number());
    const auto* frame = e->forms().find(key);
    if (frame == nullptr) {
        const auto message = encode(e);
        if (!message) return;
        std::string bytes;
        append_websocket_frame(bytes, opcode(), *message);
        frame = &e->forms().store(key, std::move(bytes));
    }
    queue_->append(e, *frame);
    count_sent();
}

void websocket_output::append_answer(const event_ptr& e) {
    const auto message = encode(e);
    if (!message) return;
    append(opcode(), *message);
    count_sent();
}

}  // namespace tidings::websocket::detail
