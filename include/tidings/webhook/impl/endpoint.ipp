// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/endpoint.hpp>
#include <tidings/webhook/impl/endpoint_subscriber.hpp>

namespace tidings::webhook {

endpoint::endpoint(std::shared_ptr<detail::endpoint_state> s) noexcept : state_(std::move(s)) {}
std::shared_ptr<subscriber> endpoint::as_subscriber() {
    return state_ ? std::make_shared<detail::endpoint_subscriber>(state_) : nullptr;
}
endpoint_counters endpoint::counters() const noexcept {
    return state_ ? state_->counters() : endpoint_counters{};
}
bool endpoint::active() const noexcept {
    return state_ && state_->active();
}
error_code endpoint::disabled() const noexcept {
    return state_ ? state_->disabled() : error_code();
}
error_code endpoint::consent() const noexcept {
    return state_ ? state_->consent() : error_code();
}
void endpoint::grant(std::optional<std::uint32_t> per_minute) {
    if (state_) state_->grant(per_minute);
}
void endpoint::enable() {
    if (state_) state_->enable();
}
void endpoint::close() noexcept {
    if (state_) state_->close();
}

}  // namespace tidings::webhook
