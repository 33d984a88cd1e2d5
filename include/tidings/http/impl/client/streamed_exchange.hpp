// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/client.hpp>
#include <tidings/http/impl/client/client_state.hpp>

#include <atomic>

namespace tidings::http::detail {

/// One request on a connection of its own, whose answer is read as it comes, or whose connection is
/// taken over. Confined to its executor. Until its callback it belongs to the client, afterwards to
/// the `streaming_response` that stands on it.
class streamed_exchange final : public wire_user,
                                public tidings::detail::context_dependent,
                                public std::enable_shared_from_this<streamed_exchange> {
 public:
    using callback = tidings::unique_function<void(error_code, streamed_exchange&)>;

    struct question {
        url to{};
        std::string text{};           // the request
        bool upgrade = false;         // takes the connection over after 101
        bool encoding_given = false;  // the request has an Accept-Encoding of its own
    };

    streamed_exchange(const std::shared_ptr<client_state>& owner, net::any_io_executor executor,
                      question asked, callback done);

    // From any thread.
    void start();
    /// Ends it; its callback is dropped.
    void cancel() noexcept;
    /// Ends it by an error, if its callback is still to come.
    void abort(error_code ec);

    // Within the callback, and after it.
    const response& head() const noexcept { return head_; }
    /// The connection, after 101.
    io::stream_ptr release() noexcept { return wire_->release(); }
    /// What came after the header.
    std::string take_rest();
    void read(std::span<std::byte> into, io::read_callback done);
    /// Ends it; a read under way completes with operation_aborted.
    void close() noexcept;
    /// Ends it; the callback of a read under way is dropped.
    void drop() noexcept;
    void on_context_end() noexcept override;

 private:
    void on_read(error_code ec, std::string_view bytes) override;
    void on_written(error_code) override {}  // what became of it shows in the reads
    void begin();
    void on_connected(error_code ec, io::stream_ptr stream);
    void read_header();
    bool read_body();
    void complete(error_code ec);
    void deliver();

    const std::weak_ptr<client_state> owner_;
    net::any_io_executor executor_;
    const client_options options_;
    question asked_;
    callback done_;
    std::atomic<bool> cancelled_ = false;

    std::unique_ptr<io::timer> deadline_;
    io::canceller cancel_connecting_;
    std::optional<wire> wire_;
    response_reader reader_;
    response head_{};
    unsigned interim_ = 0;

    // The body.
    std::string body_;
    std::size_t body_taken_ = 0;
    error_code end_{};  // why no more comes
    std::span<std::byte> into_{};
    io::read_callback read_done_;
};

}  // namespace tidings::http::detail
