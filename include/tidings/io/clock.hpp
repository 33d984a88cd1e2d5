// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>
#include <tidings/unique_function.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <memory>

namespace tidings::io {

using steady_time = std::chrono::steady_clock::time_point;
using system_time = std::chrono::system_clock::time_point;

/// One timer; confined to its executor. Destroying it drops the callback.
class timer {
 public:
    virtual ~timer() = default;
    /// Replaces a wait under way (whose callback is dropped). Never calls back inside.
    virtual void start_wait(steady_time until, tidings::unique_function<void()> done) = 0;
    virtual void cancel() noexcept = 0;
};

/// The seam for time. Safe from any thread.
class clock {
 public:
    virtual ~clock() = default;
    virtual steady_time now() const noexcept = 0;
    virtual system_time wall_now() const noexcept = 0;
    virtual std::unique_ptr<timer> make_timer(net::any_io_executor executor) = 0;
};

/// The machine's clocks.
TIDINGS_DECL clock& system_clock() noexcept;

}  // namespace tidings::io
