// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

namespace tidings {

/// What a client that comes back is doing.
enum class connection_state {
    connecting,  ///< a connection is being made, or its answer is awaited
    open,        ///< the stream stands
    waiting,     ///< for the time of the next attempt
    stopped,     ///< it was not started, has ended for good, or was moved from
};

}  // namespace tidings
