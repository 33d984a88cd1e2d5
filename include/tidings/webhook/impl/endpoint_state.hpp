// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/outbox.hpp>
#include <tidings/webhook/impl/endpoint_target.hpp>
#include <tidings/webhook/impl/place_book.hpp>
#include <tidings/webhook/replay.hpp>

#include <memory>

namespace tidings::webhook::detail {

class sender_state;

/// One endpoint: what it takes goes into the outbox. Safe from any thread.
class endpoint_state : public std::enable_shared_from_this<endpoint_state> {
 public:
    endpoint_state(std::shared_ptr<sender_state> sender,
                   std::shared_ptr<endpoint_target> target) noexcept;
    /// What it took is still owed: the sender has the target.
    ~endpoint_state();
    endpoint_state(const endpoint_state&) = delete;
    endpoint_state& operator=(const endpoint_state&) = delete;

    bool active() const noexcept { return target_->active(); }
    void close() noexcept;
    /// As `sender_state::withdraw`.
    void withdraw() noexcept;
    error_code disabled() const noexcept { return target_->disabled(); }
    void enable();
    error_code consent() const noexcept { return target_->consent(); }
    void grant(std::optional<std::uint32_t> per_minute);
    endpoint_counters counters() const noexcept { return target_->counters(); }

    /// @param at the subscription that brings the event; null: none that has a place
    outcome deliver(const event_ptr& e, const place_ptr& at) noexcept;
    void start_deliver(const event_ptr& e, deliver_handler handler, const place_ptr& at);
    /// One more delivery, whatever became of others. `done` in the lane, unless there is an error.
    /// @error errc::closed, errc::webhook_disabled, as making its body
    error_code send_again(const event_ptr& e, const std::string& id_suffix,
                          unique_function<void(error_code)> done);
    /// As `endpoint::async_replay`.
    void replay(replay_range range, completion_handler<error_code, replayed> h);
    const std::shared_ptr<tidings::detail::lane>& home() const noexcept;
    bool declines(const event_ptr& e) const noexcept;
    origin_id origin() const noexcept { return target_->terms().origin; }
    net::any_io_executor executor() const noexcept;
    bool keeps_place() const noexcept;
    /// @param anew wherever the place of this pattern was before, it begins at `here`
    place_ptr locate(std::string_view pattern, position here, bool anew, locate_handler h);
    void leave(const place_ptr& p) noexcept;
    /// What stands there was not for the subscription of this place. Null, none: there is none.
    void pass(const place_ptr& p, const std::optional<position>& at) noexcept;
    /// As `sender_state::store_passed`.
    void store_passed(unique_function<void(error_code)> done);

 private:
    void take_signal(const event_ptr& e, const place_ptr& at) noexcept;
    /// Whether it is what a sender says of this endpoint, which would feed itself with that.
    bool is_about_itself(const event_ptr& e) const;
    void pass_refused(const place_ptr& p, const event_ptr& e, error_code ec) noexcept;
    error_code make_entry(const event_ptr& e, store::outbox_entry& out) const;

    const std::shared_ptr<sender_state> sender_;
    const std::shared_ptr<endpoint_target> target_;
};

}  // namespace tidings::webhook::detail
