// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/event_filter.hpp>

namespace tidings::detail {

/// A subscriber that asks a filter itself, so that it may change: the bus brings it every event,
/// and shows the filter where it explains. Safe from any thread.
class filtering_subscriber {
 public:
    filtering_subscriber() = default;
    filtering_subscriber(const filtering_subscriber&) = delete;
    filtering_subscriber& operator=(const filtering_subscriber&) = delete;
    virtual ~filtering_subscriber() = default;

    /// What it wants now.
    virtual event_filter filter() const = 0;
};

}  // namespace tidings::detail
