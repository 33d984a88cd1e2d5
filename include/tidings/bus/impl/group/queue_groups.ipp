// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/group/queue_groups.hpp>

namespace tidings::detail {

std::shared_ptr<queue_group> queue_groups::join(std::string_view name, std::string_view pattern) {
    const std::lock_guard lock(mutex_);
    if (const auto there = by_name_.find(name); there != by_name_.end()) {
        if (there->second.group->pattern() != pattern) return {};
        ++there->second.members;
        return there->second.group;
    }
    auto made = std::make_shared<queue_group>(lane_, name, pattern, weak_from_this());
    by_name_.emplace(std::string(name), known{made, 1});
    return made;
}

void queue_groups::leave(const queue_group& g) noexcept {
    known last;  // goes after the lock
    const std::lock_guard lock(mutex_);
    const auto there = by_name_.find(g.name());
    if (there == by_name_.end() || --there->second.members != 0) return;
    last = std::move(there->second);
    by_name_.erase(there);
}

}  // namespace tidings::detail
