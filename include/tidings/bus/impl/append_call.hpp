// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/bus_state.hpp>
#include <tidings/bus/impl/dispatch.hpp>

#include <utility>
#include <vector>

namespace tidings::detail {

/// A call of `append`. A history that commits inside it calls back on the same thread, which holds
/// the mutex; and it may report other events than the one that is appended.
struct bus_state::append_call {
    bus_state* bus;
    std::uint64_t number;
    dispatch& own;
    std::vector<dispatch> before{};  // reported before the event, and after it
    std::vector<dispatch> after{};
    graveyard gone{};

    bool is_own(const event_ptr& e) const noexcept {
        return e->info().number == number && e->info().bus == bus->id_;
    }
};

/// While it lives, this thread is inside `append`.
class bus_state::append_scope {
 public:
    explicit append_scope(append_call& call) : outer_(std::exchange(current(), &call)) {}
    ~append_scope() { current() = outer_; }
    append_scope(const append_scope&) = delete;

    static append_call*& current() noexcept {
        thread_local append_call* call = nullptr;
        return call;
    }

 private:
    append_call* outer_;
};

}  // namespace tidings::detail
