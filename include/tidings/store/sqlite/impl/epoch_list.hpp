// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/position.hpp>

#include <cstdint>
#include <vector>

namespace tidings::sqlite::detail {

/// One opening of a history: the offsets that were committed in it. `first` is the place before
/// them.
struct history_epoch {
    std::uint64_t number = 0;  ///< what its positions begin with
    std::uint64_t first = 0;
    std::uint64_t last = 0;
};

/// The epochs of a file, in order of their offsets, which never meet. The last is this opening's.
/// A position is known in the range of its epoch; any other stands for events that this file has
/// not: of a copy that went its own way, or that were lost before they were synced.
class epoch_list {
 public:
    /// How many offsets an epoch may take: the next one begins behind, so that a number that was
    /// given away, and lost, is never given again.
    static constexpr std::uint64_t room = std::uint64_t{1} << 40;

    void add(history_epoch e) { epochs_.push_back(e); }
    /// Where the next epoch begins.
    std::uint64_t next_first() const noexcept {
        return epochs_.empty() ? 0 : (epochs_.back().last / room + 1) * room;
    }
    std::uint64_t head() const noexcept { return epochs_.back().last; }
    void set_head(std::uint64_t offset) noexcept { epochs_.back().last = offset; }
    const std::vector<history_epoch>& all() const noexcept { return epochs_; }

    /// The position of an offset, of the epoch that it belongs to.
    TIDINGS_DECL position position_of(std::uint64_t offset) const noexcept;

    struct place {
        std::uint64_t offset = 0;  ///< read on behind it
        bool known = false;        ///< else a gap
    };
    TIDINGS_DECL place find(const position& p) const noexcept;

 private:
    std::vector<history_epoch> epochs_;
};

}  // namespace tidings::sqlite::detail
