// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/impl/sender_state.hpp>
#include <tidings/webhook/sender.hpp>

namespace tidings::webhook {

sender::sender(net::any_io_executor executor, sender_options options)
    : state_(std::make_shared<detail::sender_state>(std::move(executor), std::move(options))) {}

sender& sender::operator=(sender&& o) noexcept {
    if (this != &o) {
        if (state_) state_->stop();
        state_ = std::move(o.state_);
    }
    return *this;
}

sender::~sender() {
    if (state_) state_->stop();
}

webhook::endpoint sender::endpoint(endpoint_options options, error_code& ec) {
    if (state_) return webhook::endpoint(state_->add(std::move(options), ec));
    ec = errc::closed;
    return webhook::endpoint(nullptr);
}

webhook::endpoint sender::endpoint(endpoint_options options) {
    error_code ec;
    const auto label = detail::origin_of(options.url);
    auto result = endpoint(std::move(options), ec);
    if (ec) throw boost::system::system_error(ec, "tidings: webhook endpoint " + label);
    return result;
}

std::shared_ptr<tidings::detail::drainable> sender::drain_state() const {
    return state_;
}
std::size_t sender::in_flight() const noexcept {
    return state_ ? state_->in_flight() : 0;
}

}  // namespace tidings::webhook
