// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <string>

namespace tidings::detail {

/// Overwrites the bytes of a secret before its memory is released; no optimiser removes it.
TIDINGS_DECL void wipe(std::string& secret) noexcept;

}  // namespace tidings::detail
