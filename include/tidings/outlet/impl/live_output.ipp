// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/http_chunk.hpp>
#include <tidings/outlet/impl/live_output.hpp>

#include <new>

namespace tidings::detail {

namespace {

// The same frame is another form in a chunk.
form_key form_of(const frame_kind& kind, bool chunked) noexcept {
    return {kind.tag, 2 * kind.number + (chunked ? 1 : 0)};
}

}  // namespace

live_output::live_output(live_session& owner, const live_session_options& options,
                         const http::live_stream& stream)
    : owner_(owner),
      options_(options),
      stream_(stream),
      frames_(form_of(options.frames, stream.chunked)),
      queue_(std::make_shared<send_queue>(stream.connection.lane, *stream.connection.stream,
                                          options.write_timeout)) {}

void live_output::append(std::string bytes) {
    if (bytes.empty() || body_ended_) return;
    if (stream_.chunked) {
        std::string chunk;
        append_chunk(chunk, bytes);
        bytes = std::move(chunk);
    }
    queue_->append(std::move(bytes));
}

void live_output::end_body() {
    body_ended_ = true;
    if (stream_.chunked) queue_->append(std::string(last_chunk));
}

void live_output::append_event(const event_ptr& e) {
    const auto* frame = frames_.tag != nullptr ? e->forms().find(frames_) : nullptr;
    std::string own;
    if (frame == nullptr) frame = encode(e, own);
    if (frame == nullptr || frame->empty() || body_ended_) return;
    if (frame == &own)
        queue_->append_own(e, std::move(own));
    else
        queue_->append(e, *frame);
    if (auto* sent = options_.counters.sent) sent->fetch_add(1, std::memory_order_relaxed);
}

// Where the kind is shared, the frame is kept in the event; else it is `own`. Null: it has none.
const std::string* live_output::encode(const event_ptr& e, std::string& own) {
    std::string bytes;
    if (const auto ec = owner_.frame_of(e, bytes)) {
        if (ec == errc::out_of_memory) throw std::bad_alloc();  // it has a form
        if (auto* unsent = options_.counters.unsent) ++*unsent;
        if (options_.log) options_.log({log_level::warning, options_.name, e->topic(), ec});
        return nullptr;
    }
    if (stream_.chunked)
        append_chunk(own, bytes);
    else
        own = std::move(bytes);
    return frames_.tag != nullptr ? &e->forms().store(frames_, std::move(own)) : &own;
}

}  // namespace tidings::detail
