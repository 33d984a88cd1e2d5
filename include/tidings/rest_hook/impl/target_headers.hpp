// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <string_view>

namespace tidings::rest_hook::detail {

/// Why a subscription may not have this field sent to its target, in words; empty: it may. What
/// frames a request, says whose it is, or belongs to the delivery is the sender's alone.
TIDINGS_DECL std::string_view refusal_of_header(std::string_view name,
                                                std::string_view value) noexcept;

}  // namespace tidings::rest_hook::detail
