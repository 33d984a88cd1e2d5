// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>
#include <tidings/impl/finds_memory.hpp>
#include <tidings/lane/impl/lane.hpp>
#include <tidings/unique_function.hpp>

#include <chrono>
#include <utility>
#include <vector>

namespace tidings::rest::detail {

/// What waits for a client's last requests, and until when. Confined to the client's lane.
class client_drain {
 public:
    using handler = unique_function<void(error_code)>;

    template <class F>
    explicit client_drain(F on_deadline) : deadline_(std::move(on_deadline)) {}

    /// Whether it is the first, with which the drain begins.
    bool add(handler done, tidings::detail::lane& in, std::chrono::milliseconds timeout) {
        if (!begun()) deadline_.arm(in.timers(), timeout);
        waiting_.push_back(std::move(done));
        return waiting_.size() == 1;
    }
    bool begun() const noexcept { return !waiting_.empty(); }
    void finish(error_code ec) {
        deadline_.cancel();
        for (auto& done : std::exchange(waiting_, {}))
            tidings::detail::finds_memory([&] { done(ec); });
    }
    /// Completes nothing: the context is no more.
    void drop() noexcept { waiting_.clear(); }

 private:
    std::vector<handler> waiting_;
    tidings::detail::wheel_timer deadline_;
};

}  // namespace tidings::rest::detail
