// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/cloudevents_json.hpp>
#include <tidings/control_event.hpp>
#include <tidings/log.hpp>
#include <tidings/subscriber.hpp>
#include <tidings/topic_rule.hpp>

namespace tidings::detail {

/// What every inlet does with an event that came over a wire: finds its topic, counts the hop,
/// marks the origin.
class inlet {
 public:
    inlet(topic_rule rule, origin_id origin) : rule_(std::move(rule)), origin_(origin) {}

    origin_id origin() const noexcept { return origin_; }

    /// The topic the event will have. @error as `topic_rule::resolve`
    std::string topic_of(const wire_event& e, error_code& ec) const {
        return rule_.resolve(e.event, e.topic, ec);
    }

    /// The publication to deliver under a topic from `topic_of`.
    /// @error errc::hop_limit, what `event::check` reports, errc::out_of_memory
    event_ptr make(std::string_view topic, wire_event&& e, error_code& ec) const {
        publication_info info;
        info.origin = origin_;
        info.hops = e.hops + 1;
        if (info.hops > max_hops) {
            ec = errc::hop_limit;
            return {};
        }
        return publication::make(topic, std::move(e.event), std::move(info), ec);
    }

    /// Takes an event that a peer we chose sent, and delivers it. A control event keeps its topic.
    /// @error as `topic_of` and `make`; nothing was delivered then; as `hand_over`
    error_code take(wire_event&& e, subscriber& to, const log_sink& log,
                    std::string_view module) const {
        error_code ec;
        const auto topic = is_control(e.topic) ? e.topic : topic_of(e, ec);
        event_ptr p;
        if (!ec) p = make(topic, std::move(e), ec);
        if (!ec) ec = hand_over(to, p, log, module);
        return ec;
    }

    /// Delivers without an answer to the sender: an event that is not accepted is logged.
    /// @error errc::closed: the subscriber takes no more
    static error_code hand_over(subscriber& to, const event_ptr& e, const log_sink& log,
                                std::string_view module) noexcept {
        const auto o = to.deliver(e);
        const error_code ec = o == outcome::closed ? make_error_code(errc::closed) : error_code();
        if ((o == outcome::dropped || ec) && log)
            log({log_level::warning, module, "event dropped by its subscriber", ec});
        return ec;
    }
    /// Whether an event that could not be taken would be taken when it came again, to this sink or
    /// to the next one: its position must not be passed.
    static bool may_come_again(error_code ec) noexcept {
        return ec == errc::closed || ec == errc::out_of_memory;
    }

 private:
    topic_rule rule_;
    origin_id origin_;
};

}  // namespace tidings::detail
