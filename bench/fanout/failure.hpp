// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

namespace fanout {

/// What `fanout_load` returns to its caller.
enum class exit_code : int {
    ok = 0,
    usage = 1,    ///< an option is wrong, or a limit of this machine forbids it
    setup = 2,    ///< the server did not start, or refused a connection
    wrong = 3,    ///< lost, doubled, reordered or damaged messages, a closed subscriber, bad bytes
    timeout = 4,  ///< not everything arrived in time
};

/// Ends the run with one sentence and an exit code.
struct failure : std::runtime_error {
    failure(exit_code why, const std::string& what) : std::runtime_error{what}, code{why} {}
    exit_code code;
};

/// The sentence of `errno`, for a system call that must not fail.
[[noreturn]] inline void fail_errno(exit_code why, const std::string& call) {
    throw failure{why, call + ": " + std::generic_category().message(errno)};
}

}  // namespace fanout
