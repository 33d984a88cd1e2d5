// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/cloudevents_json.hpp>
#include <tidings/control_event.hpp>
#include <tidings/topic_rule.hpp>

#include <new>

namespace tidings::detail {

/// What every inlet does with an event that came over a wire: finds its topic, counts the hop,
/// marks the origin.
class inlet {
 public:
    /// @param client names the client in `publication_info::inlet`; 0: no client
    inlet(topic_rule rule, origin_id origin, origin_id client = 0)
        : rule_(std::move(rule)),
          origin_(origin),
          client_(client) {}

    origin_id origin() const noexcept { return origin_; }

    /// The topic the event will have. @error as `topic_rule::resolve`
    std::string topic_of(const wire_event& e, error_code& ec) const {
        return rule_.resolve(e.event, e.topic, ec);
    }

    /// The publication to deliver under a topic from `topic_of`.
    /// @error errc::hop_limit, as `publication::make`
    event_ptr make(std::string_view topic, wire_event&& e, error_code& ec) const {
        return make(topic, std::move(e), nullptr, ec);
    }

    /// What a client makes of an event that its server sent. A control event, and an operational
    /// one, keeps its topic, which must be its type.
    /// @error as `topic_of` and `make`; the result is null then
    event_ptr take(wire_event&& e, position remote, error_code& ec) const {
        const bool of_library = is_given_by_library(e.topic);
        const auto topic = of_library ? e.topic : topic_of(e, ec);
        if (ec) return {};
        try {
            return make(topic, std::move(e), new remote_origin(std::move(remote), client_), ec);
        } catch (const std::bad_alloc&) {
            ec = errc::out_of_memory;
            return {};
        }
    }

 private:
    event_ptr make(std::string_view topic, wire_event&& e,
                   boost::intrusive_ptr<const remote_origin> remote, error_code& ec) const {
        publication_info info;
        info.origin = origin_;
        info.hops = e.hops + 1;
        info.remote = std::move(remote);
        if (info.hops > max_hops) {
            ec = errc::hop_limit;
            return {};
        }
        return publication::make(topic, std::move(e.event), std::move(info), ec);
    }

    topic_rule rule_;
    origin_id origin_;
    origin_id client_;
};

}  // namespace tidings::detail
