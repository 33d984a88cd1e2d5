// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/batch_options.hpp>

#include <algorithm>
#include <cstddef>

namespace tidings::webhook::detail {

/// Events and the bytes of their bodies, and how many batches they fill.
struct batch_room {
    std::size_t events = 0, bytes = 0;

    // With a comma, or a bracket.
    void add(std::size_t body) noexcept {
        ++events;
        bytes += body + 1;
    }
    void remove(const batch_room& o) noexcept {
        events -= std::min(events, o.events);
        bytes -= std::min(bytes, o.bytes);
    }
    bool has_room_for(std::size_t body, const batch_options& o) const noexcept {
        return events == 0 || (events < o.max_events && 1 + bytes + body + 1 <= o.max_bytes);
    }
    std::size_t full(const batch_options& o) const noexcept {
        return std::max(events / o.max_events, bytes / o.max_bytes);
    }
};

}  // namespace tidings::webhook::detail
