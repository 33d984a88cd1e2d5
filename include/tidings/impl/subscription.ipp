// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/subscription/subscription_state.hpp>

#include <boost/asio/system_executor.hpp>

namespace tidings {

subscription::subscription(std::shared_ptr<detail::subscription_state> s) noexcept
    : state_(std::move(s)) {}

subscription& subscription::operator=(subscription&& o) noexcept {
    if (this != &o) {
        reset();
        state_ = std::move(o.state_);
    }
    return *this;
}

subscription::~subscription() {
    reset();
}

bool subscription::active() const noexcept {
    return state_ && state_->active();
}

error_code subscription::error() const noexcept {
    return state_ ? state_->error() : make_error_code(errc::closed);
}

void subscription::reset() noexcept {
    if (state_) state_->end(errc::closed);
}

subscription_counters subscription::counters() const noexcept {
    return state_ ? state_->counters() : subscription_counters{};
}

subscription::executor_type subscription::get_executor() const noexcept {
    return state_ ? state_->executor() : net::any_io_executor(net::system_executor());
}

void subscription::start_reset(const std::shared_ptr<detail::subscription_state>& s,
                               tidings::completion_handler<error_code> handler) {
    if (s)
        s->end_and_wait(std::move(handler));
    else
        std::move(handler)(error_code());
}

}  // namespace tidings
