// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/inlet/impl/client_url.hpp>
#include <tidings/inlet/impl/closed_outlet.hpp>
#include <tidings/websocket/impl/client_state.hpp>

namespace tidings::websocket {

namespace {

std::shared_ptr<detail::client_state> start_client(const net::any_io_executor& executor,
                                                   client_options options,
                                                   std::shared_ptr<subscriber> sink) {
    tidings::detail::check_client("tidings::websocket::client", options.url, "ws", options.topics);
    auto state =
        std::make_shared<detail::client_state>(executor, std::move(options), std::move(sink));
    state->start();
    return state;
}

}  // namespace

client::client(net::any_io_executor executor, client_options options, any_subscriber sink)
    : state_(start_client(executor, std::move(options), std::move(sink).release())) {}

client::client(net::any_io_executor executor, client_options options)
    : state_(start_client(executor, std::move(options), nullptr)) {}

client& client::operator=(client&& o) noexcept {
    if (this != &o) {
        if (state_) state_->release();
        state_ = std::move(o.state_);
    }
    return *this;
}

client::~client() {
    if (state_) state_->release();
}

void client::stop() noexcept {
    if (state_) state_->stop();
}

position client::last_position() const {
    return state_ ? state_->last_position() : position();
}
session_ptr client::connection() const {
    return state_ ? state_->current() : nullptr;
}
std::shared_ptr<subscriber> client::as_subscriber() const noexcept {
    if (!state_) return tidings::detail::closed_outlet::get();
    return state_;
}

}  // namespace tidings::websocket
