// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>

#include <functional>
#include <string_view>

namespace tidings {

enum class log_level { debug, info, warning, error };

/// One line of a log. The views last for the call only. Never holds secrets or queries.
struct log_record {
    log_level level = log_level::info;
    std::string_view module{};  ///< "bus", "http", "websocket", ...
    std::string_view message{};
    error_code error{};
};

/// Must not block, throw or call the library, which may hold a lock; called from any thread. An
/// empty function: nothing is logged.
using log_sink = std::function<void(const log_record&)>;

}  // namespace tidings
