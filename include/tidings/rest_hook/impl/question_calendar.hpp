// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/clock.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace tidings::rest_hook::detail {

/// When which subscription is looked at that waits for its target: each once, however often it is
/// noted. Not safe from several threads.
class question_calendar {
 public:
    struct entry {
        std::string id{};
        /// The question of this revision has been begun here, and is to be sent; 0: none has.
        std::uint64_t begun = 0;
    };
    /// In the place of what was noted of this subscription before; but a question that was begun is
    /// to be sent at its time all the same, or it would count as asked. Where memory runs out it is
    /// looked at when it was to be before, or when it is to be, or both.
    void note(const std::string& id, io::system_time at, std::uint64_t begun = 0) {
        auto& known = by_id_[id];
        if (begun == 0 && known.begun != 0) {
            begun = known.begun;
            at = std::min(at, known.at);
        }
        by_time_.emplace(at, id);
        if (known.at != at) by_time_.erase({known.at, id});
        known = {at, begun};
    }
    /// Takes out the first that is due. Nothing where none is. Where memory runs out it stays.
    std::optional<entry> take(io::system_time now) {
        while (!by_time_.empty() && by_time_.begin()->first <= now) {
            const auto due = by_time_.begin();
            const auto it = by_id_.find(due->second);
            const bool counts = it != by_id_.end() && it->second.at == due->first;
            std::optional<entry> taken;
            if (counts) taken = entry{it->first, it->second.begun};
            // Nothing throws from here on.
            by_time_.erase(due);
            if (!counts) continue;
            by_id_.erase(it);
            return taken;
        }
        return std::nullopt;
    }
    std::optional<io::system_time> first() const {
        return by_time_.empty() ? std::nullopt : std::optional(by_time_.begin()->first);
    }
    std::size_t size() const noexcept { return by_id_.size(); }

 private:
    struct place {
        io::system_time at{};
        std::uint64_t begun = 0;
    };
    std::map<std::string, place> by_id_{};
    std::set<std::pair<io::system_time, std::string>> by_time_{};
};

}  // namespace tidings::rest_hook::detail
