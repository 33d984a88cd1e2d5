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
/// history knows it. Inside the process it is a pair, the epoch's text, which copies share, and a
/// number: a copy allocates nothing.
class position {
 public:
    /// No place. Resuming after it means: everything the history still holds.
    position() = default;
    /// For histories: the place `number` of an epoch, `epoch:number` as text. Numbers rise within
    /// one history. The epoch is 1 to 107 printable ASCII bytes without space.
    position(std::shared_ptr<const std::string> epoch, std::uint64_t number) noexcept
        : epoch_(std::move(epoch)),
          number_(number) {}

    position(const position&) = default;
    position(position&&) = default;
    position& operator=(position&&) = default;
    /// Within an epoch it assigns the number alone, so that a cursor which follows the events of a
    /// history touches nothing that other threads use.
    position& operator=(const position& o) {
        if (epoch_ != o.epoch_) epoch_ = o.epoch_;
        number_ = o.number_;
        return *this;
    }

    /// Takes text a peer sent. @error errc::bad_position, and the result is empty.
    TIDINGS_DECL static position parse(std::string_view text, error_code& ec);

    /// The text, made anew. Empty for no place.
    TIDINGS_DECL std::string text() const;
    bool empty() const noexcept { return epoch_ == nullptr; }
    /// What stands before the last colon. Of text without a number at its end: all of it.
    std::string_view epoch() const noexcept {
        return epoch_ ? std::string_view(*epoch_) : std::string_view();
    }
    bool has_number() const noexcept { return number_ != no_number; }
    /// 0 where there is none.
    std::uint64_t number() const noexcept { return has_number() ? number_ : 0; }

    friend bool operator==(const position& a, const position& b) noexcept {
        return a.number_ == b.number_ && (a.epoch_ == b.epoch_ || a.epoch() == b.epoch());
    }

 private:
    static constexpr auto no_number = std::numeric_limits<std::uint64_t>::max();

    std::shared_ptr<const std::string> epoch_;
    std::uint64_t number_ = no_number;
};

}  // namespace tidings
