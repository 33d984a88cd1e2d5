// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/url.hpp>
#include <tidings/http/message.hpp>

#include <span>

namespace tidings::http::detail {

/// How the end of a body is found (RFC 9112 6.3).
enum class body_framing { none, length, chunked, until_close };

/// How a response goes onto its connection.
struct response_frame {
    body_framing framing = body_framing::length;
    bool to_head = false;   ///< answers HEAD: the header of the body, without it
    bool close = false;     ///< the connection ends with it
    bool http_1_0 = false;  ///< a connection that stays says so
    std::string_view date{};
};

/// The bytes of a response's head, with the blank line. Its framing and connection fields are made
/// here, whatever it holds of them; what would break the head out of its lines becomes a space. The
/// answer to HEAD says a length only where there is a body to tell it (RFC 9110 9.3.2).
TIDINGS_DECL std::string serialise_head(const response& r, const response_frame& frame,
                                        std::string memory = {});

/// The bytes of a whole response, in this memory. A status that is none for an answer becomes 500.
TIDINGS_DECL std::string serialise(const response& r, const response_frame& frame,
                                   std::string memory = {});

/// Whether the request can be written as it is: a method and field names that are tokens, values
/// without control bytes.
TIDINGS_DECL bool is_sendable(const request& r) noexcept;

/// A body up to this is sent with its head at once.
inline constexpr std::size_t max_joined_bytes = 16 * 1024;

/// The begin of the head of a request to the URL: its first line, Host, User-Agent,
/// `Accept-Encoding: identity` unless it has the field, because no body is decoded, and its fields.
TIDINGS_DECL std::string serialise_begin(const request& r, const url& to,
                                         std::string_view user_agent);
/// The head of a request that begins so, and has the fields of `r`, and further ones, beside: with
/// the blank line, and framing and Connection, which are made here. There is room for a body that
/// is joined.
TIDINGS_DECL std::string serialise_head(std::string_view begin, const request& r,
                                        std::span<const fields::value_type> further, bool close,
                                        std::size_t body_bytes);
/// The bytes of the head of a request to the URL, with the blank line.
TIDINGS_DECL std::string serialise_head(const request& r, const url& to,
                                        std::string_view user_agent, bool close,
                                        std::size_t body_bytes);
/// The bytes of a whole request.
inline std::string serialise(const request& r, const url& to, std::string_view user_agent,
                             bool close) {
    return serialise_head(r, to, user_agent, close, r.body.size()).append(r.body);
}

}  // namespace tidings::http::detail
