// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>
#include <tidings/errc.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace tidings {

// Writers of `text/event-stream` (WHATWG HTML 9.2.5). Each appends something complete, so they can
// follow one another in any order and nothing in an argument can end or begin a field. Text is
// expected to be UTF-8 and written as it is; a reader replaces what is not. Framing (HTTP/1.1
// chunks) is not theirs. Safe to call from any thread on distinct strings.

/// Appends an event. `data` may hold anything; each CR, LF and CRLF in it is read back as LF.
/// Without an `event` the reader takes it for "message"; without an `id` the reader keeps its last
/// one, and an empty `id` resets that.
/// @error errc::sse_bad_field when `event` or `id` holds CR, LF or NUL; `out` is then unchanged.
[[nodiscard]] TIDINGS_DECL error_code
append_sse_event(std::string& out, std::string_view data, std::string_view event = {},
                 std::optional<std::string_view> id = std::nullopt);

/// Appends a comment, one line for each line of `text`: a heartbeat that means nothing.
TIDINGS_DECL void append_sse_comment(std::string& out, std::string_view text);

/// Appends the reconnection time. What is negative is written as 0.
TIDINGS_DECL void append_sse_retry(std::string& out, std::chrono::milliseconds time);

/// Appends an id without data: no event, but the reader resumes from there. An empty `id` resets.
/// @error errc::sse_bad_field when `id` holds CR, LF or NUL; `out` is then unchanged.
[[nodiscard]] TIDINGS_DECL error_code append_sse_id(std::string& out, std::string_view id);

}  // namespace tidings
