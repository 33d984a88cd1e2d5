// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/closing_handle.hpp>
#include <tidings/webhook/impl/receiver_state.hpp>
#include <tidings/webhook/receiver.hpp>

#include <cmath>
#include <stdexcept>

namespace tidings::webhook {

receiver::receiver(any_subscriber sink, receiver_options options) {
    if (!options.verifier && !options.allow_unsigned)
        throw std::invalid_argument(
            "tidings::webhook::receiver: receiver_options::verifier is empty, and allow_unsigned "
            "is "
            "not set");
    if (!sink.get()) throw std::invalid_argument("tidings::webhook::receiver: no subscriber");
    constexpr double lowest = 1e-6;  // one in eleven days
    const double rate = options.source_rate.per_second;
    if (!std::isfinite(rate) || rate < 0 || (rate > 0 && rate < lowest))
        throw std::invalid_argument("tidings::webhook::receiver: source_rate is none");
    state_ = tidings::detail::closing_handle(
        std::make_shared<detail::receiver_state>(std::move(sink).release(), std::move(options)));
}

void receiver::admit(http::exchange& x) {
    if (state_) state_->admit(x);
}
void receiver::handle(http::exchange& x) {
    if (state_) return x.in_lane([state = state_](http::exchange& here) { state->handle(here); });
    x.respond(http::problem(503, "Closed", make_error_code(errc::closed).message()));
}
std::size_t receiver::max_body_bytes() const noexcept {
    return state_ ? state_->max_body_bytes() : 0;
}
void receiver::close() noexcept {
    if (state_) state_->close();
}

}  // namespace tidings::webhook
