// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/endpoint.hpp>
#include <tidings/webhook/impl/endpoint_subscriber.hpp>

#include <boost/asio/system_executor.hpp>

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
endpoint::executor_type endpoint::get_executor() const noexcept {
    return state_ ? state_->executor() : executor_type(net::system_executor());
}
void endpoint::start_replay(const std::shared_ptr<detail::endpoint_state>& s, replay_range range,
                            replay_handler h) {
    if (s && range.from) return s->replay(std::move(range), std::move(h));
    std::move(h)(make_error_code(s ? errc::invalid_argument : errc::closed), replayed());
}
void endpoint::close() noexcept {
    if (state_) state_->close();
}

}  // namespace tidings::webhook
