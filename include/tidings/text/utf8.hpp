// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace tidings {
namespace detail {

// The states of the automaton that mean something outside it, as the bit offsets that it uses.
inline constexpr std::uint8_t utf8_rejected = 0;
inline constexpr std::uint8_t utf8_accepted = 6;

}  // namespace detail

/// Checks UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF) that arrives
/// in pieces. How the text was cut changes nothing. Never throws and never allocates; distinct
/// objects are independent, a shared one is not safe.
class utf8_validator {
 public:
    /// Takes the next bytes. False, now and until `reset`, from the first byte on that no valid
    /// text can hold at its place.
    TIDINGS_DECL bool feed(std::span<const std::byte> bytes) noexcept;

    /// Whether what was fed can still be the beginning of valid text.
    [[nodiscard]] bool valid() const noexcept { return state_ != detail::utf8_rejected; }

    /// Whether what was fed is valid text, not cut inside a character.
    [[nodiscard]] bool complete() const noexcept { return state_ == detail::utf8_accepted; }

    /// Starts a new text.
    void reset() noexcept { state_ = detail::utf8_accepted; }

 private:
    std::uint8_t state_ = detail::utf8_accepted;
};

/// Whether the whole of `text` is valid UTF-8. The empty text is.
[[nodiscard]] TIDINGS_DECL bool is_valid_utf8(std::string_view text) noexcept;

}  // namespace tidings
