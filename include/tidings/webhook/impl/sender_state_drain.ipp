// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/impl/sender_state.hpp>

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace tidings::webhook::detail {

using namespace tidings::detail;

void sender_state::start_drain(unique_function<void(error_code)> done) {
    taking_ = false;
    lane_->post([self = shared_from_this(), done = std::move(done)]() mutable {
        if (!self->running()) return done({});
        const bool first = self->drained_.empty();
        if (first) {
            self->drain_deadline_.arm(self->lane_->timers(), self->options_.drain_timeout);
            for (auto* e :
                 {&self->failed_.opening, &self->failed_.claiming, &self->failed_.settling})
                e->measure_anew();
        }
        if (!finds_memory([&] { self->drained_.push_back(std::move(done)); }))
            done(errc::out_of_memory);
        self->claim();
        if (first) finds_memory([&] { self->write_passed({}, 1, {}); });
        self->end_round_and_report();
    });
}

// What is due later stays in the outbox; one in memory loses it.
void sender_state::check_drained() {
    const bool busy = in_flight_ != 0 || gate_.busy() || !turns_.idle() || opening_ ||
                      !unopened_.empty() || appending_ != 0 || claiming_ || claim_wanted_ ||
                      claim_lost_ || finishing_ || !results_.empty() || !gone_.empty();
    if (!drained_.empty() && !busy) return end({});
    const bool asks = in_flight_ != 0 || appending_ != 0 || opening_ || claiming_ || finishing_;
    if (gives_up() && !asks) end(errc::store_failed);
}

// A drain has no use for an outbox that goes on failing: it is asked again each second.
bool sender_state::gives_up() const noexcept {
    constexpr std::chrono::seconds long_enough{2};
    if (drained_.empty()) return false;
    return failed_.opening.lasts(long_enough, now()) ||
           failed_.claiming.lasts(long_enough, now()) || failed_.settling.lasts(long_enough, now());
}

namespace {

// The endpoints that are owed the most are named.
template <class Lines>
std::string text_of_owed(const Lines& lines, endpoint_registry& endpoints) {
    constexpr std::size_t max_named = 8;
    std::size_t owed = 0;
    std::vector<std::pair<std::size_t, std::string>> each;
    for (const auto& [id, l] : lines) {
        const auto count = l.in_flight + l.size();
        owed += count;
        const auto t = count != 0 ? endpoints.find(id) : nullptr;
        if (t) each.emplace_back(count, t->label());
    }
    std::sort(each.begin(), each.end(), std::greater<>());
    auto text = "at least " + std::to_string(owed) + " deliveries are still owed";
    for (std::size_t i = 0; i < std::min(each.size(), max_named); ++i)
        text += (i == 0 ? ": " : ", ") + std::to_string(each[i].first) + " to " + each[i].second;
    if (each.size() > max_named)
        text += " and others to " + std::to_string(each.size() - max_named) + " more";
    return text;
}

}  // namespace

void sender_state::end(error_code why) {
    if (!http_) return;
    if (why && why != errc::closed && options_.log)
        finds_memory([&] {
            options_.log({log_level::warning, "webhook", text_of_owed(lines_, endpoints_), why});
        });
    place_book::passage_ptr passed;
    finds_memory([&] {
        passed = places_->take_passed({}, 1);
        append_open();
    });
    http_.reset();
    again_.cancel();
    passed_due_.cancel();
    drain_deadline_.cancel();
    lines_.clear();
    turns_.clear();
    gate_.stop();
    circuits_.clear();
    places_->stop();
    if (passed) finds_memory([&] { places_->write(passed, {}); });
    outcomes_->stop();
    finds_memory([this] { give_back(); });
    release();
    for (auto& done : std::exchange(drained_, {})) finds_memory([&] { done(why); });
}

void sender_state::stop() noexcept try {
    release();
    lane_->post([self = shared_from_this()] { self->end(errc::closed); });
} catch (const std::bad_alloc&) {
    return;  // what is claimed stays so until this process ends
}

// Hooks may own anything, the sender too: those that it owns are released.
void sender_state::release() noexcept {
    taking_ = false;
    std::shared_ptr<const hooks> released;
    {
        const std::lock_guard lock(mutex_);
        ended_ = true;
        released.swap(hooks_);
    }
    endpoints_.end();
}

}  // namespace tidings::webhook::detail
