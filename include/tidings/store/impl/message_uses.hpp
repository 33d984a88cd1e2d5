// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/impl/held_bytes.hpp>

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>
#include <vector>

namespace tidings::store::detail {

/// Which messages an outbox holds, and for what: each counts once for what is owed, once for dead
/// letters and once for attempts, however many name it.
class message_uses {
 public:
    using message = std::shared_ptr<const outbox_message>;
    enum kind : std::size_t { owed = 0, dead = 1, logged = 2, count = 3 };

    /// What one more use would add.
    std::size_t cost(kind k, const message& m) const noexcept {
        const auto it = uses_.find(m.get());
        return it == uses_.end() || it->second[k] == 0 ? held_bytes(*m) : 0;
    }
    void add(kind k, const message& m) {
        if (uses_[m.get()][k]++ == 0) bytes_[k] += held_bytes(*m);
    }
    /// The message is one that was added.
    void remove(kind k, message m) noexcept {
        const auto it = uses_.find(m.get());
        if (--it->second[k] != 0) return;
        bytes_[k] -= held_bytes(*m);
        const auto& all = it->second;
        if (std::any_of(all.begin(), all.end(), [](std::size_t n) { return n != 0; })) return;
        uses_.erase(it);
        release(std::move(m));
    }
    std::size_t bytes(kind k) const noexcept { return bytes_[k]; }

    /// Messages that nothing here needs any more. What they keep may be of the user's code, which
    /// must find no lock held when it is destroyed.
    std::vector<message> take_released() noexcept { return std::exchange(released_, {}); }

 private:
    void release(message m) noexcept try {
        released_.push_back(std::move(m));
    } catch (const std::bad_alloc&) {
        return;  // it is destroyed here
    }

    std::unordered_map<const outbox_message*, std::array<std::size_t, count>> uses_;
    std::array<std::size_t, count> bytes_{};
    std::vector<message> released_;
};

}  // namespace tidings::store::detail
