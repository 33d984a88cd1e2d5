// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <memory>

namespace tidings::detail {

/// What may outlive an execution context although it holds strands, timers or handlers of it. A
/// handle that a user destroys last is such a thing.
class context_dependent {
 public:
    virtual ~context_dependent() = default;
    /// The context is being destroyed; its services are still there. Releases everything that is
    /// the context's, completes nothing and posts nothing from here on.
    virtual void on_context_end() noexcept = 0;
};

/// Tells `d` of the end of the context that `executor` belongs to.
TIDINGS_DECL void watch_context(const net::any_io_executor& executor,
                                std::weak_ptr<context_dependent> d);

/// Takes the place of an executor whose context is gone: what is posted there is dropped.
TIDINGS_DECL net::any_io_executor ended_executor();

}  // namespace tidings::detail
