// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/closing_handle.hpp>
#include <tidings/rest_hook/impl/subscriber_receiver.hpp>
#include <tidings/rest_hook/impl/subscriber_state.hpp>
#include <tidings/rest_hook/subscriber_client.hpp>

#include <boost/asio/system_executor.hpp>

#include <stdexcept>

namespace tidings::rest_hook {

subscriber_client::subscriber_client(net::any_io_executor executor, any_subscriber sink,
                                     subscriber_client_options options) {
    detail::check(options);
    if (!sink.get())
        throw std::invalid_argument("tidings::rest_hook::subscriber_client: no subscriber");
    while (options.api_url.ends_with('/')) options.api_url.pop_back();
    while (options.public_url.ends_with('/')) options.public_url.pop_back();
    // What the receiver refuses is refused here.
    webhook::receiver(sink.get(), detail::receiver_of(options, options.secret.empty()
                                                                   ? "whsec_" + std::string(32, 'A')
                                                                   : options.secret));
    auto lane = tidings::detail::lane::make(executor, *options.environment.clock);
    auto state = lane->make_resident<detail::subscriber_state>(lane, std::move(sink).release(),
                                                               std::move(options));
    tidings::detail::watch_context(executor, state);
    state_ = tidings::detail::closing_handle(std::move(state));
}

subscriber_client::executor_type subscriber_client::get_executor() const noexcept {
    return state_ ? state_->executor() : net::any_io_executor(net::system_executor());
}

void subscriber_client::start() {
    if (state_) state_->start();
}

subscriber_status subscriber_client::status() const {
    return state_ ? state_->status() : subscriber_status{.error = errc::closed};
}

void subscriber_client::start_stop(const std::shared_ptr<detail::subscriber_state>& s,
                                   std::optional<stop_action> how, detail::stop_handler h) {
    if (!s) return std::move(h)(make_error_code(errc::closed));
    s->stop(how, std::move(h));
}

void subscriber_client::admit(http::exchange& x) {
    if (state_) state_->door().admit(x);
}
void subscriber_client::handle(http::exchange& x) {
    if (state_) return state_->door().handle(x);
    x.respond(http::problem(503, "Closed", make_error_code(errc::closed).message()));
}
std::size_t subscriber_client::max_body_bytes() const noexcept {
    return state_ ? state_->door().max_body_bytes() : 0;
}
void subscriber_client::close() noexcept {
    if (state_) state_->close();
}

}  // namespace tidings::rest_hook
