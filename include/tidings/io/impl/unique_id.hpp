// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <string>

namespace tidings::detail {

/// A text unique among all processes: 16 hexadecimal digits of randomness drawn once per process, a
/// hyphen and a counter. Not a secret. Holds no '.', which Standard Webhooks forbids in an id.
TIDINGS_DECL std::string unique_id();

}  // namespace tidings::detail
