// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/inlet/impl/client_url.hpp>
#include <tidings/sse/impl/client_state.hpp>

#include <boost/asio/system_executor.hpp>

namespace tidings::sse {

namespace {

std::shared_ptr<detail::client_state> make_client(const net::any_io_executor& executor,
                                                  client_options options,
                                                  std::shared_ptr<subscriber> sink) {
    tidings::detail::check_client("tidings::sse::client", options.url, "http", options.topics);
    auto state =
        std::make_shared<detail::client_state>(executor, std::move(options), std::move(sink));
    tidings::detail::watch_context(executor, state);
    return state;
}

}  // namespace

client::client(net::any_io_executor executor, client_options options, any_subscriber sink)
    : state_(make_client(executor, std::move(options), std::move(sink).release())) {}

client::client(net::any_io_executor executor, client_options options)
    : state_(make_client(executor, std::move(options), nullptr)) {}

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

void client::start() {
    if (state_) state_->run({});
}

void client::restart() {
    if (state_) state_->restart();
}

void client::stop() noexcept {
    if (state_) state_->stop();
}

std::string client::last_event_id() const {
    return state_ ? state_->reached() : std::string();
}
position client::last_position() const {
    error_code ec;
    return position::parse(last_event_id(), ec);
}
delivery_counters client::counters() const noexcept {
    return state_ ? state_->counters() : delivery_counters();
}
origin_id client::id() const noexcept {
    return state_ ? state_->id() : 0;
}
connection_state client::state() const noexcept {
    return state_ ? state_->state() : connection_state::stopped;
}

client::executor_type client::get_executor() const noexcept {
    return state_ ? state_->executor() : net::any_io_executor(net::system_executor());
}

std::shared_ptr<drainable> client::drain_state() const noexcept {
    return state_;
}

void client::start_drain(const std::shared_ptr<detail::client_state>& state,
                         detail::run_handler h) {
    if (!state) return std::move(h)(make_error_code(errc::closed));
    state->start_drain([h = std::move(h)](error_code ec) mutable { std::move(h)(ec); });
}

void client::start_run(const std::shared_ptr<detail::client_state>& state, detail::run_handler h) {
    if (!state) return std::move(h)(make_error_code(errc::closed));
    state->run(std::move(h));
}

}  // namespace tidings::sse
