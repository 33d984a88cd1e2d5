// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace build {

using variables = std::vector<std::pair<std::string, std::string>>;

/// A program and what it may do.
struct command {
    std::vector<std::string> words{};
    std::chrono::seconds timeout{600};     ///< then it and what it started are killed
    std::size_t max_line = 8 * 1024;       ///< longer lines come in pieces
    std::size_t max_output = 1024 * 1024;  ///< what is beyond is not reported
};

/// How it ended.
struct ending {
    int code = 0;  ///< its exit code; 128 and the signal that ended it, as of a shell
    bool timed_out = false;
};

/// Runs it with these variables beside those of this process, its output and errors as one stream
/// of lines. Throws `boost::system::system_error` if it cannot be started.
boost::asio::awaitable<ending> run(const command& what, const variables& added,
                                   std::function<void(std::string)> on_line);

}  // namespace build
