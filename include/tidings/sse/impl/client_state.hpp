// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/client.hpp>
#include <tidings/impl/context_end.hpp>
#include <tidings/inlet/impl/client_run.hpp>
#include <tidings/inlet/impl/inlet.hpp>
#include <tidings/inlet/impl/reconnector.hpp>
#include <tidings/lane/impl/lane.hpp>
#include <tidings/sse/client.hpp>

#include <atomic>
#include <mutex>

namespace tidings::sse::detail {

using tidings::detail::client_run;
using tidings::detail::context_dependent;
using tidings::detail::inlet;
using tidings::detail::lane;
using tidings::detail::reconnect_event;
using tidings::detail::reconnector;
using tidings::detail::wheel_timer;

/// What stands behind a client's handle. Lane-confined behind a thread-safe face.
class client_state final : public context_dependent,
                           public drainable,
                           public std::enable_shared_from_this<client_state> {
 public:
    client_state(const net::any_io_executor& executor, client_options options,
                 std::shared_ptr<subscriber> sink);

    void run(run_handler h);
    void restart();
    /// At once within the lane, else posted.
    void stop() noexcept;
    /// The handle is gone: no callback is called any more, and the client stops.
    void release() noexcept;
    std::string last_event_id() const;
    connection_state state() const noexcept { return state_; }
    const net::any_io_executor& executor() const noexcept { return lane_->executor(); }
    drain_role role() const noexcept override { return drain_role::streams; }
    void start_drain(unique_function<void(error_code)> done) override;
    void on_context_end() noexcept override;

 private:
    /// What the user gave. Released at the end, while a callback runs once that has returned.
    struct given {
        client_options options;
        std::shared_ptr<subscriber> sink;
        inlet in;
    };
    /// Where redirects have led, from the client's own URL.
    struct destination {
        std::string url{};
        std::size_t redirects = 0;
        bool as_get = false;  ///< a redirect made another method GET (Fetch 4.4)
        bool trusted = true;  ///< may have what the user gave for his own URL
    };
    void react(const reconnect_event& e, std::string_view cause = {});
    void connect();
    void follow();
    http::request make_request();
    std::string own_url() const;
    void on_opened(error_code ec, std::unique_ptr<http::streaming_response> r);
    void redirect(const http::response& head);
    void refuse(const http::response& head);
    void read();
    void on_read(error_code ec, std::size_t n);
    void take_item(const sse_item& item);
    /// @error errc::closed, errc::out_of_memory: the event was not handed on
    error_code take_message(const given& g, const sse_message& m);
    void learn(const std::string& id);
    void end(error_code why, const diagnostics& text);
    void disconnect() noexcept;
    void tell(connection_state s, error_code ec, const diagnostics& text = {});
    /// Calls a member of the options, unless the client has ended.
    template <class F, class... Args>
    void call(F client_options::*f, const Args&... args) noexcept;

    std::shared_ptr<const given> given_;  // null: ended
    const std::shared_ptr<lane> lane_;
    io::environment environment_;
    http::client http_;
    reconnector reconnector_;
    client_run run_;
    sse_parser parser_;
    wheel_timer again_;
    wheel_timer idle_;
    destination to_;
    http::canceller connecting_;
    std::unique_ptr<http::streaming_response> response_;
    std::vector<std::byte> buffer_;
    std::uint64_t connection_ = 0;  // counts connections, so that a late callback is recognised
    mutable std::mutex mutex_;
    std::string last_event_id_;  // guarded by mutex_
    std::atomic<connection_state> state_{connection_state::stopped};
    std::atomic<bool> released_{false};
};

}  // namespace tidings::sse::detail
