// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/client/client_streams.hpp>
#include <tidings/inlet/impl/client_base.hpp>
#include <tidings/sse/client.hpp>

namespace tidings::sse::detail {

using tidings::detail::client_base;
using tidings::detail::wheel_timer;

/// What stands behind a client's handle. Lane-confined behind a thread-safe face.
class client_state final : public client_base<client_options>,
                           public std::enable_shared_from_this<client_state> {
 public:
    client_state(const net::any_io_executor& executor, client_options options,
                 std::shared_ptr<subscriber> sink);

 private:
    /// Where redirects have led, from the client's own URL.
    struct destination {
        std::string url{};
        std::size_t redirects = 0;
        bool as_get = false;  ///< a redirect made another method GET (Fetch 4.4)
        bool trusted = true;  ///< may have what the user gave for his own URL
    };
    std::shared_ptr<client_base> keep() override { return shared_from_this(); }
    void connect() override;
    void leave() noexcept override;
    void on_room() override;
    std::string place() const override;

    void follow();
    http::request make_request();
    void on_opened(error_code ec, std::unique_ptr<http::detail::streaming_response> r);
    void redirect(const http::response& head);
    void refuse(const http::response& head);
    void read();
    void on_read(error_code ec, std::size_t n);
    void take_items();
    void take_item(const sse_item& item);
    /// `id`: behind which the client resumes once the message was handed on.
    /// @error errc::closed, errc::out_of_memory: the event was not handed on
    error_code take_message(const given& g, const sse_message& m, const std::string& id);
    /// Calls a member of the options, unless the client has ended.
    template <class F, class... Args>
    void call(F client_options::*f, const Args&... args) noexcept;

    sse_parser parser_;
    // Of the last event that was handed on and has one that may be asked for: where the client
    // resumes.
    std::string received_id_;
    wheel_timer idle_;
    destination to_;
    std::unique_ptr<http::detail::streaming_response> response_;
    std::vector<std::byte> buffer_;
    error_code read_error_;         // how the stream ended, behind what it has brought
    std::uint64_t connection_ = 0;  // counts connections, so that a late callback is recognised
    bool paused_ = false;           // items wait in the parser until there is room
};

}  // namespace tidings::sse::detail
