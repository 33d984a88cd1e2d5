// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/closing_slot.hpp>
#include <tidings/rest_hook/impl/portal/portal_state.hpp>
#include <tidings/rest_hook/portal.hpp>

#include <stdexcept>
#include <utility>

namespace tidings::rest_hook {

portal::portal(manager& m, const portal_options& options) : manager_(m) {
    const auto hooks = state_of(m.slot_);
    if (!hooks)
        throw std::invalid_argument(
            "tidings::rest_hook::portal: the manager was moved from, or is closed");
    slot_ = std::make_shared<tidings::detail::closing_slot<detail::portal_state>>(
        std::make_shared<detail::portal_state>(hooks->parts(), options));
}

std::string portal::make_ticket(portal_visitor visitor, error_code& ec) noexcept {
    if (const auto state = state_of(slot_)) return state->make_ticket(std::move(visitor), ec);
    ec = errc::closed;
    return {};
}
void portal::end_sessions(std::string_view principal_name) noexcept {
    if (const auto state = state_of(slot_)) state->end_sessions(principal_name);
}
void portal::admit(http::exchange& x) {
    if (const auto state = state_of(slot_)) state->admit(x);
}
void portal::handle(http::exchange& x) {
    if (auto state = state_of(slot_))
        return x.in_lane([state = std::move(state), m = manager_](http::exchange& here) {
            state->handle(here, state_of(m.slot_));
        });
    x.respond(http::problem(503, "Closed", make_error_code(errc::closed).message()));
}
std::size_t portal::max_body_bytes() const noexcept {
    return manager_.max_body_bytes();
}
void portal::close() noexcept {
    if (slot_) slot_->close();
}

}  // namespace tidings::rest_hook
