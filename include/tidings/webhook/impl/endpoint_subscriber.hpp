// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/subscription/passing_subscriber.hpp>
#include <tidings/subscriber.hpp>
#include <tidings/webhook/impl/endpoint_state.hpp>

#include <memory>

namespace tidings::webhook::detail {

/// One subscription of an endpoint. A bus asks it where to go on, so that what an outbox in a file
/// had not got when the process ended is read from the history.
class endpoint_subscriber final : public subscriber, public tidings::detail::passing_subscriber {
 public:
    explicit endpoint_subscriber(std::shared_ptr<endpoint_state> of) noexcept
        : endpoint_(std::move(of)) {}

    outcome deliver(const event_ptr& e) noexcept override;
    origin_id origin() const noexcept override { return endpoint_->origin(); }
    bool declines(const event_ptr& e) const noexcept override { return endpoint_->declines(e); }
    bool keeps_place() const noexcept override { return endpoint_->keeps_place(); }
    void start_locate(std::string_view pattern, position here, locate_handler h) override;
    void on_passed(const position& at) noexcept override { endpoint_->pass(place_, at); }
    void on_unsubscribed(error_code why) noexcept override;

 private:
    void start_deliver(event_ptr e, deliver_handler handler) override;
    net::any_io_executor default_executor() const noexcept override {
        return endpoint_->executor();
    }

    const std::shared_ptr<endpoint_state> endpoint_;
    place_ptr place_;  // null: no bus has asked
};

}  // namespace tidings::webhook::detail
