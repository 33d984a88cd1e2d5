// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/publication_watch.hpp>
#include <tidings/impl/guarded.hpp>
#include <tidings/topic.hpp>

#include <algorithm>
#include <utility>

namespace tidings::detail {

publication_watch::publication_watch(std::shared_ptr<metrics_sink> sink,
                                     const std::vector<std::string>& patterns, log_sink log)
    : sink_(std::move(sink)),
      log_(std::move(log)) {
    if (!sink_) return;
    for (const auto& p : patterns)
        families_.push_back(
            {p, find("topic_events", p), find("topic_deliveries", p), find("topic_drops", p)});
}

publication_watch::counter publication_watch::find(const char* name,
                                                   const std::string& pattern) const noexcept {
    return {name, sink_->counter(name, {{"pattern", pattern}})};
}

void publication_watch::count(const counter& c, const std::string& pattern,
                              std::uint64_t n) const noexcept {
    if (n == 0) return;
    if (c.place != nullptr)
        c.place->fetch_add(n, std::memory_order_relaxed);
    else
        sink_->count(c.name, {{"pattern", pattern}}, n);
}

void publication_watch::add(std::shared_ptr<tap_state> t) {
    const std::lock_guard lock(mutex_);
    auto longer = taps_ ? std::make_shared<tap_list>(*taps_) : std::make_shared<tap_list>();
    longer->push_back(std::move(t));
    taps_ = std::move(longer);
}

// Without memory for a shorter list the tap stays in it, and is not called any more.
bool publication_watch::remove(const tap_state& t) noexcept {
    std::shared_ptr<const tap_list> old;  // goes after this lock
    const std::lock_guard lock(mutex_);
    old = taps_;
    if (!old || (old->size() == 1 && old->front().get() == &t)) {
        taps_.reset();
        return true;
    }
    try {
        auto shorter = std::make_shared<tap_list>();
        for (const auto& other : *old)
            if (other.get() != &t) shorter->push_back(other);
        taps_ = std::move(shorter);
    } catch (const std::bad_alloc&) {
        return false;
    }
    return false;
}

void publication_watch::end(const event_ptr& e, const receipt& r) noexcept {
    for (const auto& f : families_) {
        if (!topic_matches(f.pattern, e->topic())) continue;
        count(f.published, f.pattern, 1);
        count(f.delivered, f.pattern, r.delivered + r.queued);
        count(f.dropped, f.pattern, r.dropped);
    }
    call_taps({e->topic(), e, r});
}

void publication_watch::refuse(std::string_view topic, const event_ptr& e,
                               error_code why) noexcept {
    call_taps({topic, e, receipt(why)});
}

// What a tap publishes itself is not shown to taps.
void publication_watch::call_taps(const tapped_publication& p) noexcept {
    static thread_local bool inside = false;
    if (inside) return;
    std::shared_ptr<const tap_list> taps;
    {
        const std::lock_guard lock(mutex_);
        taps = taps_;
    }
    if (!taps) return;
    const auto log = log_;  // a tap may destroy the bus, and this with it
    inside = true;
    for (const auto& t : *taps)
        if (!t->ended) guarded(log, "bus", [&] { t->function(p); });
    inside = false;
}

}  // namespace tidings::detail
