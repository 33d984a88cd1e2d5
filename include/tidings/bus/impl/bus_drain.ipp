// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/bus_drain.hpp>

#include <new>
#include <string>

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

bus_drain::sight bus_drain::look() const {
    sight s{bus_->dispatched(), bus_->active(), 0, bus_->appending()};
    for (const auto& each : s.all)
        if (!each->idle()) ++s.busy;
    return s;
}

// The timer fires beside the inbox, where a delivery may still wait. A bus that looks idle is
// looked at again behind everything that is in the inbox by now; and it is idle if nothing was
// dispatched between the two.
void bus_drain::check() {
    try {
        check_now();
    } catch (const std::bad_alloc&) {
        wait();
    }
}

void bus_drain::check_now() {
    const auto first = look();
    if (first.idle()) {
        bus_->home()->post([weak = weak_from_this(), dispatched = first.dispatched] {
            if (const auto self = weak.lock()) self->check_again(dispatched);
        });
        return;
    }
    if (bus_->home()->timers().clock().now() < deadline_) return wait();
    if (bus_->log()) {
        auto text = std::to_string(first.busy) + " subscriptions were still busy";
        if (first.appending) text += ", and the history had not committed all";
        bus_->log()({log_level::warning, "bus", text, errc::timed_out});
    }
    bus_->refuse();
    finish(first.all, errc::timed_out);
}

void bus_drain::check_again(std::uint64_t dispatched) {
    sight second;
    try {
        second = look();
    } catch (const std::bad_alloc&) {
        return wait();
    }
    if (!second.idle() || !bus_->refuse_after(dispatched)) return wait();
    finish(second.all, {});
}

void bus_drain::wait() {
    timer_.arm(bus_->home()->timers(), interval);
}

void bus_drain::finish(const subscriptions& all, error_code ec) {
    for (const auto& s : all) s->end(errc::closed);
    const auto self = bus_->drained();
    for (auto& done : done_) {
        try {
            done(ec);
        } catch (const std::bad_alloc&) {
            continue;  // it is destroyed without a call, as Asio does where it finds no memory
        }
    }
}

}  // namespace tidings::detail
