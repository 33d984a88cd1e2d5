// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/lane/impl/send_queue.hpp>
#include <tidings/outlet/live_session.hpp>

#include <memory>
#include <string>

namespace tidings::detail {

/// The sending side of a live session: makes frames of events, and queues them. Lane-confined but
/// for the queue's counts.
class live_output {
 public:
    /// Owner and options outlive it.
    live_output(live_session& owner, const live_session_options& options, bool chunked,
                std::shared_ptr<send_queue> queue);

    send_queue& queue() const noexcept { return *queue_; }
    /// Bytes of the body; nothing behind its end.
    void append(std::string bytes);
    /// The event as its transport has it; one without a form on this wire is counted and logged.
    /// @throws std::bad_alloc, and nothing of it is queued
    void append_event(const event_ptr& e);
    void end_body();

 private:
    form_key frames() const noexcept;
    void append_own(const event_ptr& e);
    void count_sent() noexcept;
    bool encode(const event_ptr& e, std::string& out);

    live_session& owner_;
    const live_session_options& options_;
    const std::shared_ptr<send_queue> queue_;
    const bool chunked_;
    bool body_ended_ = false;
};

}  // namespace tidings::detail
