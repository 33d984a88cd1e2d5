// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/outbox.hpp>
#include <tidings/webhook/impl/endpoint_target.hpp>

#include <memory>

namespace tidings::webhook::detail {

class sender_state;

/// One endpoint as a subscriber: what it takes goes into the outbox. Safe from any thread.
class endpoint_state final : public subscriber {
 public:
    endpoint_state(std::shared_ptr<sender_state> sender,
                   std::shared_ptr<endpoint_target> target) noexcept;
    /// What it took is still owed: the sender has the target.
    ~endpoint_state() override;

    bool active() const noexcept { return target_->active(); }
    void close() noexcept { target_->close(); }
    error_code disabled() const noexcept { return target_->disabled(); }
    void enable();
    endpoint_counters counters() const noexcept { return target_->counters(); }

    outcome deliver(const event_ptr& e) noexcept override;
    origin_id origin() const noexcept override { return target_->options().origin; }

 private:
    void start_deliver(event_ptr e, deliver_handler handler) override;
    net::any_io_executor default_executor() const noexcept override;
    error_code make_entry(const event_ptr& e, store::outbox_entry& out) const;

    const std::shared_ptr<sender_state> sender_;
    const std::shared_ptr<endpoint_target> target_;
};

}  // namespace tidings::webhook::detail
