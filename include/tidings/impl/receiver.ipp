// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/subscription/receiver_subscription.hpp>
#include <tidings/receiver.hpp>

#include <boost/asio/system_executor.hpp>

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

receiver::executor_type receiver::get_executor() const noexcept {
    return state_ ? state_->executor() : net::any_io_executor(net::system_executor());
}

void receiver::start(const std::shared_ptr<detail::receiver_subscription>& s, std::size_t max,
                     detail::receive_handler handler) {
    if (s)
        s->start(max, std::move(handler));
    else
        std::move(handler)(make_error_code(errc::closed), std::vector<event_ptr>());
}

}  // namespace tidings
