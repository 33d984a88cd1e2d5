// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/client.hpp>
#include <tidings/http/impl/client/client_state.hpp>

#include <boost/asio/system_executor.hpp>

namespace tidings::http {

namespace detail {

using namespace tidings::detail;

client client_in_lane(std::shared_ptr<lane> lane, client_options options) {
    const auto executor = lane->executor();
    return client(std::make_shared<client_state>(std::move(lane), executor, std::move(options)));
}

void start_request(const client& c, const std::string& url, const request& r,
                   const request_terms& terms, response_handler h) {
    if (!c.state_) return std::move(h)(make_error_code(errc::closed), response());
    c.state_->start(url, r, *terms.body, nullptr, std::move(h), terms);
}

}  // namespace detail

client::client(std::shared_ptr<detail::client_state> s) : state_(std::move(s)) {
    tidings::detail::watch_context(state_->executor(), state_);
}

client::client(net::any_io_executor executor, client_options options)
    : client([&] {
          auto lane = tidings::detail::lane::make(executor, *options.environment.clock);
          return std::make_shared<detail::client_state>(std::move(lane), std::move(executor),
                                                        std::move(options));
      }()) {}

client& client::operator=(client&& o) noexcept {
    if (this != &o) {
        if (state_) state_->close();
        state_ = std::move(o.state_);
    }
    return *this;
}

client::~client() {
    if (state_) state_->close();
}

client::executor_type client::get_executor() const noexcept {
    return state_ ? state_->executor() : net::any_io_executor(net::system_executor());
}

void client::start_request(const std::shared_ptr<detail::client_state>& s, std::string url,
                           request r, diagnostics* detail, detail::response_handler h) {
    if (!s) return std::move(h)(make_error_code(errc::closed), response());
    s->start(url, r, r.body, detail, std::move(h));
}

}  // namespace tidings::http
