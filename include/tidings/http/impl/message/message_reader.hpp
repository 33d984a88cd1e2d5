// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>
#include <tidings/http/impl/message/chunk_decoder.hpp>
#include <tidings/http/message.hpp>

#include <cstdint>
#include <limits>
#include <string_view>

namespace tidings::http::detail {

enum class read_step { more, header, complete, failed };

/// What a header says about the message that it begins.
struct message_frame {
    unsigned version = 11;
    bool keep_alive = false;
    std::optional<std::uint64_t> content_length{};
    bool has_body = false;
    bool until_eof = false;  ///< the body ends with the connection
};

/// Reads the messages of one connection, one after another, from bytes in pieces of any size. No
/// I/O. Beast parses the headers; this is stricter: what two readers could read differently
/// (RFC 9112 11.2) is an error. A response may have what user agents accept everywhere: no reason
/// phrase and no space before it, folded fields (5.2), a status up to 999. What frames the body is
/// read strictly in both.
template <class Message>
class message_reader {
 public:
    static constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();

    TIDINGS_DECL explicit message_reader(std::size_t max_header_bytes);
    TIDINGS_DECL ~message_reader();

    void append(std::string_view bytes) { buffer_.append(bytes); }
    /// Reads on. `header` comes once per message, when its header is complete, and before any of
    /// its body is looked at; after `complete`, take the message and `reset`. After `failed`
    /// nothing more can be read.
    /// @error errc::bad_request, errc::ambiguous_framing, errc::header_too_large, errc::too_large,
    /// errc::unsupported_http_version, errc::repeated_field
    TIDINGS_DECL read_step next(error_code& ec);
    /// The connection has ended: `complete` or `failed`.
    /// @error errc::bad_request for part of a message, boost::asio::error::eof between messages
    TIDINGS_DECL read_step end(error_code& ec);
    /// Prepares for the next message; what was appended beyond the last one stays.
    TIDINGS_DECL void reset();

    /// Memory for the next message, of one that nobody reads any more.
    TIDINGS_DECL void reuse(Message&& m) noexcept;

    /// Valid from `header` on, a response's status after `failed`, too, if its line was read, else
    /// 0; of a body read in parts, what `take_body` left.
    Message& message() noexcept { return message_; }
    const message_frame& frame() const noexcept { return frame_; }
    std::string take_body() noexcept { return std::exchange(message_.body, {}); }
    /// Before the body is read.
    void limit_body(std::size_t bytes) noexcept { max_body_bytes_ = bytes; }
    /// Before the header is read: a response to HEAD.
    void expect_no_body() noexcept { no_body_ = true; }

    /// Whether something of a message has come.
    bool begun() const noexcept { return phase_ > phase::after_blank_line || !buffer_.empty(); }
    std::size_t buffered() const noexcept { return buffer_.size(); }
    /// The memory held for a body, and for bytes beyond what an idle connection keeps.
    std::size_t held_bytes() const noexcept {
        const auto waiting = buffer_.capacity();
        return message_.body.capacity() + (waiting > kept_bytes ? waiting : 0);
    }
    std::string take_rest() noexcept { return std::exchange(buffer_, {}); }

 private:
    static constexpr std::size_t kept_bytes = 4096;      // of an empty buffer
    static constexpr std::size_t kept_body_bytes = 512;  // of a message that is reused
    enum class phase { start, after_blank_line, header, header_end, body, complete };
    /// No status has been read.
    static Message blank() {
        if constexpr (std::is_same_v<Message, response>) return {.status = 0};
        return {};
    }
    read_step read_header(error_code& ec);
    error_code parse_header(std::string_view header);
    read_step read_body(error_code& ec);
    bool skip_blank_line();
    error_code check_lines() noexcept;
    error_code finish_header();
    error_code find_body(bool chunked);
    void take_known_body(error_code& ec);
    void make_room(std::size_t more);
    void release_buffer() noexcept {
        if (buffer_.empty() && buffer_.capacity() > kept_bytes) std::string().swap(buffer_);
    }

    const std::size_t max_header_bytes_;
    std::size_t max_body_bytes_ = no_limit;  // counts down
    bool no_body_ = false;
    std::string buffer_;
    Message message_ = blank();
    message_frame frame_{};
    phase phase_ = phase::start;
    std::size_t body_left_ = 0;  // where a length was given
    std::optional<chunk_decoder> chunks_;
    // Of the header's lines: bytes of the buffer looked at, whole lines, bytes of the last one, the
    // byte before.
    std::size_t scanned_ = 0;
    std::size_t lines_ = 0;
    std::size_t line_bytes_ = 0;
    char previous_ = '\n';
};

using request_reader = message_reader<request>;
using response_reader = message_reader<response>;

}  // namespace tidings::http::detail
