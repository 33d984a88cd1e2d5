// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/inlet/impl/client_url.hpp>
#include <tidings/inlet/impl/closed_outlet.hpp>
#include <tidings/rest/impl/client_state.hpp>

#include <boost/asio/system_executor.hpp>

#include <stdexcept>

namespace tidings::rest {

namespace {

std::shared_ptr<detail::client_state> make_client(const net::any_io_executor& executor,
                                                  client_options options,
                                                  std::shared_ptr<subscriber> sink) {
    tidings::detail::check_client("tidings::rest::client", options.url, "http", options.topics);
    if (options.url.find('?') != std::string::npos)
        throw std::invalid_argument("tidings::rest::client: a URL without a query is wanted: " +
                                    tidings::detail::loggable_url(options.url));
    if (sink && options.topics.empty())
        throw std::invalid_argument("tidings::rest::client: no topics to read");
    while (options.url.ends_with('/')) options.url.pop_back();
    auto state =
        std::make_shared<detail::client_state>(executor, std::move(options), std::move(sink));
    tidings::detail::watch_context(executor, state);
    return state;
}

}  // namespace

client::client(net::any_io_executor executor, client_options options)
    : state_(make_client(executor, std::move(options), nullptr)) {}

client::client(net::any_io_executor executor, client_options options, any_subscriber sink)
    : state_(make_client(executor, std::move(options), std::move(sink).release())) {}

client& client::operator=(client&& o) noexcept {
    if (this != &o) {
        stop();
        state_ = std::move(o.state_);
    }
    return *this;
}

client::~client() {
    stop();
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

std::shared_ptr<subscriber> client::as_subscriber() noexcept {
    if (!state_) return tidings::detail::closed_outlet::get();
    return state_;
}
std::optional<position> client::last_position() const {
    const auto reached = state_ ? state_->reached() : std::nullopt;
    if (!reached) return std::nullopt;
    error_code ec;
    return position::parse(*reached, ec);
}
origin_id client::id() const noexcept {
    return state_ ? state_->origin() : 0;
}
client_counters client::counters() const noexcept {
    return state_ ? state_->counters() : client_counters();
}

client::executor_type client::get_executor() const noexcept {
    return state_ ? state_->executor() : net::any_io_executor(net::system_executor());
}

void client::start_publish(const std::shared_ptr<detail::client_state>& state, std::string topic,
                           event e, detail::publish_handler h) {
    if (!state) return std::move(h)(make_error_code(errc::closed), receipt{.error = errc::closed});
    state->publish(topic, std::move(e), std::move(h));
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

}  // namespace tidings::rest
