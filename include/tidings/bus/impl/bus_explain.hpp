// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/bus_state.hpp>
#include <tidings/explanation.hpp>

#include <string_view>

namespace tidings::detail {

/// What a bus would do with an event of a topic. Locks the bus while it looks at what matches.
TIDINGS_DECL explanation explain(const bus_state& bus, std::string_view topic);

}  // namespace tidings::detail
