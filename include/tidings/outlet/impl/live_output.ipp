// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/http_chunk.hpp>
#include <tidings/outlet/impl/live_output.hpp>

#include <new>

namespace tidings::detail {

live_output::live_output(live_session& owner, const live_session_options& options, bool chunked,
                         std::shared_ptr<send_queue> queue)
    : owner_(owner),
      options_(options),
      queue_(std::move(queue)),
      chunked_(chunked) {}

// The same frame is another form in a chunk.
form_key live_output::frames() const noexcept {
    const auto& kind = options_.frames;
    return {kind.tag, 2 * kind.number + (chunked_ ? 1 : 0)};
}

void live_output::append(std::string bytes) {
    if (bytes.empty() || body_ended_) return;
    if (chunked_) {
        std::string chunk;
        append_chunk(chunk, bytes);
        bytes = std::move(chunk);
    }
    queue_->append(std::move(bytes));
}

void live_output::end_body() {
    body_ended_ = true;
    if (chunked_) queue_->append(std::string(last_chunk));
}

void live_output::append_event(const event_ptr& e) {
    const auto frames = this->frames();
    if (frames.tag == nullptr) return append_own(e);
    auto frame = e->form(frames);
    if (!frame) {
        std::string made;
        if (!encode(e, made)) return;
        frame = e->store_form(frames, std::move(made));
    }
    if (frame->empty() || body_ended_) return;
    queue_->append(std::move(frame));
    count_sent();
}

// A frame that no other session can have.
void live_output::append_own(const event_ptr& e) {
    std::string frame;
    if (!encode(e, frame) || frame.empty() || body_ended_) return;
    queue_->append_own(e, std::move(frame));
    count_sent();
}

void live_output::count_sent() noexcept {
    if (auto* sent = options_.counters.sent) sent->fetch_add(1, std::memory_order_relaxed);
}

// False where it has no form.
bool live_output::encode(const event_ptr& e, std::string& out) {
    std::string bytes;
    if (const auto ec = owner_.frame_of(e, bytes)) {
        if (ec == errc::out_of_memory) throw std::bad_alloc();  // it has a form
        if (auto* unsent = options_.counters.unsent) ++*unsent;
        if (options_.log) options_.log({log_level::warning, options_.name, e->topic(), ec});
        return false;
    }
    if (chunked_)
        append_chunk(out, bytes);
    else
        out = std::move(bytes);
    return true;
}

}  // namespace tidings::detail
