// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/hook_subscriber.hpp>
#include <tidings/rest_hook/impl/live_hook.hpp>

#include <algorithm>
#include <utility>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

namespace {

bool is_tried_again(const hook_record& h, const hook_record& before) {
    return h.resumed_at != before.resumed_at || h.target_url != before.target_url;
}

}  // namespace

hook_outlet::endpoint_ptr live_hook::endpoint() const {
    return outlet_ ? outlet_->endpoint() : nullptr;
}

hook_outlet::endpoint_ptr live_hook::make_endpoint(const hook_means& by, const hook_record& h,
                                                   std::function<void()> on_gone) {
    auto o = endpoint_options_of(h, by.options->form, error_);
    if (error_) return nullptr;
    o.origin = by.options->origin;
    o.rate = slower_of(o.rate, by.options->max_rate);
    if (h.shown_by == proof::consent && !by.options->proof.origin.empty())
        o.consent = {.origin = by.options->proof.origin, .given = true};
    o.on_gone = std::move(on_gone);
    return by.sender->add(std::move(o), error_);
}

// Of a row that was not known what it had when the process before ended goes on.
bool live_hook::is_to_have(std::string_view pattern) const {
    return revision_ == 0 || (row_.state() == hook_state::active &&
                              row_.any_topic([&](auto each) { return each == pattern; }));
}

void live_hook::begin(const hook_means& by, const hook_record& h, live_hook& before,
                      std::function<void()> on_gone) {
    const bool over = http::detail::has_expired(h.ends(), by.clock());
    // By a hub, one that is asked whether it begins again has ended.
    if (h.websub && (over || h.state == hook_state::pending)) return before.close();
    if (over) error_ = errc::forbidden;
    auto filter = error_ ? event_filter() : filter_of(h.filters, error_);
    if (error_ == errc::out_of_memory) throw std::bad_alloc();
    if (error_) return before.close();
    if (h.state == hook_state::pending) return before.withdraw();

    const auto was = before.row_.unpack();
    auto endpoint = before.endpoint();
    const bool goes_on = endpoint && endpoint->active() && same_delivery(h, was);
    if (!goes_on) endpoint = make_endpoint(by, h, std::move(on_gone));
    if (error_) return before.close();
    const bool agreed = was.state == hook_state::pending;
    if (agreed || (before.outlet_ && is_tried_again(h, was))) endpoint->enable();

    outlet_ = before.outlet_ ? before.outlet_ : std::make_shared<hook_outlet>();
    // A change that was made elsewhere comes with no request that waits for this.
    if (before.outlet_ && h.filters != was.filters && endpoint->keeps_place())
        endpoint->store_passed({});
    std::vector<place*> going_on;
    std::vector<std::string> added;
    for (const auto& topic : h.state == hook_state::active ? h.topics : added) {
        const auto it = std::find_if(before.places_.begin(), before.places_.end(),
                                     [&](const auto& p) { return p.of->pattern() == topic; });
        if (it == before.places_.end() || !it->on_bus.active())
            added.push_back(topic);
        else
            going_on.push_back(&*it);
    }
    // Those that go on stand first: what matches them and a new one was not given to the new one.
    std::vector<std::string> patterns;
    for (const auto* p : going_on) patterns.push_back(p->of->pattern());
    patterns.insert(patterns.end(), added.begin(), added.end());
    places_.reserve(patterns.size());
    outlet_->set(std::move(endpoint), std::move(patterns), std::move(filter));
    auto placing = before.placing_.lock();
    if (!placing && !added.empty()) placing = std::make_shared<hook_placing>();
    placing_ = placing;
    for (auto& topic : added) {
        const bool anew = !before.is_to_have(topic);
        const auto to = std::make_shared<hook_subscriber>(outlet_, std::move(topic), anew,
                                                          by.options->origin, placing);
        auto on_bus = by.bus->subscribe(to->pattern(), to, {});
        to->begun();
        if (on_bus.error()) error_ = on_bus.error();
        places_.push_back({to, std::move(on_bus)});
    }
    // Nothing throws from here on.
    for (auto* p : going_on) places_.push_back(std::move(*p));
}

// In this order: what a subscription has missed then is not for a later one of its id.
void live_hook::close() {
    if (const auto e = endpoint()) e->close();
    places_.clear();
    outlet_.reset();
}

live_hook live_hook::take_alive() noexcept {
    live_hook alive;
    alive.outlet_.swap(outlet_);
    alive.places_.swap(places_);
    return alive;
}

// What it is owed waits for the next target.
void live_hook::withdraw() {
    if (const auto e = endpoint()) e->withdraw();
    places_.clear();
    outlet_.reset();
}

hook_condition live_hook::condition() const {
    const auto disabled = [](error_code why) {
        return hook_condition{hook_state::disabled, why.message()};
    };
    const auto state = row_.state();
    const bool ended = state == hook_state::pending && row_.has_ended_question();
    if (state != hook_state::active)
        return {ended ? hook_state::disabled : state, std::string(row_.reason())};
    if (error_ == errc::forbidden)  // until its row is erased
        return {hook_state::disabled, "its lease, or its permission, has ended"};
    if (error_) return disabled(error_);
    const auto e = endpoint();
    if (!e || !e->active()) return disabled(errc::closed);
    if (const auto why = e->disabled()) return disabled(why);
    for (const auto& p : places_)
        if (!p.on_bus.active()) return disabled(p.on_bus.error());
    return {};
}

}  // namespace tidings::rest_hook::detail
