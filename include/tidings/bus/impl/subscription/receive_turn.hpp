// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/receiver.hpp>

namespace tidings::detail {

/// Reads in a row.
class receive_line {
 public:
    bool empty() const noexcept { return !first_; }
    receive_operation& front() noexcept { return *first_; }
    void push_back(receive_ptr o) noexcept {
        auto* added = o.get();
        (last_ != nullptr ? last_->next : first_) = std::move(o);
        last_ = added;
    }
    receive_ptr pop_front() noexcept {
        auto o = std::move(first_);
        first_ = std::move(o->next);
        if (!first_) last_ = nullptr;
        return o;
    }
    /// The one of this number; null where it is not in line.
    TIDINGS_DECL receive_ptr remove(std::uint64_t id) noexcept;
    receive_line() = default;
    receive_line(receive_line&& o) noexcept
        : first_(std::move(o.first_)),
          last_(std::exchange(o.last_, nullptr)) {}
    receive_line& operator=(receive_line&& o) noexcept {
        first_ = std::move(o.first_);
        last_ = std::exchange(o.last_, nullptr);
        return *this;
    }
    ~receive_line() {
        while (!empty()) pop_front();
    }

 private:
    receive_ptr first_{};
    receive_operation* last_ = nullptr;
};

/// Completes a read that has what it gets, on its executor, or `home` where it has none, and never
/// inside this call: in the turn of the read whose handler calls this, if that runs on the same
/// executor, else by a post. False where there is no memory, and `o` is as it was; an `io_context`
/// takes none.
TIDINGS_DECL bool complete(receive_ptr& o, const net::any_io_executor& home) noexcept;

}  // namespace tidings::detail
