// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/client.hpp>
#include <tidings/io/network.hpp>

#include <memory>
#include <span>
#include <string>

namespace tidings::http::detail {

class streamed_exchange;

/// A response whose body is read as it comes; owns its connection. Confined to its executor.
class streaming_response {
 public:
    explicit streaming_response(std::shared_ptr<streamed_exchange> e) noexcept
        : exchange_(std::move(e)) {}
    TIDINGS_DECL ~streaming_response();
    streaming_response(const streaming_response&) = delete;
    streaming_response& operator=(const streaming_response&) = delete;

    TIDINGS_DECL const response& head() const noexcept;  ///< its body is empty
    /// Reads some decoded body bytes (chunked, Content-Length or close-delimited).
    /// @error boost::asio::error::eof at the end of the body, errc::bad_request for broken framing,
    /// errc::unsupported_encoding for a body with a Content-Encoding where the request did not give
    /// Accept-Encoding, errc::connection_failed for an end too early, operation_aborted after
    /// `close`, or what the stream reports
    TIDINGS_DECL void start_read(std::span<std::byte> into, io::read_callback done);
    TIDINGS_DECL void close() noexcept;

 private:
    std::shared_ptr<streamed_exchange> exchange_;
};

/// A connection after `101 Switching Protocols`.
struct upgraded_response {
    response head{};
    io::stream_ptr stream{};  ///< null unless the status is 101
    std::string leftover{};   ///< bytes read after the header (or, without 101, the body so far)
};

/// What a client does for the streaming clients of the library. Callbacks run once, on `executor`,
/// never inside. Each has a connection of its own, which no limit of the pool counts. The client
/// ends only those whose callback is still to come; the canceller drops the callback.
class client_streams {
 public:
    using open_handler =
        tidings::unique_function<void(error_code, std::unique_ptr<streaming_response>)>;
    using upgrade_handler = tidings::unique_function<void(error_code, upgraded_response)>;

    /// Opens a response whose body is streamed; connect_timeout bounds the time to its header.
    TIDINGS_DECL static io::canceller open(const client& c, net::any_io_executor executor,
                                           const std::string& url, const request& r,
                                           open_handler done);
    /// Sends an upgrade request; connect_timeout bounds the time to the answer's header.
    TIDINGS_DECL static io::canceller upgrade(const client& c, net::any_io_executor executor,
                                              const std::string& url, const request& r,
                                              upgrade_handler done);
};

}  // namespace tidings::http::detail
