// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/bus_explain.hpp>
#include <tidings/bus/impl/group/group_seat.hpp>
#include <tidings/bus/impl/subscription/target_subscription.hpp>

namespace tidings::detail {

namespace {

// Of a history of the user's it is not known.
std::string rule_of(const history_options& kept, std::string_view topic) {
    if (kept.implementation) return {};
    for (const auto& rule : kept.rules)
        if (topic_matches(rule.pattern, topic)) return rule.pattern;
    return ">";
}

// Some subscribers ask a filter of their own behind the bus's.
std::string filter_of(const bus_members::standing& s) {
    auto filter = s.filter;
    if (const auto* target = dynamic_cast<const target_subscription*>(s.state.get())) {
        auto own = target->filter_of_subscriber();
        if (!own.empty())
            filter = filter.empty() ? own : event_filter::all({std::move(filter), std::move(own)});
    }
    return filter.empty() ? std::string() : filter.json();
}

explained_subscription explain(const bus_members::standing& s) {
    explained_subscription made{.pattern = s.pattern, .kind = subscription_kind::stream};
    made.filter = filter_of(s);
    if (!s.state) return made;
    made.counters = s.state->counters();
    if (const auto* seat = s.state->seat()) made.group = seat->group().name();
    if (dynamic_cast<const immediate_subscription*>(s.state.get()) != nullptr)
        made.kind = subscription_kind::immediate;
    else if (dynamic_cast<const callback_subscription*>(s.state.get()) != nullptr)
        made.kind = subscription_kind::callback;
    else if (dynamic_cast<const receiver_subscription*>(s.state.get()) != nullptr)
        made.kind = subscription_kind::receiver;
    else
        made.kind = subscription_kind::subscriber;
    if (const auto* queue = dynamic_cast<const queue_subscription*>(s.state.get()))
        made.full = queue->full();
    return made;
}

}  // namespace

explanation explain(const bus_state& bus, std::string_view topic) {
    explanation made{.topic = std::string(topic), .refused = check_topic(topic)};
    if (made.refused) return made;
    made.refused = bus.refusal();
    made.kept = bus.is_kept(topic);
    if (made.kept) made.kept_by = rule_of(bus.options().history, topic);
    made.standing = bus.subscriptions();
    // Their counters may take the bus's mutex.
    for (const auto& s : bus.standing_under(topic)) made.subscriptions.push_back(explain(s));
    return made;
}

}  // namespace tidings::detail
