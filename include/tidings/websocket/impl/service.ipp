// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/outlet/impl/recheck.hpp>
#include <tidings/websocket/impl/service_state.hpp>
#include <tidings/websocket/service.hpp>

#include <stdexcept>

namespace tidings::websocket {

service::service(bus& b, service_options options) {
    if (!b.state())
        throw std::invalid_argument("tidings::websocket::service: the bus was moved from");
    slot_ = std::make_shared<tidings::detail::closing_slot<detail::service_state>>(
        std::make_shared<detail::service_state>(b.state(), std::move(options)));
}

service::service(service_options options)
    : slot_(std::make_shared<tidings::detail::closing_slot<detail::service_state>>(
          std::make_shared<detail::service_state>(nullptr, std::move(options)))) {}

void service::admit(http::exchange& x) {
    if (const auto state = state_of(slot_)) state->admit(x);
}
void service::handle(http::exchange& x) {
    if (auto state = state_of(slot_))
        return x.in_lane([state = std::move(state)](http::exchange& here) { state->handle(here); });
    x.respond(http::problem(503, "Closed", make_error_code(errc::closed).message()));
}
void service::drain() {
    if (const auto state = state_of(slot_)) state->drain();
}
void service::close() {
    if (slot_) slot_->close();
}
std::size_t service::sessions() const noexcept {
    const auto state = state_of(slot_);
    return state ? state->sessions() : 0;
}

void service::start_recheck(const std::shared_ptr<slot>& s,
                            const tidings::detail::recheck_filter& which,
                            tidings::detail::recheck_handler handler) {
    tidings::detail::start_recheck(s, which, std::move(handler));
}

net::any_io_executor service::get_executor() const noexcept {
    const auto state = state_of(slot_);
    return tidings::detail::service_executor(state ? state->bus() : nullptr);
}

}  // namespace tidings::websocket
