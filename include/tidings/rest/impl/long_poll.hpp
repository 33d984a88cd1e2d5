// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/feed.hpp>
#include <tidings/http/exchange.hpp>

namespace tidings::rest::detail {

using namespace tidings::detail;

/// One GET: reads from the history, waits if asked to, answers once. Lane-confined.
class long_poll final : public lane_target, public std::enable_shared_from_this<long_poll> {
 public:
    struct question {
        std::vector<std::string> patterns{};
        position after{};
        bool from_now = false;
        std::size_t max = 0;
        std::size_t max_bytes = 0;
        std::chrono::milliseconds wait{};
        std::function<bool(std::string_view topic)> authorized{};
        std::string next_target{};  ///< of `rel="next"`, without the position
    };
    TIDINGS_DECL long_poll(std::shared_ptr<bus_state> bus, http::exchange x, question q,
                           std::shared_ptr<void> place);
    TIDINGS_DECL ~long_poll() override;

    TIDINGS_DECL void start();
    /// Answers with what there is. From any thread.
    TIDINGS_DECL void finish_soon();

    void on_event(const event_ptr& e) noexcept override;
    void on_missed(std::uint64_t count) noexcept override;
    bool refills() const noexcept override { return true; }
    void on_bus_closed() noexcept override;

 private:
    void read();
    void on_slice(error_code ec, history_slice slice);
    void answer();
    void refuse(std::string_view title, error_code why);
    void respond(http::response r);
    void stop() noexcept;

    void add(const event_ptr& e);

    const std::shared_ptr<bus_state> bus_;
    http::exchange exchange_;           // moved from once it is answered
    const std::shared_ptr<lane> lane_;  // for other threads, too
    question question_;
    std::shared_ptr<void> place_;  // among those that wait
    wheel_timer deadline_;
    std::string body_{"["};
    std::size_t count_ = 0;  // of the events in it
    bool full_ = false;      // one more would be too many bytes
    bool gap_ = false;
    bool attached_ = false;
    bool reading_ = false;
    bool again_ = false;   // something came while a read was under way
    bool closed_ = false;  // the bus
    bool done_ = false;
};

}  // namespace tidings::rest::detail
