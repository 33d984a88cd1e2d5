// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/table.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <new>
#include <string>

namespace tidings::rest_hook::detail {

/// Rows of a table that ended while some were read: what was read may still hold them. Not safe
/// from several threads.
class ended_rows {
 public:
    /// How much had ended when a reading began.
    using moment = std::uint64_t;
    static constexpr std::size_t most = 100'000;

    /// A reading begins; `end_reading` is called behind it.
    moment begin_reading() noexcept {
        ++readings_;
        return ended_;
    }
    void end_reading() noexcept {
        if (--readings_ == 0) rows_.clear();
    }
    /// A row has ended. @param revision the last that has; a later one is a row made anew
    /// @throws std::bad_alloc also where it holds `most`: a reading may never end
    void note(const std::string& id, std::uint64_t revision) {
        if (readings_ == 0) return;
        if (rows_.size() >= most) throw std::bad_alloc();
        rows_.insert_or_assign(id, end{revision, ended_ + 1});
        ++ended_;
    }
    /// There was no memory for one of them: nothing counts of what is being read.
    void lose() noexcept {
        rows_.clear();
        lost_ = ++ended_;
    }
    /// Whether this row, of a reading that began then, may have ended since.
    bool is_over(const store::row& r, moment began) const noexcept {
        if (began < lost_) return true;
        const auto it = rows_.find(r.key);
        return it != rows_.end() && it->second.at > began && r.revision <= it->second.revision;
    }

 private:
    struct end {
        std::uint64_t revision;
        moment at;
    };
    std::size_t readings_ = 0;
    moment ended_ = 0;
    moment lost_ = 0;
    std::map<std::string, end> rows_{};
};

}  // namespace tidings::rest_hook::detail
