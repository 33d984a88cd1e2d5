// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/log.hpp>

#include <exception>

namespace tidings::detail {

/// Runs `f`, in which code of the user's is called. What that throws is logged and goes no further.
/// False when it threw.
template <class F>
bool guarded(const log_sink& log, std::string_view module, F&& f) noexcept {
    const auto report = [&](std::string_view what) {
        if (log) log({log_level::error, module, what, errc::callback_threw});
        return false;
    };
    try {
        f();
        return true;
    } catch (const std::exception& e) {
        return report(e.what());
    } catch (...) {
        return report("a callback threw");
    }
}

}  // namespace tidings::detail
