// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/lane/impl/lane.hpp>

#include <memory>
#include <utility>

namespace tidings::detail {

/// Stands in a completion handler for what waits for it in a lane. A handler may be destroyed
/// without a call, where Asio finds no memory to pass it on: then `on_lost` is called in the lane,
/// which needs none.
template <class T>
class lane_wait {
 public:
    /// @throws std::bad_alloc
    lane_wait(std::weak_ptr<T> who, std::shared_ptr<lane> home)
        : waiting_(std::make_unique<loss>(std::move(who), std::move(home))) {}
    lane_wait(lane_wait&&) noexcept = default;
    lane_wait& operator=(lane_wait&&) = delete;
    ~lane_wait() {
        if (!waiting_ || waiting_->who.expired()) return;
        const auto home = waiting_->home;
        home->post(*waiting_.release());
    }

    /// The handler is called. Null where nothing waits any more.
    std::shared_ptr<T> arrived() noexcept { return std::exchange(waiting_, nullptr)->who.lock(); }

 private:
    struct loss final : lane_task {
        loss(std::weak_ptr<T> w, std::shared_ptr<lane> l) noexcept
            : who(std::move(w)),
              home(std::move(l)) {}
        void run() noexcept override {
            const std::unique_ptr<loss> last(this);
            if (const auto waits = who.lock()) waits->on_lost();
        }
        void drop() noexcept override { delete this; }

        const std::weak_ptr<T> who;
        const std::shared_ptr<lane> home;
    };
    std::unique_ptr<loss> waiting_;
};

}  // namespace tidings::detail
