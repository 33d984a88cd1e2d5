// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

namespace tidings {

/// A place in a history: opaque text to all but the history that made it, 1 to 128 printable
/// ASCII bytes without space. Compare for equality only; a rising order exists, but only the
/// history knows it. Inside the process it is a pair of numbers, the epoch and a number within it;
/// of a history whose epochs are other texts it shares that text. A copy allocates nothing.
class position {
 public:
    /// No place. Resuming after it means: everything the history still holds.
    position() = default;
    /// For histories: the place `number` of an epoch, `epoch:number` as text. Numbers rise within
    /// one history. The epoch is a number below 2^60 here, of which the text has twelve digits.
    position(std::uint64_t epoch, std::uint64_t number) noexcept : epoch_(epoch), number_(number) {}
    /// The same of another epoch: 1 to 107 printable ASCII bytes without space.
    TIDINGS_DECL position(std::shared_ptr<const std::string> epoch, std::uint64_t number) noexcept;

    position(const position&) = default;
    position(position&&) = default;
    position& operator=(position&&) = default;
    /// Within an epoch it assigns the number alone, so that a cursor which follows the events of a
    /// history touches nothing that other threads use.
    position& operator=(const position& o) {
        if (text_ != o.text_) text_ = o.text_;
        epoch_ = o.epoch_;
        number_ = o.number_;
        return *this;
    }

    /// Takes text a peer sent. @error errc::bad_position, and the result is empty.
    TIDINGS_DECL static position parse(std::string_view text, error_code& ec);

    /// The text, made anew. Empty for no place.
    TIDINGS_DECL std::string text() const;
    bool empty() const noexcept { return epoch_ == none && text_ == nullptr; }
    /// What stands before the last colon. Of text without a number at its end: all of it.
    TIDINGS_DECL std::string epoch() const;
    /// How many bytes of text it shares with others.
    std::size_t epoch_bytes() const noexcept { return text_ ? text_->size() : 0; }
    bool has_number() const noexcept { return number_ != none; }
    /// 0 where there is none.
    std::uint64_t number() const noexcept { return has_number() ? number_ : 0; }
    /// Whether both are of one epoch.
    bool has_epoch_of(const position& o) const noexcept {
        return epoch_ == o.epoch_ && (text_ == o.text_ || (text_ && o.text_ && *text_ == *o.text_));
    }

    friend bool operator==(const position& a, const position& b) noexcept {
        return a.number_ == b.number_ && a.has_epoch_of(b);
    }

 private:
    static constexpr auto none = std::numeric_limits<std::uint64_t>::max();

    std::shared_ptr<const std::string> text_;  // of an epoch that is no such number
    std::uint64_t epoch_ = none;
    std::uint64_t number_ = none;
};

}  // namespace tidings
