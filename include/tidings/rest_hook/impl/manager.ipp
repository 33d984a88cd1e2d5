// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/closing_handle.hpp>
#include <tidings/rest_hook/impl/manager_state.hpp>
#include <tidings/rest_hook/manager.hpp>

#include <stdexcept>

namespace tidings::rest_hook {

manager::manager(bus& b, webhook::sender& s, manager_options options) {
    if (!b.state() || !s.state())
        throw std::invalid_argument(
            "tidings::rest_hook::manager: the bus or sender was moved from");
    state_ = tidings::detail::closing_handle(
        std::make_shared<detail::manager_state>(b.state(), s.state(), std::move(options)));
    state_->start();
}

void manager::admit(http::exchange& x) {
    if (state_) state_->admit(x);
}
void manager::handle(http::exchange& x) {
    if (state_) return x.in_lane([state = state_](http::exchange& here) { state->handle(here); });
    x.respond(http::problem(503, "Closed", make_error_code(errc::closed).message()));
}
std::size_t manager::max_body_bytes() const noexcept {
    return state_ ? state_->max_body_bytes() : 0;
}
void manager::close() noexcept {
    if (state_) state_->close();
}

}  // namespace tidings::rest_hook
