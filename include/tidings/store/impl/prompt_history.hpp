// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/history.hpp>

namespace tidings::detail {

/// A history that commits inside `append`, of a bus that has nothing to complete beside it: the
/// short way.
class prompt_history : public history {
 public:
    /// `append` without a handler. Without an error `e` itself is committed.
    /// @param evicted takes what there is no room for any more
    virtual error_code keep(const event_ptr& e, dropped_events& evicted) noexcept = 0;
};

}  // namespace tidings::detail
