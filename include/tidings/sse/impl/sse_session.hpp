// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/feed.hpp>
#include <tidings/http/exchange.hpp>
#include <tidings/lane/impl/send_queue.hpp>
#include <tidings/log.hpp>
#include <tidings/sse/service.hpp>

#include <array>

namespace tidings::sse::detail {

using tidings::detail::bus_state;
using tidings::detail::context_dependent;
using tidings::detail::feed;
using tidings::detail::feed_options;
using tidings::detail::feed_sink;
using tidings::detail::send_queue;
using tidings::detail::wheel_timer;

/// One open event stream. Lane-confined behind a thread-safe face.
///
///     start -> open -> ending (the end of the body is out; what the peer sends is read away) ->
///     ended
class stream final : public session, public feed_sink, public context_dependent {
 public:
    struct settings {
        sse::payload payload = sse::payload::cloudevents;
        queue_limits limits{};
        std::chrono::milliseconds heartbeat{};  ///< 0: never
        std::chrono::milliseconds write_timeout{};
        std::chrono::milliseconds lifetime{};  ///< 0: none
        bool chunked = true;  ///< HTTP/1.1; else the end of the connection ends the body
        std::shared_ptr<const sse::hooks> hooks{};
        log_sink log{};
        std::atomic<std::uint64_t>* sent = nullptr;  ///< counts events sent
        std::atomic<std::uint64_t>* unsent =
            nullptr;  ///< counts events without a form on this wire
        std::atomic<std::uint64_t>* dropped = nullptr;  ///< counts events its feed dropped
        tidings::principal principal{};
        std::shared_ptr<const http::request> request{};
        std::string last_event_id{};
        unique_function<void(const stream*)> on_end{};
    };

    TIDINGS_DECL stream(http::taken_stream taken, settings s);
    TIDINGS_DECL ~stream() override;

    /// In the lane: sends the header and what else comes first. `subscribe` may follow.
    TIDINGS_DECL void start(std::string header, std::string first_fields);
    /// In the lane. @error as `feed::start`
    TIDINGS_DECL error_code subscribe(std::shared_ptr<bus_state> bus, feed_options f);
    /// Ends it at once. From any thread.
    TIDINGS_DECL void cut();

    outcome deliver(const event_ptr& e) noexcept override;
    error_code send(std::string_view data, std::string_view event,
                    std::optional<std::string_view> id) override;
    error_code comment(std::string_view text) override;
    error_code retry(std::chrono::milliseconds after) override;
    void close() override;
    bool is_open() const noexcept override { return open_; }
    const tidings::principal& principal() const noexcept override { return settings_.principal; }
    const http::request& request() const noexcept override;
    std::string remote_address() const override { return remote_address_; }
    const std::string& last_event_id() const noexcept override { return settings_.last_event_id; }
    std::size_t pending_bytes() const noexcept override { return queue_->pending_bytes(); }

    bool ready() noexcept override { return open_ && queue_->ready(); }
    void push(const event_ptr& e) noexcept override;
    void on_dropped(std::uint64_t count) noexcept override {
        if (settings_.dropped != nullptr) *settings_.dropped += count;
    }
    void on_feed_end(error_code why) noexcept override;
    void on_context_end() noexcept override;

 private:
    std::shared_ptr<stream> self() { return std::static_pointer_cast<stream>(shared_from_this()); }
    template <class F>
    void in_lane(std::size_t bytes, F f);
    error_code send_text(std::string text);
    void append(std::string text);
    const void* form_tag() const noexcept;
    error_code encode(const publication& p, std::string& out) const;
    void encode_and_append(const event_ptr& e);
    void watch() noexcept;
    void on_quarter();
    void beat();
    void finish(error_code why);
    void end(error_code why);

    http::taken_stream taken_;
    settings settings_;
    std::string remote_address_;
    std::shared_ptr<send_queue> queue_;
    std::shared_ptr<feed> feed_;
    std::array<std::byte, 64> ignored_{};
    wheel_timer quiet_;
    wheel_timer limit_;                     // of its life, then of its end
    position told_;                         // the position that was sent last
    std::atomic<std::uint64_t> missed_{0};  // not taken by `deliver`, and not announced yet
    std::atomic<bool> open_{true};
    std::uint64_t writes_seen_ = 0;
    unsigned quiet_quarters_ = 0;
    error_code why_;
    bool ended_ = false;
};

}  // namespace tidings::sse::detail
