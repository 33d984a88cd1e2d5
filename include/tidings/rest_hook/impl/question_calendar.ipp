// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/question_calendar.hpp>

namespace tidings::rest_hook::detail {

// Where memory runs out it is looked at when it was to be before, or earlier, or both.
void question_calendar::note(const std::string& id, io::system_time at, std::uint64_t begun) {
    auto& known = by_id_[id];
    by_time_.emplace(at, id);
    if (known.at != at) by_time_.erase({known.at, id});
    known = {at, begun};
}

std::optional<question_calendar::entry> question_calendar::take(io::system_time now) {
    while (!by_time_.empty() && by_time_.begin()->first <= now) {
        const auto due = by_time_.extract(by_time_.begin());
        const auto it = by_id_.find(due.value().second);
        if (it == by_id_.end() || it->second.at != due.value().first) continue;
        entry taken{it->first, it->second.begun};
        by_id_.erase(it);
        return taken;
    }
    return std::nullopt;
}

std::optional<io::system_time> question_calendar::first() const {
    return by_time_.empty() ? std::nullopt : std::optional(by_time_.begin()->first);
}

}  // namespace tidings::rest_hook::detail
