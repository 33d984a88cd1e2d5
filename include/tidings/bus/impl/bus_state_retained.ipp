// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/bus_state.hpp>

#include <new>

namespace tidings::detail {

retained_slice bus_state::read_retained(const std::vector<std::string>& patterns,
                                        std::uint64_t after, std::uint64_t through,
                                        std::size_t max) noexcept {
    retained_slice s;
    const auto show = [&](retained_store::value& v) {
        if (!v.event->position()) return v.event;
        if (!v.shown) {
            auto info = v.event->info();
            info.position.reset();
            v.shown = maker_.make(v.event->topic(), v.event, std::move(info), s.error);
        }
        return v.shown;
    };
    try {
        const std::lock_guard lock(mutex_);
        const auto found = retained_->read(patterns, after, through, max);
        s.items.reserve(found.values.size());
        for (auto* v : found.values) {
            s.items.push_back({v->number, show(*v)});
            if (s.error) break;
        }
        s.next = found.next;
    } catch (const std::bad_alloc&) {
        s.error = errc::out_of_memory;
    }
    return s;
}

}  // namespace tidings::detail
