// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/retained_store.hpp>
#include <tidings/control_event.hpp>
#include <tidings/impl/matches_any.hpp>
#include <tidings/topic.hpp>

#include <algorithm>
#include <new>
#include <stdexcept>
#include <utility>

namespace tidings::detail {

namespace {

bool removes_value(const publication& p) noexcept {
    if (p.has_data()) return false;
    const auto* retain = p.extension(retain_extension);
    if (retain == nullptr) return false;
    if (const auto* text = std::get_if<std::string>(retain)) return *text == "false";
    const auto* flag = std::get_if<bool>(retain);
    return flag != nullptr && !*flag;
}

}  // namespace

retained_store::retained_store(std::vector<retained_rule> rules) {
    for (auto& rule : rules) {
        if (check_pattern(rule.pattern))
            throw std::invalid_argument("tidings::bus: retained rule is not a pattern: " +
                                        rule.pattern);
        rings_.push_back({std::move(rule)});
    }
}

retained_store::~retained_store() {
    for (auto& r : rings_)
        for (const auto& [number, v] : r.by_number) delete v;
}

const retained_store::ring* retained_store::ring_of(std::string_view topic) const noexcept {
    if (is_control(topic)) return nullptr;
    for (const auto& r : rings_)
        if (topic_matches(r.rule.pattern, topic)) return r.rule.max_topics != 0 ? &r : nullptr;
    return nullptr;
}

void retained_store::note(const event_ptr& e, retired_list& gone) noexcept {
    auto* r = const_cast<ring*>(ring_of(e->topic()));
    if (r == nullptr) return;
    ++newest_;
    const bool removes = removes_value(*e);
    bool kept = false;
    try {
        if (!removes && e->footprint() <= r->rule.max_bytes) {
            keep(*r, e, gone);
            kept = true;
        }
    } catch (const std::bad_alloc&) {
    }
    if (!kept) forget(e->topic(), gone);
    if (!kept && !removes) ++evicted_;
}

// A value that is replaced passes its places on, so that only the first of a topic needs new ones.
void retained_store::keep(ring& r, const event_ptr& e, retired_list& gone) {
    auto fresh = std::make_unique<value>(e, newest_);
    auto known = by_topic_.find(e->topic());
    if (known == by_topic_.end()) {
        const auto place = r.by_number.emplace(newest_, fresh.get()).first;
        try {
            by_topic_.emplace(e->topic(), place);
        } catch (...) {
            r.by_number.erase(place);
            throw;
        }
    } else {
        auto by_topic = by_topic_.extract(known);
        auto by_number = r.by_number.extract(by_topic.mapped());
        r.bytes -= by_number.mapped()->event->footprint();
        gone.push(*by_number.mapped());
        by_number.key() = newest_;
        by_number.mapped() = fresh.get();
        by_topic.key() = e->topic();
        by_topic.mapped() = r.by_number.insert(std::move(by_number)).position;
        by_topic_.insert(std::move(by_topic));
    }
    fresh.release();
    r.bytes += e->footprint();
    shrink(r, gone);
}

void retained_store::shrink(ring& r, retired_list& gone) noexcept {
    while (r.by_number.size() > r.rule.max_topics || r.bytes > r.rule.max_bytes) {
        bury(r, r.by_number.begin(), gone);
        ++evicted_;
    }
}

void retained_store::bury(ring& r, ring_place at, retired_list& gone) noexcept {
    auto& v = *at->second;
    by_topic_.erase(v.event->topic());
    r.by_number.erase(at);
    r.bytes -= v.event->footprint();
    gone.push(v);
}

bool retained_store::forget(std::string_view topic, retired_list& gone) noexcept {
    const auto known = by_topic_.find(topic);
    if (known == by_topic_.end()) return false;
    bury(*const_cast<ring*>(ring_of(topic)), known->second, gone);
    return true;
}

retained_store::slice retained_store::read(const std::vector<std::string>& patterns,
                                           std::uint64_t after, std::uint64_t through,
                                           std::size_t max) {
    if (std::all_of(patterns.begin(), patterns.end(),
                    [](const auto& p) { return is_literal_pattern(p); }))
        return read_literal(patterns, after, through, max);
    std::vector<std::pair<ring_place, ring_place>> ways;  // what of each ring is still to come
    for (auto& r : rings_)
        ways.emplace_back(r.by_number.upper_bound(after), r.by_number.upper_bound(through));
    slice s;
    s.next = after;
    for (std::size_t scanned = 0; scanned < max_scanned && s.values.size() < max; ++scanned) {
        auto* first = static_cast<std::pair<ring_place, ring_place>*>(nullptr);
        for (auto& way : ways)
            if (way.first != way.second && (!first || way.first->first < first->first->first))
                first = &way;
        if (first == nullptr) {
            s.next = through;
            return s;
        }
        auto* v = first->first++->second;
        s.next = v->number;
        if (matches_any(patterns, v->event->topic())) s.values.push_back(v);
    }
    return s;
}

// There are few patterns, and each is one topic.
retained_store::slice retained_store::read_literal(const std::vector<std::string>& topics,
                                                   std::uint64_t after, std::uint64_t through,
                                                   std::size_t max) {
    slice s;
    s.next = through;
    for (const auto& topic : topics) {
        const auto known = by_topic_.find(topic);
        if (known == by_topic_.end()) continue;
        auto* v = known->second->second;
        if (v->number > after && v->number <= through) s.values.push_back(v);
    }
    std::sort(s.values.begin(), s.values.end(),
              [](const value* a, const value* b) { return a->number < b->number; });
    s.values.erase(std::unique(s.values.begin(), s.values.end()), s.values.end());
    if (s.values.size() > max) {
        s.values.resize(max);
        s.next = s.values.back()->number;
    }
    return s;
}

retained_counters retained_store::counters() const noexcept {
    retained_counters c{.topics = by_topic_.size(), .bytes = 0, .evicted = evicted_};
    for (const auto& r : rings_) c.bytes += r.bytes;
    return c;
}

}  // namespace tidings::detail
