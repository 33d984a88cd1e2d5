// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>

#include <string>
#include <string_view>

namespace tidings {

/// A place in a history: opaque text to all but the history that made it, 1 to 128 printable
/// ASCII bytes without space. Compare for equality only; a rising order exists, but only the
/// history knows it.
class position {
 public:
    /// No place. Resuming after it means: everything the history still holds.
    position() = default;

    /// Takes text a peer sent. @error errc::bad_position, and the result is empty.
    TIDINGS_DECL static position parse(std::string_view text, error_code& ec);

    const std::string& text() const noexcept { return text_; }
    bool empty() const noexcept { return text_.empty(); }
    friend bool operator==(const position&, const position&) = default;

 private:
    std::string text_;
};

}  // namespace tidings
