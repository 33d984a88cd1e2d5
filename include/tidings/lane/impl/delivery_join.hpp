// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/receipt.hpp>
#include <tidings/unique_function.hpp>

namespace tidings::detail {

/// Waits for every target of one publication (`async_publish`). Safe from any thread.
class delivery_join {
 public:
    virtual ~delivery_join() = default;
    virtual void finished(error_code ec, outcome o) noexcept = 0;
    /// The target was reached by another pattern already, or is the event's origin.
    virtual void skipped() noexcept = 0;
    /// For a target whose answer waits: `f` is called, on any thread and with no lock of the
    /// publication held, when its publisher cancels. False: it has already, and `f` is discarded.
    virtual bool on_cancel(unique_function<void()> /*f*/) { return true; }
};

}  // namespace tidings::detail
