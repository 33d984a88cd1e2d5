// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/event_ptr.hpp>
#include <tidings/webhook/impl/endpoint_target.hpp>
#include <tidings/webhook/sender.hpp>

#include <string_view>
#include <vector>

namespace tidings::detail {
class bus_state;
}

namespace tidings::webhook::detail {

/// What a sender publishes about itself, if it is to: it is noted where it happens, and published
/// where code of the user's may run. In the sender's lane.
class operational_events {
 public:
    explicit operational_events(const operational_options& o);

    /// @param cause of an attempt that failed, besides its error
    /// @param now by the wall clock
    void note_attempt(const endpoint_target& t, const store::outbox_entry& e, const attempt& a,
                      std::string_view cause, io::system_time now);
    /// It was given up after so many attempts, the last of which had this status; 0: none.
    void note_exhausted(const endpoint_target& t, const store::outbox_entry& e,
                        std::uint32_t attempts, unsigned status, error_code why);
    void note_change(const endpoint_target& t, const endpoint_change& c);
    /// It wants nothing more.
    void note_gone(const endpoint_target& t, unsigned status);

    bool on() const noexcept { return on_; }
    bool empty() const noexcept { return noted_.empty(); }
    /// What was noted, to be published one by one.
    std::vector<event_ptr> take() noexcept { return std::exchange(noted_, {}); }
    /// The bus may refuse it. @error as `bus::publish`
    error_code publish(const event_ptr& e);

 private:
    bool are_about(const store::outbox_entry& e) const noexcept;
    void note(std::string_view topic, const endpoint_target& t, std::string data);

    const std::weak_ptr<tidings::detail::bus_state> bus_;
    const bool on_;
    const bool successes_;
    std::vector<event_ptr> noted_;
};

}  // namespace tidings::webhook::detail
