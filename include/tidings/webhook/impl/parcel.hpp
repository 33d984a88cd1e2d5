// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/outbox_entry.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tidings::webhook::detail {

/// What one request brings: an entry, or those of a batch.
struct parcel {
    store::outbox_entry first{};
    std::vector<store::outbox_entry> others{};  // behind it in the batch
    std::string batch{};                        // its id; empty: the entry is sent alone
    std::uint64_t stored_with = 0;  // the settlement that stores the batch; 0: it is stored

    bool is_batch() const noexcept { return !batch.empty(); }
    std::size_t size() const noexcept { return 1 + others.size(); }
    const store::outbox_entry& at(std::size_t i) const noexcept {
        return i == 0 ? first : others[i - 1];
    }
    template <class F>
    void for_each(F f) const {
        f(first);
        for (const auto& e : others) f(e);
    }
};

/// What a receiver gets as the id of an entry that is sent alone.
inline const std::string& id_of(const store::outbox_entry& e) noexcept {
    return e.webhook_id.empty() ? e.message_id : e.webhook_id;
}

}  // namespace tidings::webhook::detail
