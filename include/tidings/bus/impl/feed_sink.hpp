// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>
#include <tidings/event_ptr.hpp>
#include <tidings/lane/impl/delivery_join.hpp>
#include <tidings/subscriber.hpp>

#include <cstdint>
#include <memory>

namespace tidings::detail {

class subscription_state;

/// Where a feed's events go: a connection, a queue, a plain subscriber. Called in the feed's lane.
class feed_sink {
 public:
    virtual ~feed_sink() = default;
    /// Whether it takes an event now. Once it does again after it did not, it calls `feed::pump`.
    virtual bool ready() noexcept = 0;
    virtual void push(const event_ptr& e) noexcept = 0;
    virtual void push_joined(const event_ptr& e, std::shared_ptr<delivery_join> join) noexcept {
        push(e);
        join->finished({}, outcome::queued);
    }
    /// The subscription that it belongs to; null: a stream's.
    virtual std::shared_ptr<subscription_state> owner() noexcept { return {}; }
    /// Whether it says where it begins, and where: see `subscriber`.
    virtual bool keeps_place() const noexcept { return false; }
    virtual void locate(std::string_view /*pattern*/, const position& here, locate_handler h) {
        std::move(h)(error_code(), here);
    }
    /// Of one that says where it begins: an event up to here matched, and is not for it, so that it
    /// was not pushed.
    virtual void on_passed(const position& /*at*/) noexcept {}
    /// Everything that is retained was pushed; what follows was published since it began.
    virtual void on_retained_end() noexcept {}
    /// So many events for it are gone.
    virtual void on_dropped(std::uint64_t /*count*/) noexcept {}
    /// The feed ended by itself: errc::lagging, errc::history_failed, errc::closed (bus).
    virtual void on_feed_end(error_code why) noexcept = 0;
};

}  // namespace tidings::detail
