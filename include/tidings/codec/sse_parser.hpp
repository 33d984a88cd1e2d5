// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>
#include <tidings/errc.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace tidings {

/// An event of the stream, dispatched by a blank line (WHATWG HTML 9.2.6).
struct sse_message {
    std::string event;          ///< Never empty: without an `event` field it is "message".
    std::string data;           ///< The `data` lines, joined with LF.
    std::string last_event_id;  ///< The id in force, from this event or an earlier one.
    bool has_id = false;        ///< Whether this event brought it, be it the same as before.

    friend bool operator==(const sse_message&, const sse_message&) = default;
};

/// A line that starts with a colon. Means nothing to the stream, but shows that the peer lives.
struct sse_comment {
    std::string text;  ///< Without the colon and one space after it.

    friend bool operator==(const sse_comment&, const sse_comment&) = default;
};

/// The peer sets the reconnection time.
struct sse_retry {
    std::chrono::milliseconds time{};  ///< 0 to 2^31 - 1; what is larger is cut to that.

    friend bool operator==(const sse_retry&, const sse_retry&) = default;
};

/// A block with an id and no data: no event, but the position to resume from.
struct sse_id {
    std::string last_event_id;  ///< Empty: the id was reset.

    friend bool operator==(const sse_id&, const sse_id&) = default;
};

/// An event over a limit, in its place: it was read away without being kept, and its id, if it
/// brought one within the limits, is committed.
struct sse_skipped {
    std::uint64_t bytes = 0;  ///< Of its data, event name and id as received.

    friend bool operator==(const sse_skipped&, const sse_skipped&) = default;
};

using sse_item = std::variant<sse_message, sse_comment, sse_retry, sse_id, sse_skipped>;

struct sse_parser_options {
    std::size_t max_line_bytes = 16 * 1024 * 1024;   ///< One line as received, without its end.
    std::size_t max_event_bytes = 16 * 1024 * 1024;  ///< Data, event name and id of one block.
    /// How much of one line or event over these limits is read away; beyond it the stream is
    /// refused.
    std::uint64_t max_skipped_bytes = 1024 * 1024 * 1024;
};

/// Reads `text/event-stream` (WHATWG HTML 9.2.5 and 9.2.6) without doing I/O: feed what a read
/// gave, then pull items until there are none. How the stream was cut into reads changes nothing,
/// and an item is out as soon as the byte that completes it is in.
///
/// Bytes that are not UTF-8 become U+FFFD. No string holds CR, only `data` holds LF, and an id
/// holds no NUL; any other control character may be there. Throws nothing but std::bad_alloc.
/// Distinct objects are independent, a shared one is not safe.
class sse_parser {
 public:
    TIDINGS_DECL explicit sse_parser(sse_parser_options options = {});

    /// Takes bytes of the body, copying them. They are kept until `next` has read them, so memory
    /// is bounded only when `next` is called until it gives nothing. Does nothing after an error.
    TIDINGS_DECL void feed(std::string_view bytes);

    /// The next item, or nothing when more bytes are needed or the stream is refused.
    /// @error errc::sse_line_too_long (`max_skipped_bytes` was reached) after the items before it,
    /// and from then on until `reset_connection`.
    [[nodiscard]] TIDINGS_DECL std::optional<sse_item> next(error_code& ec);

    /// The id committed by the items pulled so far: what a `Last-Event-ID` header carries, unless
    /// it is empty.
    const std::string& last_event_id() const noexcept { return last_event_id_; }

    /// Sets the committed id, for a stream that resumes from a stored one.
    /// @error errc::sse_bad_field when it holds CR, LF or NUL; the id is then unchanged.
    [[nodiscard]] TIDINGS_DECL error_code set_last_event_id(std::string_view id);

    /// A new connection begins: keeps the committed id, forgets an error, unread bytes and the
    /// unfinished block with its id, and removes a byte order mark again.
    TIDINGS_DECL void reset_connection() noexcept;

 private:
    struct block {
        std::string event;
        std::optional<std::string> data;
        std::optional<std::string> id;
        std::optional<std::uint64_t> skipped;  // its size, if it is over a limit
    };
    enum class state {
        reading,
        discarding_field,  // the rest of a line too long, which makes its event one to skip
        discarding_other,  // of one that belongs to no event
        failed,
    };

    std::optional<std::string_view> take_line();
    void discard(std::string_view part);
    std::nullopt_t skip_event(std::uint64_t more);
    std::optional<sse_item> on_line(std::string_view line);
    std::optional<sse_item> on_field(std::string_view name, std::string_view value);
    std::optional<sse_item> dispatch();

    sse_parser_options options_;
    std::string last_event_id_;
    block block_;
    std::string input_;
    std::size_t begin_ = 0;        // of the first unread line in input_
    std::size_t scanned_ = 0;      // bytes from begin_ on that hold no line end
    std::uint64_t discarded_ = 0;  // of the line that is being discarded
    state state_ = state::reading;
    bool first_line_ = true;
    bool after_cr_ = false;
};

/// Whether a Content-Type is `text/event-stream`, in any case and with any parameters.
[[nodiscard]] TIDINGS_DECL bool is_sse_content_type(std::string_view value) noexcept;

namespace detail {

/// Offset of the first CR or LF, or npos.
[[nodiscard]] TIDINGS_DECL std::size_t find_sse_line_end(std::string_view text) noexcept;

}  // namespace detail
}  // namespace tidings
