// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/bus_drain.hpp>

#include <algorithm>

namespace tidings::detail {

bus_drain::bus_drain(std::shared_ptr<bus_state> bus)
    : bus_(std::move(bus)),
      timer_([this] { check(); }),
      deadline_(bus_->home()->timers().clock().now() + bus_->drain_timeout()) {
    timer_.arm(bus_->home()->timers(), std::chrono::milliseconds(0));
}

void bus_drain::add(handler done) {
    done_.push_back(std::move(done));
}

// Runs in the lane, behind every delivery that was put into it before. A subscription that is idle
// may get an event while the next ones are looked at; then something was dispatched meanwhile.
void bus_drain::check() {
    const auto dispatched = bus_->dispatched();
    const auto all = bus_->active();
    const auto busy =
        std::count_if(all.begin(), all.end(), [](const auto& s) { return !s->idle(); });
    if (busy == 0 && bus_->dispatched() == dispatched) return finish(all, {});
    auto& timers = bus_->home()->timers();
    if (timers.clock().now() >= deadline_) {
        if (bus_->log()) {
            const auto text = std::to_string(busy) + " subscriptions were still busy";
            bus_->log()({log_level::warning, "bus", text, errc::timed_out});
        }
        return finish(all, errc::timed_out);
    }
    timer_.arm(timers, interval);
}

void bus_drain::finish(const subscriptions& all, error_code ec) {
    bus_->refuse();
    for (const auto& s : all) s->end(errc::closed);
    const auto self = bus_->drained();
    for (auto& done : done_) done(ec);
}

}  // namespace tidings::detail
