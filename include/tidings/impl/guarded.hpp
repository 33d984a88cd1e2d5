// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/log.hpp>

#include <exception>

namespace tidings::detail {

/// Hands a line to the sink. What one throws, against its contract, goes no further.
inline void write_log(const log_sink& log, const log_record& line) noexcept {
    try {
        if (log) log(line);
    } catch (...) {
        return;  // there is nothing to say it with
    }
}

/// Logs the exception that is being handled: user's code threw it.
inline void report_exception(const log_sink& log, std::string_view module) noexcept {
    const auto report = [&](std::string_view what) {
        write_log(log, {log_level::error, module, what, errc::callback_threw});
    };
    try {
        throw;
    } catch (const std::exception& e) {
        report(e.what());
    } catch (...) {
        report("a callback threw");
    }
}

/// Runs `f`, in which code of the user's is called. What that throws is logged and goes no further.
/// False when it threw.
template <class F>
bool guarded(const log_sink& log, std::string_view module, F&& f) noexcept {
    try {
        f();
        return true;
    } catch (...) {
        report_exception(log, module);
        return false;
    }
}

}  // namespace tidings::detail
