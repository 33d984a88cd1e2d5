// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/wire_forms.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace tidings::detail {

/// The place of one form in its object, as long as that lives. The bytes come and go.
class form_place {
 public:
    explicit form_place(form_key key) noexcept : key_(key) {}

    /// Where the bytes are there: refers to them, so that they stay until `release`.
    bool acquire() noexcept {
        if ((state_.fetch_add(reference, std::memory_order_acquire) & made) != 0) return true;
        state_.fetch_sub(reference, std::memory_order_relaxed);
        return false;
    }
    void release() noexcept { state_.fetch_sub(reference, std::memory_order_release); }
    const std::string& bytes() const noexcept { return bytes_; }

 private:
    friend class form_budget;
    friend class form_cache;
    static constexpr std::uint32_t made = 1;
    static constexpr std::uint32_t reference = 2;

    const form_key key_;
    form_place* next_ = nullptr;           // in its object
    std::atomic<std::uint32_t> state_{0};  // `made`, and the references
    // Guarded by the budget's mutex; the bytes change only while they are not made.
    std::string bytes_;
    std::size_t counted_ = 0;  // 0: not in the budget
    form_place* older_ = nullptr;
    form_place* newer_ = nullptr;
};

/// Bounds the bytes of forms that can be made again. What is made beyond it takes the place of the
/// oldest that nothing refers to. Thread-safe.
///
/// Publications refer to the budget of their bus without a count of references, which all threads
/// that publish would change. So none is ever freed: one that its bus has given back serves the
/// next bus once it counts nothing, and what is made of the former bus's events then counts there.
class form_budget {
 public:
    /// For a bus, until `give_back`. @throws std::bad_alloc
    static form_budget& borrow(std::size_t max_bytes);
    void give_back() noexcept;
    /// Of what no bus has made: 64 MiB for the process.
    static form_budget& of_process() noexcept;
    form_budget(const form_budget&) = delete;
    form_budget& operator=(const form_budget&) = delete;

    std::size_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }
    /// Gives a place its bytes, unless another thread has, and refers to it.
    void fill(form_place& p, std::string&& bytes) noexcept;
    /// The places from `p` on go with their object.
    void forget(form_place* p) noexcept;

 private:
    /// Those that no bus has.
    struct idle_list {
        std::mutex mutex;
        form_budget* first = nullptr;
    };
    static idle_list& idle() noexcept;

    explicit form_budget(std::size_t max_bytes) noexcept : max_bytes_(max_bytes) {}
    void link_newest(form_place& p) noexcept;
    void unlink(form_place& p) noexcept;
    void shrink() noexcept;

    std::atomic<std::size_t> bytes_{0};  // changed with the mutex held
    form_budget* next_idle_ = nullptr;   // guarded by that of the idle ones
    std::mutex mutex_;                   // guards what follows
    std::size_t max_bytes_;
    form_place* oldest_ = nullptr;
    form_place* newest_ = nullptr;
};

/// What was derived from an immutable object and can be made again: encoded once and shared by
/// everyone, until the budget has other use for its bytes.
class form_cache {
 public:
    form_cache() = default;
    form_cache(const form_cache&) = delete;
    form_cache& operator=(const form_cache&) = delete;
    ~form_cache() { clear(); }

    /// Before anything else can find the object.
    void belong_to(form_budget& b) noexcept { budget_ = &b; }
    /// Forgets what was made while nothing else could find the object: not safe beside `find`.
    void clear() noexcept;

    /// The place of a form whose bytes are there, acquired; or null.
    form_place* find(form_key key) const noexcept {
        auto* p = place_of(head_.load(std::memory_order_acquire), nullptr, key);
        return p != nullptr && p->acquire() ? p : nullptr;
    }
    /// Keeps a form, or finds that of a thread that was faster: its place, acquired.
    /// @throws std::bad_alloc
    form_place& store(form_key key, std::string bytes) const;

 private:
    static form_place* place_of(form_place* from, const form_place* end,
                                const form_key& key) noexcept {
        for (; from != end; from = from->next_)
            if (from->key_ == key) return from;
        return nullptr;
    }
    form_place& make_place(form_key key) const;
    form_budget& budget() const noexcept {
        return budget_ != nullptr ? *budget_ : form_budget::of_process();
    }

    mutable std::atomic<form_place*> head_{nullptr};
    form_budget* budget_ = nullptr;  // null: of the process
};

inline form_budget& form_budget::of_process() noexcept {
    static union holder {
        holder() noexcept : budget(std::size_t{64} * 1024 * 1024) {}
        ~holder() {}  // events of static objects may outlive it
        form_budget budget;
    } held;
    return held.budget;
}

// Never destroyed, as what stands in it.
inline form_budget::idle_list& form_budget::idle() noexcept {
    static union holder {
        holder() noexcept : list() {}
        ~holder() {}
        idle_list list;
    } held;
    return held.list;
}

inline form_budget& form_budget::borrow(std::size_t max_bytes) {
    auto& all = idle();
    const std::lock_guard lock(all.mutex);
    for (auto** at = &all.first; *at != nullptr; at = &(*at)->next_idle_) {
        auto& found = **at;
        if (found.bytes() != 0) continue;
        *at = found.next_idle_;
        const std::lock_guard own(found.mutex_);
        found.max_bytes_ = max_bytes;
        return found;
    }
    return *new form_budget(max_bytes);
}

inline void form_budget::give_back() noexcept {
    auto& all = idle();
    const std::lock_guard lock(all.mutex);
    next_idle_ = std::exchange(all.first, this);
}

inline void form_budget::fill(form_place& p, std::string&& bytes) noexcept {
    const std::lock_guard lock(mutex_);
    if (p.acquire()) return;
    p.bytes_ = std::move(bytes);
    p.counted_ = sizeof(form_place) + p.bytes_.capacity();
    bytes_ += p.counted_;
    link_newest(p);
    p.state_.fetch_add(form_place::made + form_place::reference, std::memory_order_release);
    shrink();
}

inline void form_budget::forget(form_place* p) noexcept {
    const std::lock_guard lock(mutex_);
    for (; p != nullptr; p = p->next_)
        if (p->counted_ != 0) unlink(*p);
}

// What is in use counts as the newest. Few are looked at, so that much that is in use costs little;
// the next form that is made goes on.
inline void form_budget::shrink() noexcept {
    constexpr int most = 16;
    for (int looked = 0; bytes() > max_bytes_ && oldest_ != nullptr && looked < most; ++looked) {
        auto& p = *oldest_;
        const auto counted = p.counted_;
        unlink(p);
        auto unused = form_place::made;
        if (p.state_.compare_exchange_strong(unused, 0, std::memory_order_acquire)) {
            std::string().swap(p.bytes_);
            continue;
        }
        p.counted_ = counted;
        bytes_ += counted;
        link_newest(p);
    }
}

inline void form_budget::link_newest(form_place& p) noexcept {
    p.older_ = newest_;
    p.newer_ = nullptr;
    (newest_ != nullptr ? newest_->newer_ : oldest_) = &p;
    newest_ = &p;
}

// It counts no more.
inline void form_budget::unlink(form_place& p) noexcept {
    (p.older_ != nullptr ? p.older_->newer_ : oldest_) = p.newer_;
    (p.newer_ != nullptr ? p.newer_->older_ : newest_) = p.older_;
    bytes_ -= p.counted_;
    p.counted_ = 0;
}

inline void form_cache::clear() noexcept {
    auto* p = head_.load(std::memory_order_acquire);
    if (p == nullptr) return;
    head_.store(nullptr, std::memory_order_relaxed);
    budget().forget(p);
    while (p != nullptr) delete std::exchange(p, p->next_);
}

inline form_place& form_cache::store(form_key key, std::string bytes) const {
    auto& place = make_place(key);
    budget().fill(place, std::move(bytes));
    return place;
}

inline form_place& form_cache::make_place(form_key key) const {
    auto* head = head_.load(std::memory_order_acquire);
    if (auto* known = place_of(head, nullptr, key)) return *known;
    auto fresh = std::make_unique<form_place>(key);
    const form_place* checked = nullptr;
    do {
        if (auto* other = place_of(head, checked, key)) return *other;
        checked = head;
        fresh->next_ = head;
    } while (!head_.compare_exchange_weak(head, fresh.get(), std::memory_order_acq_rel,
                                          std::memory_order_acquire));
    return *fresh.release();
}

}  // namespace tidings::detail
