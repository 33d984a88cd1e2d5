// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/impl/endpoint_subscriber.hpp>

namespace tidings::webhook::detail {

outcome endpoint_subscriber::deliver(const event_ptr& e) noexcept {
    return endpoint_->deliver(e, place_);
}

void endpoint_subscriber::start_deliver(event_ptr e, deliver_handler handler) {
    endpoint_->start_deliver(e, std::move(handler), place_);
}

void endpoint_subscriber::start_locate(std::string_view pattern, position here, locate_handler h) {
    place_ = endpoint_->locate(pattern, std::move(here), false, std::move(h));
}

void endpoint_subscriber::on_unsubscribed(error_code) noexcept {
    if (place_) endpoint_->leave(place_);
}

}  // namespace tidings::webhook::detail
