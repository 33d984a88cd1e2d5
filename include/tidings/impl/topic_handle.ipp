// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/bus_state.hpp>
#include <tidings/topic_handle.hpp>

#include <boost/asio/system_executor.hpp>

#include <stdexcept>

namespace tidings {

const std::string& topic_handle::name() const noexcept {
    static const std::string none;
    return route_ ? route_->topic : none;
}

receipt topic_handle::publish(event e) const {
    receipt r;
    if (state_)
        state_->publish(*route_, std::move(e), r);
    else
        r.error = errc::closed;
    return r;
}

receipt topic_handle::publish(const event_ptr& e) const {
    receipt r;
    if (state_)
        state_->publish(*route_, e, r);
    else
        r.error = errc::closed;
    return r;
}

event_ptr topic_handle::prepare(event e, error_code& ec) const {
    if (state_) return state_->prepare(*route_, std::move(e), ec);
    ec = errc::closed;
    return {};
}

event_ptr topic_handle::prepare(event e) const {
    error_code ec;
    auto made = prepare(std::move(e), ec);
    if (ec) throw std::invalid_argument("tidings::topic_handle::prepare: " + ec.message());
    return made;
}

topic_handle::executor_type topic_handle::get_executor() const noexcept {
    return state_ ? state_->executor() : net::any_io_executor(net::system_executor());
}

void topic_handle::start_publish(event e, publish_handler handler) const {
    if (state_) return state_->start_publish(*route_, std::move(e), std::move(handler));
    std::move(handler)(make_error_code(errc::closed), receipt(errc::closed));
}

}  // namespace tidings
