// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/subscription/filtering_subscriber.hpp>
#include <tidings/bus/impl/subscription/passing_subscriber.hpp>
#include <tidings/rest_hook/impl/hook_outlet.hpp>
#include <tidings/rest_hook/impl/hook_placing.hpp>
#include <tidings/subscriber.hpp>

#include <atomic>
#include <memory>
#include <string>

namespace tidings::rest_hook::detail {

/// The place of one pattern of a subscription on a bus. It goes on after a restart where it was, as
/// that of a webhook endpoint does; one that this process has known not to be there begins anew.
class hook_subscriber final : public subscriber,
                              public tidings::detail::filtering_subscriber,
                              public tidings::detail::passing_subscriber {
 public:
    /// @param anew what was published before is not for it
    hook_subscriber(std::shared_ptr<hook_outlet> to, std::string pattern, bool anew,
                    origin_id origin, std::shared_ptr<hook_placing> placing) noexcept
        : outlet_(std::move(to)),
          pattern_(std::move(pattern)),
          anew_(anew),
          origin_(origin),
          placing_(std::move(placing)) {}

    const std::string& pattern() const noexcept { return pattern_; }
    /// It was subscribed: unless the bus goes on to ask where it begins, its place is done.
    void begun() noexcept;

    outcome deliver(const event_ptr& e) noexcept override;
    origin_id origin() const noexcept override { return origin_; }
    event_filter filter() const override { return outlet_->filter(); }
    bool keeps_place() const noexcept override;
    void start_locate(std::string_view pattern, position here, locate_handler h) override;
    void on_passed(const position& at) noexcept override;
    void on_unsubscribed(error_code why) noexcept override;

 private:
    void start_deliver(event_ptr e, deliver_handler handler) override;
    net::any_io_executor default_executor() const noexcept override;

    const std::shared_ptr<hook_outlet> outlet_;
    const std::string pattern_;
    const bool anew_;
    const origin_id origin_;
    mutable std::atomic<bool> is_asked_{false};  // a bus will ask for the place
    hook_placing::share placing_;
    webhook::detail::place_ptr place_;  // null: no bus has asked
};

}  // namespace tidings::rest_hook::detail
