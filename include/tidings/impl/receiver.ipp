// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/subscription/receiver_subscription.hpp>
#include <tidings/receiver.hpp>

#include <boost/asio/system_executor.hpp>

#include <new>

namespace tidings {

receiver::receiver(std::shared_ptr<detail::receiver_subscription> s) noexcept
    : state_(std::move(s)) {}

receiver& receiver::operator=(receiver&& o) noexcept {
    if (this != &o) {
        reset();
        state_ = std::move(o.state_);
    }
    return *this;
}

receiver::~receiver() {
    reset();
}

std::optional<event_ptr> receiver::try_receive() {
    return state_ ? state_->try_take() : std::nullopt;
}

bool receiver::active() const noexcept {
    return state_ && state_->active();
}

error_code receiver::error() const noexcept {
    return state_ ? state_->error() : make_error_code(errc::closed);
}

void receiver::reset() noexcept {
    if (state_) state_->end(errc::closed);
}

subscription_counters receiver::counters() const noexcept {
    return state_ ? state_->counters() : subscription_counters{};
}

receiver::executor_type receiver::executor_of(
    const std::shared_ptr<detail::receiver_subscription>& s) noexcept {
    return s ? s->executor() : net::any_io_executor(net::system_executor());
}

receiver::executor_type receiver::get_executor() const noexcept {
    return executor_of(state_);
}

void receiver::start(const std::shared_ptr<detail::receiver_subscription>& s,
                     detail::receive_ptr operation) {
    if (s) return s->start(std::move(operation));
    operation->error = errc::closed;
    if (!complete(operation, net::system_executor())) throw std::bad_alloc();
}

}  // namespace tidings
