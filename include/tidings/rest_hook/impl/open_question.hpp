// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/clock.hpp>
#include <tidings/rest_hook/impl/hook_names.hpp>

#include <cstdint>
#include <string>

namespace tidings::rest_hook::detail {

/// What a subscription waits for that is `pending`. It is in the row, so that a restart, and other
/// managers, go on with it.
struct open_question {
    /// What the target repeats. It is shown to nobody but the target: its owner could else answer.
    std::string token{};
    hook_state then = hook_state::active;  ///< its state when the target has agreed
    std::uint32_t asked = 0;               ///< questions that were begun
    io::system_time next{};                ///< of the next one
    io::system_time until{};               ///< the end
    bool ended = false;                    ///< it was not confirmed: shown as disabled

    friend bool operator==(const open_question&, const open_question&) = default;
};

}  // namespace tidings::rest_hook::detail
