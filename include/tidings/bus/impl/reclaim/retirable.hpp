// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <utility>

namespace tidings::detail {

/// What threads may read without a lock, and what is therefore released in two steps: it is taken
/// out of every list, and reclaimed when no thread reads any more that began before.
class retirable {
 public:
    retirable() = default;
    retirable(const retirable&) = delete;
    retirable& operator=(const retirable&) = delete;

    /// Releases it. No lock of the library is held.
    virtual void reclaim() noexcept = 0;

 protected:
    ~retirable() = default;

 private:
    friend class retired_list;
    retirable* next_ = nullptr;
    std::uint64_t epoch_ = 0;  // in which it was retired
};

/// Retired objects in the order of their coming. Allocates nothing. Not thread-safe.
class retired_list {
 public:
    retired_list() = default;
    retired_list(retired_list&& o) noexcept
        : first_(std::exchange(o.first_, nullptr)),
          last_(std::exchange(o.last_, nullptr)),
          size_(std::exchange(o.size_, 0)) {}
    retired_list& operator=(retired_list&&) = delete;

    bool empty() const noexcept { return first_ == nullptr; }
    std::size_t size() const noexcept { return size_; }

    void push(retirable& r) noexcept {
        r.next_ = nullptr;
        (last_ != nullptr ? last_->next_ : first_) = &r;
        last_ = &r;
        ++size_;
    }
    void splice(retired_list&& o) noexcept {
        if (o.empty()) return;
        (last_ != nullptr ? last_->next_ : first_) = o.first_;
        last_ = o.last_;
        size_ += o.size_;
        o.first_ = o.last_ = nullptr;
        o.size_ = 0;
    }
    template <class F>
    void for_each(F f) const {
        for (auto* r = first_; r != nullptr; r = r->next_) f(*r);
    }
    /// Notes the epoch in which all of it was retired.
    void stamp(std::uint64_t epoch) noexcept {
        for (auto* r = first_; r != nullptr; r = r->next_) r->epoch_ = epoch;
    }
    /// Takes the front of it: what was retired before an epoch.
    retired_list take_before(std::uint64_t epoch) noexcept {
        retired_list taken;
        while (first_ != nullptr && first_->epoch_ < epoch) taken.push(pop());
        return taken;
    }
    /// Reclaims all of it; what that retires here is reclaimed as well.
    void reclaim() noexcept {
        while (first_ != nullptr) pop().reclaim();
    }

 private:
    retirable& pop() noexcept {
        auto& r = *std::exchange(first_, first_->next_);
        if (first_ == nullptr) last_ = nullptr;
        --size_;
        return r;
    }

    retirable* first_ = nullptr;
    retirable* last_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace tidings::detail
