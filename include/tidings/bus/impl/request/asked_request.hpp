// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/request/pending_request.hpp>
#include <tidings/bus/impl/subscription/responder_subscription.hpp>
#include <tidings/io/clock.hpp>

#include <memory>
#include <utility>

namespace tidings::detail {

/// A request in the hands of a responder, until its `reply` and the call that brought it are gone.
class asked_request {
 public:
    asked_request(std::shared_ptr<pending_request> r, std::shared_ptr<responder_subscription> by,
                  io::clock& clock) noexcept
        : request_(std::move(r)),
          responder_(std::move(by)),
          clock_(clock) {}
    asked_request(const asked_request&) = delete;
    asked_request& operator=(const asked_request&) = delete;
    ~asked_request() {
        request_->complete(errc::unanswered);
        responder_->answered();
    }

    bool is_wanted() const noexcept { return request_->waits(); }
    error_code send(event&& e) noexcept;
    error_code refuse(error_code why) noexcept {
        return request_->complete(why) ? error_code() : error_code(errc::closed);
    }

 private:
    const std::shared_ptr<pending_request> request_;
    const std::shared_ptr<responder_subscription> responder_;
    io::clock& clock_;
};

}  // namespace tidings::detail
