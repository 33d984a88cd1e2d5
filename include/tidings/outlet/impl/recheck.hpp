// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/bus_state.hpp>
#include <tidings/impl/closing_slot.hpp>
#include <tidings/outlet/recheck.hpp>

#include <memory>

namespace tidings::detail {

/// Whether the context of the bus has ended, and with it all that was open.
TIDINGS_DECL bool has_ended(const std::shared_ptr<bus_state>& bus) noexcept;
/// Of a service on the bus: the bus's; the system's where there is none, or its context has ended.
TIDINGS_DECL net::any_io_executor service_executor(const std::shared_ptr<bus_state>& bus) noexcept;

/// A service's `async_recheck`. It is errc::closed where the service was closed, or where the
/// context of its bus has ended.
template <class State>
void start_recheck(const std::shared_ptr<closing_slot<State>>& slot, const recheck_filter& which,
                   recheck_handler handler) {
    const auto state = state_of(slot);
    if (!state || has_ended(state->bus())) return std::move(handler)(errc::closed);
    state->recheck(which, std::move(handler));
}

}  // namespace tidings::detail
