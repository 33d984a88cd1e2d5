// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/outbox.hpp>
#include <tidings/webhook/impl/endpoint_health.hpp>
#include <tidings/webhook/impl/endpoint_target.hpp>
#include <tidings/webhook/impl/parcel.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

namespace tidings::webhook::detail {

/// What is claimed for one endpoint.
struct endpoint_line {
    static constexpr std::size_t max_claim = 16;
    bool is_short() const noexcept { return queue.size() < max_claim / 2; }
    /// How many entries wait in it.
    std::size_t size() const noexcept {
        auto n = loose.size();
        for (const auto& p : queue) n += p.size();
        return n;
    }
    bool empty() const noexcept { return queue.empty() && loose.empty() && in_flight == 0; }

    std::deque<parcel> queue{};
    std::vector<store::outbox_entry> loose{};    // claimed, and in no request yet
    std::shared_ptr<endpoint_target> batches{};  // where it takes batches; null: it does not
    const endpoint_health* health = nullptr;     // of the sender's, once it was looked for
    std::size_t in_flight = 0;
    std::uint64_t back_with = 0;  // the settlement that brings back the last that was put back
    bool waiting = false;         // for its turn
    bool more = false;            // the outbox may hold more that is due
};

}  // namespace tidings::webhook::detail
