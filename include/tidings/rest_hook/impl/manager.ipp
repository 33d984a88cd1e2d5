// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/closing_slot.hpp>
#include <tidings/rest_hook/impl/manager_state.hpp>
#include <tidings/rest_hook/manager.hpp>

#include <cmath>
#include <stdexcept>

namespace tidings::rest_hook {

manager::manager(bus& b, webhook::sender& s, manager_options options) {
    if (!b.state() || !s.state())
        throw std::invalid_argument(
            "tidings::rest_hook::manager: the bus or sender was moved from");
    if (!std::isfinite(options.max_rate.per_second) || options.max_rate.per_second < 0)
        throw std::invalid_argument("tidings::rest_hook::manager: the rate is no rate");
    slot_ = std::make_shared<tidings::detail::closing_slot<detail::manager_state>>(
        std::make_shared<detail::manager_state>(b.state(), s.state(), std::move(options)));
    slot_->get()->start();
}

void manager::admit(http::exchange& x) {
    if (const auto state = state_of(slot_)) state->admit(x);
}
void manager::handle(http::exchange& x) {
    if (auto state = state_of(slot_))
        return x.in_lane([state = std::move(state)](http::exchange& here) { state->handle(here); });
    x.respond(http::problem(503, "Closed", make_error_code(errc::closed).message()));
}
std::size_t manager::max_body_bytes() const noexcept {
    const auto state = state_of(slot_);
    return state ? state->max_body_bytes() : 0;
}
void manager::close() noexcept {
    if (slot_) slot_->close();
}

}  // namespace tidings::rest_hook
