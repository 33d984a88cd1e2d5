// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace tidings::http::detail {

/// Takes the chunked transfer coding (RFC 9112 7.1) off a body that comes in pieces of any size. No
/// I/O. Extensions and trailer fields are read over. Strict about lines, for what one reader takes
/// for the end of a line, and another does not, smuggles requests: they end in CRLF, and neither CR
/// nor LF stands anywhere else; a size has nothing but digits, and an extension after ';'.
class chunk_decoder {
 public:
    /// `max_line_bytes`: of a size with its extensions, and of all trailer fields together.
    explicit chunk_decoder(std::size_t max_line_bytes) : max_line_bytes_(max_line_bytes) {}

    /// Takes bytes of `in` up to the end of the body, and appends those of the body to `out`, at
    /// most `max_body_bytes`, which it counts down. Returns how many it took.
    /// @error errc::bad_request, errc::header_too_large, errc::too_large
    TIDINGS_DECL std::size_t feed(std::string_view in, std::string& out,
                                  std::size_t& max_body_bytes, error_code& ec);
    bool done() const noexcept { return state_ == state::done; }

 private:
    enum class state {
        first_digit,
        digits,
        extension,
        size_end,
        data,
        data_cr,
        data_lf,
        trailer_start,
        trailer,
        trailer_lf,
        last_lf,
        done
    };
    state next(char c, error_code& ec) noexcept;
    state after_size(char c, error_code& ec) noexcept;
    state end_of_size(char c, error_code& ec) noexcept;

    const std::size_t max_line_bytes_;
    std::size_t line_bytes_ = 0;
    state state_ = state::first_digit;
    std::uint64_t left_ = 0;  // of the chunk
};

}  // namespace tidings::http::detail
