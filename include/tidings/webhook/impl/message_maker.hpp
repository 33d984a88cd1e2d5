// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/event_ptr.hpp>
#include <tidings/store/outbox_entry.hpp>
#include <tidings/webhook/endpoint.hpp>

#include <array>
#include <memory>
#include <mutex>

namespace tidings::webhook::detail {

/// What is sent of events. The endpoints of one event, which are given it one after another, share
/// one message of each form. Safe from any thread.
class message_maker {
 public:
    using message = std::shared_ptr<const store::outbox_message>;

    /// @param now of what needs a time and has none
    /// @error errc::event_no_wire_form, errc::event_bad_data, errc::out_of_memory; null then
    message make(const event_ptr& e, body_form form, store::outbox_time now, error_code& ec);
    /// What receivers suppress repetitions by: the same on every attempt, after a restart, and from
    /// every sender of the event. Ids of different sources may be equal.
    /// @param m the event's, in any form
    /// @param scope of the endpoint; empty: endpoints share it
    std::string webhook_id(const event_ptr& e, const message& m, const std::string& scope);

 private:
    struct made {
        const publication* of = nullptr;  // alive as long as `what`, which holds it
        std::weak_ptr<const store::outbox_message> what{};
    };
    std::mutex mutex_;
    std::array<made, 5> last_;  // by form
    struct : made {
        std::string id{};
    } last_id_;  // without a scope
};

/// When the event's extension `expirytime` says that it is of no use any more.
std::optional<store::outbox_time> expiry_of(const publication& p) noexcept;

}  // namespace tidings::webhook::detail
