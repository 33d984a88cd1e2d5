// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/client.hpp>
#include <tidings/inlet/impl/backoff.hpp>
#include <tidings/inlet/impl/inlet.hpp>
#include <tidings/lane/impl/lane.hpp>
#include <tidings/sse/client.hpp>

#include <mutex>

namespace tidings::sse::detail {

using namespace tidings::detail;

/// The client behind its handle. Lane-confined behind a thread-safe face.
class client_core final : public std::enable_shared_from_this<client_core> {
 public:
    client_core(net::any_io_executor executor, client_options options,
                std::shared_ptr<subscriber> sink);

    void start();
    void stop() noexcept;
    /// The handle is gone: calls nobody any more, and stops.
    void release() noexcept;
    std::string last_event_id() const;
    ready_state state() const noexcept { return state_; }

 private:
    /// Where redirects have led, from the client's own URL.
    struct destination {
        std::string url{};
        std::size_t redirects = 0;
        bool as_get = false;  ///< a redirect made another method GET (Fetch 4.4)
        bool trusted = true;  ///< may have what the user gave for his own URL
    };
    void connect();
    void follow();
    http::request make_request();
    std::string own_url() const;
    void on_opened(error_code ec, std::unique_ptr<http::streaming_response> r);
    void redirect(const http::response& head);
    void refuse(const http::response& head);
    void read();
    void take(std::string_view bytes);
    void take_item(const sse_item& item);
    void take_message(const sse_message& m);
    void learn(const std::string& id);
    void lost(error_code why, std::chrono::milliseconds asked = {});
    void give_up(error_code why);
    void disconnect() noexcept;
    void tell(ready_state s, error_code ec);
    /// Calls what the user gave us, unless the handle is gone.
    template <class F, class... Args>
    void call(const F& f, const Args&... args) noexcept;

    client_options options_;
    std::shared_ptr<subscriber> sink_;
    std::shared_ptr<lane> lane_;
    http::client http_;
    inlet inlet_;
    backoff backoff_;
    sse_parser parser_;
    wheel_timer again_;
    wheel_timer idle_;
    destination to_;
    http::canceller connecting_;
    std::unique_ptr<http::streaming_response> response_;
    io::steady_time opened_{};
    std::vector<std::byte> buffer_;
    std::uint64_t connection_ = 0;  // counts connections, so that a late callback is recognised
    mutable std::mutex mutex_;
    std::string last_event_id_;  // guarded by mutex_
    std::atomic<ready_state> state_{ready_state::connecting};
    std::atomic<bool> released_{false};
    bool stopped_ = false;
};

}  // namespace tidings::sse::detail
