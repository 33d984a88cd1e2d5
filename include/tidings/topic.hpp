// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>

#include <cstddef>
#include <string>
#include <string_view>

// A topic is one to `max_topic_tokens` tokens split by '.', for example `orders.42.created`, and at
// most `max_topic_bytes` long. A token is not empty and holds well-formed UTF-8 without '.', '*',
// '>', control characters (C0, DEL, C1), white space and noncharacters: what a CloudEvents
// attribute may hold (CloudEvents 1.0, 3.1.1) and a line of any protocol can carry. Case matters,
// and nothing is normalised.
//
// A pattern is a topic some of whose tokens may be `*`, exactly one token, and whose last may be
// `>`, one or more tokens. A wildcard is always a whole token. The limits are those of a topic.
//
// `#` and `+`, the wildcards of MQTT, stand neither for a whole token nor, in a token with '/', for
// a whole part between these: `orders.#` or `orders/+/x` would wait for nothing.
//
// A first token `tidings`, or one that starts with '_', is reserved to the library: a user may not
// publish there, but may subscribe. A wildcard never stands for a first token `tidings`: what the
// library says of itself there (`webhook::operational_options`) is seen by patterns that begin with
// that token, and by no others.
//
// All functions are pure, and safe from any thread.

namespace tidings {

inline constexpr std::size_t max_topic_bytes = 256;       ///< of a topic and of a pattern
inline constexpr std::size_t max_topic_tokens = 16;       ///< of a topic and of a pattern
inline constexpr std::size_t max_topic_token_bytes = 64;  ///< of what `topic_token` makes

/// Whether a user may publish to `topic`.
/// @error errc::bad_topic when it is none, errc::foreign_wildcard for `#` or `+`,
/// errc::reserved_topic when it is the library's own.
[[nodiscard]] TIDINGS_DECL error_code check_topic(std::string_view topic) noexcept;

/// Like `check_topic`, but reserved topics are fine.
/// @error errc::bad_topic, errc::foreign_wildcard
[[nodiscard]] TIDINGS_DECL error_code check_topic_syntax(std::string_view topic) noexcept;

/// Whether `pattern` may be subscribed to. A literal topic is a pattern too.
/// @error errc::bad_pattern, errc::foreign_wildcard for `#` or `+`
[[nodiscard]] TIDINGS_DECL error_code check_pattern(std::string_view pattern) noexcept;

// What follows takes what has passed its check; for anything else the answer means nothing, but
// nothing worse happens.

/// Whether a topic, or a pattern, begins with the token `tidings`.
[[nodiscard]] inline bool is_library_topic(std::string_view text) noexcept {
    constexpr std::string_view token = "tidings";
    return text.size() >= token.size() && text.substr(0, token.size()) == token &&
           (text.size() == token.size() || text[token.size()] == '.');
}

/// Whether a pattern has no wildcard, so that it matches the one topic it spells.
[[nodiscard]] TIDINGS_DECL bool is_literal_pattern(std::string_view pattern) noexcept;

/// Whether `topic` matches `pattern`.
[[nodiscard]] TIDINGS_DECL bool topic_matches(std::string_view pattern,
                                              std::string_view topic) noexcept;

/// Whether some topic can match both patterns. Topics of any length count, also beyond the limits.
[[nodiscard]] TIDINGS_DECL bool patterns_overlap(std::string_view a, std::string_view b) noexcept;

/// Whether every topic that matches `narrow` matches `wide`: a grant for `wide` then holds for
/// `narrow`. Topics of any length count, also beyond the limits.
[[nodiscard]] TIDINGS_DECL bool pattern_covers(std::string_view wide,
                                               std::string_view narrow) noexcept;

/// Makes one token of a stranger's text, whatever it holds: different texts make different tokens.
/// The token can stand anywhere in a topic: it is never empty, never two, never a wildcard, never
/// reserved.
///
/// Text that is a token, not reserved, and holds no '~' stays as it is. Each byte of a character
/// that may not stand in a token, of '.', '*', '>', '~', of a `#` or `+` that would be refused, of
/// a
/// '_' in front, and of the first letter of `tidings`, is written as '~' and two hexadecimal
/// digits: `bob@example.com` becomes `bob@example~2ecom`. The empty text becomes `~`.
///
/// A token longer than `max_topic_token_bytes` is cut to at most 30 bytes, between characters, and
/// gets `~~` and the first 128 bits of the text's SHA-256 in hexadecimal digits: such tokens differ
/// as far as those digests do.
/// @throws std::bad_alloc
[[nodiscard]] TIDINGS_DECL std::string topic_token(std::string_view untrusted);

}  // namespace tidings
