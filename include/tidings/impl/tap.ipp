// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/bus_state.hpp>
#include <tidings/tap.hpp>

#include <utility>

namespace tidings {

tap& tap::operator=(tap&& o) noexcept {
    if (this != &o) {
        reset();
        state_ = std::move(o.state_);
    }
    return *this;
}

tap::~tap() {
    reset();
}

void tap::reset() noexcept {
    const auto gone = std::exchange(state_, nullptr);
    if (!gone) return;
    gone->ended = true;
    if (const auto b = gone->bus.lock()) b->remove_tap(*gone);
}

}  // namespace tidings
