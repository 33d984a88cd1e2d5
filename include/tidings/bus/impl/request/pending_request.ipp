// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/request/pending_request.hpp>
#include <tidings/bus/impl/request/request_desk.hpp>

#include <boost/asio/error.hpp>

#include <utility>

namespace tidings::detail {

pending_request::pending_request(std::shared_ptr<lane> home, std::weak_ptr<request_desk> desk,
                                 request_handler handler)
    : lane_(std::move(home)),
      desk_(std::move(desk)),
      deadline_([this] { complete(errc::timed_out); }),
      handler_(std::move(handler)) {}

void pending_request::start(std::chrono::milliseconds timeout) {
    {
        const std::lock_guard lock(mutex_);
        if (!handler_) return;
        started_ = true;
        if (auto slot = handler_.cancellation_slot(); slot.is_connected())
            slot.assign([weak = weak_from_this()](net::cancellation_type) {
                if (const auto self = weak.lock()) self->complete(net::error::operation_aborted);
            });
    }
    lane_->post([self = shared_from_this(), timeout] {
        if (self->waits()) self->deadline_.arm(self->lane_->timers(), timeout);
    });
}

// Null where it is complete. What was started has, or may have, a timer: the lane takes that away.
request_handler pending_request::take_handler() noexcept {
    const std::lock_guard lock(mutex_);
    if (handler_ && started_) posted_ = shared_from_this();
    return std::move(handler_);
}

bool pending_request::complete(error_code ec, event_ptr answer) noexcept {
    const auto keep = shared_from_this();
    auto handler = take_handler();
    if (!handler) return false;
    if (const auto desk = desk_.lock()) desk->close(*this);
    if (posted_) lane_->post(*this);
    std::move(handler)(ec, std::move(answer));
    return true;
}

void pending_request::abandon() noexcept {
    request_handler dropped;  // goes after the lock
    const std::lock_guard lock(mutex_);
    dropped = std::move(handler_);
}

}  // namespace tidings::detail
