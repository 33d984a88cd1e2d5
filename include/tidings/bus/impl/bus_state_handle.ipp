// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/bus_state.hpp>
#include <tidings/bus/impl/dispatch.hpp>

#include <algorithm>
#include <array>
#include <functional>

namespace tidings::detail {

// Topic handles.

std::shared_ptr<topic_route> bus_state::make_route(std::string_view topic) {
    const bool kept = is_kept(topic);
    return std::make_shared<topic_route>(std::string(topic), make_origin(), kept,
                                         !kept && !notes(topic));
}

event_ptr bus_state::prepare(const topic_route& to, event&& e, error_code& ec) noexcept {
    ec = {};
    auto made = make(to.topic, ec, std::move(e));
    if (made) publication_maker::mark_prepared(made, to.id);
    return made;
}

// What only immediate callbacks get needs no lock: those of the patterns that the route knows are
// called. False: there are too many.
bool bus_state::walk_directly(const route_match& match, const event_ptr& e, reader_record& here,
                              receipt& r) noexcept {
    few_walks walks;
    for (auto* entry : match.entries)
        if (!walks.add(entry->immediates)) return false;
    const depth_guard depth(here);
    walks.announce_all(here, walker_of(here));
    r.matched = r.delivered = walks.walk_all(e, here, options_.log);
    return true;
}

namespace {

/// Keeps the lists of a few patterns as they are.
class held_lists {
 public:
    static constexpr std::size_t capacity = 8;

    explicit held_lists(const std::vector<pattern_entry*>& entries) noexcept
        : size_(entries.size()) {
        for (std::size_t i = 0; i < size_; ++i) entries_[i] = entries[i];
        if (size_ > 1) std::sort(entries_.begin(), entries_.begin() + size_, std::less<>());
        for (std::size_t i = 0; i < size_; ++i) entries_[i]->lists_mutex.lock();
    }
    ~held_lists() {
        for (std::size_t i = 0; i < size_; ++i) entries_[i]->lists_mutex.unlock();
    }
    held_lists(const held_lists&) = delete;

 private:
    const std::size_t size_;
    std::array<pattern_entry*, capacity> entries_;  // not initialised beyond that
};

}  // namespace

// What no history orders: publishers of other topics wait only for what both have in common.
// False: nothing, or too much, matches, or the route is not current any more once the lists are
// held.
bool bus_state::hand_directly(const topic_route& route, const route_match& match,
                              const event_ptr& e, dispatch& d, reader_record& here) noexcept {
    if (match.entries.empty() || match.entries.size() > held_lists::capacity) return false;
    const held_lists held(match.entries);
    if (current(route) != &match) [[unlikely]]
        return false;
    d.event = &e;
    d.inbox = options_.inbox;
    d.hand_to(match.entries, here, lane_);
    match.entries.front()->note_handed();  // last: what is counted is in the queues
    return true;
}

void bus_state::publish_again(topic_route& route, const event_ptr& e, receipt& r) {
    if (e->prepared_for() == route.id && route.direct)
        publish_frozen(e, no_join, &route, r);
    else
        r = publish(destination(route), e);
}

void bus_state::publish(topic_route& route, event&& e, receipt& r) {
    const auto made = maker_.make(route.topic, std::move(e), r.error);
    if (!made) {
        show_refused(route.topic, r.error);
        return;
    }
    auto* here = route.direct ? reclaimer::here_if_any() : nullptr;
    if (here == nullptr || !walk_only(route, made, *here, r))
        publish_frozen(made, no_join, &route, r);
}

}  // namespace tidings::detail
