// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/subscriber.hpp>

#include <boost/asio/system_executor.hpp>

namespace tidings {

void subscriber::start_locate(std::string_view /*pattern*/, position here, locate_handler h) {
    std::move(h)(error_code(), std::move(here));
}

void subscriber::start_deliver(event_ptr e, deliver_handler handler) {
    const auto result = deliver(e);
    error_code ec;
    if (result == outcome::dropped) ec = errc::overflow;
    if (result == outcome::closed) ec = errc::closed;
    std::move(handler)(ec, result);
}

net::any_io_executor subscriber::default_executor() const noexcept {
    return detail::fallback_executor();
}

net::any_io_executor detail::fallback_executor() noexcept {
    return net::system_executor();
}

}  // namespace tidings
