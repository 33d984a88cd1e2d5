// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/outbox_entry.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tidings::webhook::detail {

/// What one request brings: an entry, or those of a batch.
struct parcel {
    struct batch {
        std::string id{};
        std::vector<store::outbox_entry> others{};  // behind the first
        std::uint64_t stored_with = 0;  // the settlement that stores the batch; 0: it is stored
    };

    store::outbox_entry first{};
    std::unique_ptr<batch> of{};  // null: the entry is sent alone

    bool is_batch() const noexcept { return of != nullptr; }
    std::string_view batch_id() const noexcept {
        return of ? std::string_view(of->id) : std::string_view();
    }
    std::uint64_t stored_with() const noexcept { return of ? of->stored_with : 0; }
    std::size_t size() const noexcept { return of ? 1 + of->others.size() : 1; }
    const store::outbox_entry& at(std::size_t i) const noexcept {
        return i == 0 ? first : of->others[i - 1];
    }
    template <class F>
    void for_each(F f) const {
        for (std::size_t i = 0; i < size(); ++i) f(at(i));
    }
};

/// What a receiver gets as the id of an entry that is sent alone.
inline const std::string& id_of(const store::outbox_entry& e) noexcept {
    return e.webhook_id.empty() ? e.message_id : e.webhook_id;
}

}  // namespace tidings::webhook::detail
