// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/closing_slot.hpp>
#include <tidings/rest_hook/impl/websub_hub_state.hpp>
#include <tidings/rest_hook/websub_hub.hpp>

#include <stdexcept>

namespace tidings::rest_hook {

websub_hub::websub_hub(manager& m, websub_hub_options options) : manager_(m) {
    const auto hooks = state_of(m.slot_);
    if (!hooks)
        throw std::invalid_argument(
            "tidings::rest_hook::websub_hub: the manager was moved from, or is closed");
    slot_ = std::make_shared<tidings::detail::closing_slot<detail::websub_hub_state>>(
        std::make_shared<detail::websub_hub_state>(hooks->parts(), std::move(options)));
}

void websub_hub::admit(http::exchange& x) {
    if (const auto state = state_of(slot_)) state->admit(x);
}
void websub_hub::handle(http::exchange& x) {
    if (auto state = state_of(slot_))
        return x.in_lane([state = std::move(state)](http::exchange& here) { state->handle(here); });
    x.respond(http::problem(503, "Closed", make_error_code(errc::closed).message()));
}
std::size_t websub_hub::max_body_bytes() const noexcept {
    const auto state = state_of(slot_);
    return state ? state->max_body_bytes() : 0;
}
void websub_hub::close() noexcept {
    if (slot_) slot_->close();
}

}  // namespace tidings::rest_hook
