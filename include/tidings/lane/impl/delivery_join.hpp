// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/receipt.hpp>

namespace tidings::detail {

/// Waits for every target of one publication (`async_publish`). Safe from any thread.
class delivery_join {
 public:
    virtual ~delivery_join() = default;
    virtual void finished(error_code ec, outcome o) noexcept = 0;
    /// The target was reached by another pattern already, or is the event's origin.
    virtual void skipped() noexcept = 0;
};

}  // namespace tidings::detail
