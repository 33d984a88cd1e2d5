// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/subscription/publisher_line.hpp>

#include <algorithm>

namespace tidings::detail {

// A waiter's deadline. Armed, cancelled and destroyed in the lane; its cancellation is posted.
struct publisher_line::deadline final : wheel_timer, lane_task {
    using wheel_timer::wheel_timer;
    void run() noexcept override {
        const auto last = std::move(posted);
        cancel();
    }
    void drop() noexcept override { const auto last = std::move(posted); }

    std::shared_ptr<deadline> posted{};  // itself
};

void publisher_line::put(const event_ptr& e, const std::shared_ptr<delivery_join>& join,
                         const std::shared_ptr<lane>& l, std::chrono::milliseconds after,
                         unique_function<void()> expire) {
    auto timer = std::make_shared<deadline>(std::move(expire));
    waiters last;
    last.push_back({e, join, timer, l});
    l->post([timer, home = l.get(), after] { timer->arm(home->timers(), after); });
    waiters_.splice(waiters_.end(), last);
}

publisher_line::waiters publisher_line::take(const publication* e) noexcept {
    const auto at = std::find_if(waiters_.begin(), waiters_.end(),
                                 [&](const waiter& w) { return w.event.get() == e; });
    return at == waiters_.end() ? waiters() : take(at);
}

void publisher_line::end_timer(waiter& w) noexcept {
    auto& timer = *w.timer;
    timer.posted = std::move(w.timer);
    w.home->post(timer);
}

}  // namespace tidings::detail
