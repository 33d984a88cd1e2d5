// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/bus_state.hpp>
#include <tidings/bus/impl/group/group_seat.hpp>

namespace tidings::detail {

namespace {

// A group begins in the present, and which of its members has a topic's newest event is chance.
bool may_be_shared(const subscribe_options& o) noexcept {
    return o.group.size() <= max_group_name && !o.after && !o.retained &&
           o.after_gap == after_gap::present && o.overflow != overflow::conflate;
}

}  // namespace

error_code bus_state::add_grouped(std::string_view pattern,
                                  const std::shared_ptr<subscription_state>& s,
                                  const subscribe_options& options) {
    if (const auto ec = check_pattern(pattern)) return ec;
    if (!may_be_shared(options)) return errc::bad_group;
    const auto group = groups_->join(options.group, pattern);
    if (!group) return errc::bad_group;
    try {
        s->sit_on(std::make_shared<group_seat>(group, options.filter));
    } catch (...) {
        groups_->leave(*group);
        throw;
    }
    try {
        return add(pattern, s);
    } catch (...) {
        s->abandon();
        throw;
    }
}

}  // namespace tidings::detail
