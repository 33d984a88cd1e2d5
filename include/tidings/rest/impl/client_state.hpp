// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/bounded_queue.hpp>
#include <tidings/http/client.hpp>
#include <tidings/inlet/impl/backoff.hpp>
#include <tidings/inlet/impl/inlet.hpp>
#include <tidings/inlet/impl/recent_ids.hpp>
#include <tidings/lane/impl/lane.hpp>
#include <tidings/rest/client.hpp>

#include <atomic>
#include <mutex>

namespace tidings::rest::detail {

using namespace tidings::detail;

/// The error that an answer to a publication or to a poll stands for; success for 2xx.
TIDINGS_DECL error_code error_of(const http::response& r) noexcept;
/// The receipt in the body of a 202; empty for anything else.
TIDINGS_DECL receipt read_receipt(std::string_view body);

/// The client behind its handle; itself the outlet. Lane-confined behind a thread-safe face.
class client_core final : public subscriber {
 public:
    client_core(net::any_io_executor executor, client_options options,
                std::shared_ptr<subscriber> sink);

    void start();
    void stop() noexcept;
    void publish(const std::string& topic, event e, publish_handler h);
    const net::any_io_executor& executor() const noexcept { return lane_->executor(); }
    std::optional<position> last_position() const;
    client_counters counters() const noexcept;

    outcome deliver(const event_ptr& e) noexcept override;
    origin_id origin() const noexcept override { return inlet_.origin(); }

 private:
    std::shared_ptr<client_core> self() noexcept {
        return std::static_pointer_cast<client_core>(shared_from_this());
    }
    std::weak_ptr<client_core> weak_self() noexcept { return self(); }
    net::any_io_executor default_executor() const noexcept override { return executor(); }

    http::request make_request(std::string method) const;
    std::string topic_url(std::string_view topic) const;
    void log(std::string_view message, error_code ec = {}) const;

    // Reading.
    void poll();
    std::string poll_url() const;
    void on_answer(error_code ec, const http::response& r);
    void take(const http::response& r, error_code& ec);
    void take_event(wire_event&& e);
    void lost(error_code why, const http::response* answer);
    std::chrono::milliseconds wait_after(backoff& b, const http::response* answer) const;

    // The outlet.
    void pump();
    void send();
    void on_sent(error_code ec, const http::response& r);
    void settle(error_code ec);

    const client_options options_;
    const std::shared_ptr<subscriber> sink_;
    const std::shared_ptr<lane> lane_;
    const inlet inlet_;
    recent_ids own_;  // what the outlet sent, so that it is not read back
    std::atomic<bool> stopped_{false};
    std::atomic<std::uint64_t> received_{0}, sent_{0}, dropped_{0}, failed_{0};

    mutable std::mutex mutex_;
    bounded_queue queue_;  // guarded by mutex_, as the next two
    bool pump_posted_ = false;
    std::optional<position> position_;

    // In the lane.
    std::optional<http::client> http_;    // none: stopped
    std::optional<http::client> reader_;  // its requests last longer
    bool located_;                        // asked where the present is, or told where to begin
    std::size_t max_batch_;
    io::steady_time asked_{};
    backoff poll_backoff_;
    wheel_timer poll_again_;
    event_ptr sending_;
    backoff send_backoff_;
    wheel_timer send_again_;
};

}  // namespace tidings::rest::detail
