// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/closing_handle.hpp>
#include <tidings/sse/impl/service_state.hpp>
#include <tidings/sse/service.hpp>

#include <boost/asio/system_executor.hpp>

#include <stdexcept>

namespace tidings::sse {

service::service(const bus& b, service_options options) {
    if (!b.state()) throw std::invalid_argument("tidings::sse::service: the bus was moved from");
    state_ = tidings::detail::closing_handle(
        std::make_shared<detail::service_state>(b.state(), std::move(options)));
}

service::service(service_options options)
    : state_(tidings::detail::closing_handle(
          std::make_shared<detail::service_state>(nullptr, std::move(options)))) {}

void service::admit(http::exchange& x) {
    if (state_) state_->admit(x);
}
void service::handle(http::exchange& x) {
    if (state_) return x.in_lane([state = state_](http::exchange& here) { state->handle(here); });
    x.respond(http::problem(503, "Closed", make_error_code(errc::closed).message()));
}
void service::drain() {
    if (state_) state_->drain();
}
void service::close() {
    if (state_) state_->close();
}
std::size_t service::sessions() const noexcept {
    return state_ ? state_->sessions() : 0;
}

void service::start_recheck(const std::shared_ptr<detail::service_state>& s,
                            const std::function<bool(const principal&)>& which,
                            completion_handler<error_code> handler) {
    if (!s) return std::move(handler)(errc::closed);
    s->recheck(which, std::move(handler));
}

net::any_io_executor service::get_executor() const noexcept {
    return state_ ? state_->executor() : net::any_io_executor(net::system_executor());
}

}  // namespace tidings::sse
