// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/url.hpp>
#include <tidings/rest_hook/client.hpp>
#include <tidings/rest_hook/impl/client_state.hpp>

#include <boost/asio/system_executor.hpp>

#include <stdexcept>

namespace tidings::rest_hook {

client::client(net::any_io_executor executor, client_options options) {
    error_code ec;
    const auto u = http::url::parse(options.api_url, ec);
    if (ec || (u.scheme != "http" && u.scheme != "https") ||
        u.target.find('?') != std::string::npos)
        throw std::invalid_argument("tidings::rest_hook::client: not an http or https URL: " +
                                    u.text());
    while (options.api_url.ends_with('/')) options.api_url.pop_back();
    state_ = std::make_shared<detail::client_state>(std::move(executor), std::move(options));
}

std::string client::id() const {
    return state_ ? state_->id() : std::string();
}

std::function<bool(const http::request&)> client::intent() const {
    return [weak = std::weak_ptr(state_)](const http::request& r) {
        const auto state = weak.lock();
        const auto id = state ? state->id() : std::string();
        return !id.empty() && r.fields.get("x-hook-subscription") == id;
    };
}

client::executor_type client::get_executor() const noexcept {
    return state_ ? state_->executor() : net::any_io_executor(net::system_executor());
}

void client::start_subscribe(const std::shared_ptr<detail::client_state>& s,
                             detail::subscribe_handler h) {
    if (!s) return std::move(h)(make_error_code(errc::closed), registration());
    s->subscribe(std::move(h));
}

void client::start_unsubscribe(const std::shared_ptr<detail::client_state>& s,
                               detail::unsubscribe_handler h) {
    if (!s) return std::move(h)(make_error_code(errc::closed));
    s->unsubscribe(std::move(h));
}

}  // namespace tidings::rest_hook
