// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/sse/service.hpp>

#include <memory>
#include <optional>
#include <string>

namespace tidings::sse::detail {

/// What the streams of one service have in common.
struct sse_session_options {
    live_session_options live{};
    sse::payload payload = sse::payload::cloudevents;
    origin_id origin = 0;
};

/// One open event stream.
class sse_session final : public session {
 public:
    TIDINGS_DECL sse_session(http::live_stream stream,
                             const std::shared_ptr<const sse_session_options>& options,
                             std::shared_ptr<const sse::hooks> hooks, std::string last_event_id);

    /// The kind of frame of a payload.
    TIDINGS_DECL static frame_kind frames(sse::payload p) noexcept;

    origin_id origin() const noexcept override { return options_->origin; }
    error_code send(std::string_view data, std::string_view event,
                    std::optional<std::string_view> id) override;
    error_code comment(std::string_view text) override;
    error_code retry(std::chrono::milliseconds after) override;
    const std::string& last_event_id() const noexcept override { return last_event_id_; }

 private:
    error_code frame_of(const event_ptr& e, std::string& out) override;
    std::string beat(const position& here) override;
    std::string say_goodbye(error_code why) override;
    void opened() override;
    void ended(error_code why) override;
    void release() noexcept override { hooks_.reset(); }

    session_ptr self() { return std::static_pointer_cast<session>(shared_from_this()); }

    const std::shared_ptr<const sse_session_options> options_;
    std::shared_ptr<const sse::hooks> hooks_;
    const std::string last_event_id_;
    position told_;  // the position that was sent last
    std::optional<error_code> goodbye_;
};

}  // namespace tidings::sse::detail
