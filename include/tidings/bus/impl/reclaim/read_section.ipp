// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/reclaim/read_section.hpp>

#if __has_include(<linux/membarrier.h>)
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <mutex>
#include <new>

namespace tidings::detail {

namespace {

#if defined(__SANITIZE_THREAD__)
constexpr bool under_thread_sanitizer = true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
constexpr bool under_thread_sanitizer = true;
#else
constexpr bool under_thread_sanitizer = false;
#endif
#else
constexpr bool under_thread_sanitizer = false;
#endif

// Asks the system for barriers of this process's threads; then for one. False: it has none.
#if __has_include(<linux/membarrier.h>)
bool register_for_barriers() noexcept {
    return ::syscall(__NR_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
}
void pass_barriers() noexcept {
    ::syscall(__NR_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
}
#else
bool register_for_barriers() noexcept {
    return false;
}
void pass_barriers() noexcept {}
#endif

// So many threads that read at the same time need no memory for it.
constexpr std::size_t ready_records = 32;
// From this many retired objects on, the thread that retires pays for a barrier.
constexpr std::size_t retired_at_once = 64;

/// What the readers of the process share.
struct reader_registry {
    std::atomic<reader_record*> records{nullptr};
    std::atomic<std::uint64_t> known{1};  // how many there were, and one
    std::mutex mutex;
    retired_list retired;  // guarded by mutex

    std::size_t enough = retired_at_once;  // collect at this size; guarded by mutex
    const bool barriers = !under_thread_sanitizer && register_for_barriers();
    std::array<reader_record, ready_records> ready;

    reader_registry() noexcept {
        for (auto& r : ready) {
            r.ticket = first_ticket();
            r.taken.store(false, std::memory_order_relaxed);
            r.fenced = !barriers;
            r.next = records.load(std::memory_order_relaxed);
            records.store(&r, std::memory_order_release);
        }
    }
    // Of a record: the others' are a million million away.
    std::uint64_t first_ticket() noexcept {
        return known.fetch_add(1, std::memory_order_relaxed) << 40U;
    }
    // After this, either a thread is seen to read, or it reads what was written before this.
    void barrier() const noexcept {
        std::atomic_thread_fence(std::memory_order_seq_cst);
        if (barriers) pass_barriers();
    }
};

// Never destroyed: threads may read while the process ends.
reader_registry& readers() {
    alignas(reader_registry) static std::byte memory[sizeof(reader_registry)];
    static auto& all = *::new (memory) reader_registry;
    return all;
}

}  // namespace

reader_record& reclaimer::enlist() {
    /// Gives the record back at the thread's end.
    struct owner {
        reader_record* record = nullptr;
        ~owner() {
            here_ = nullptr;
            if (record != nullptr) record->taken.store(false, std::memory_order_release);
        }
    };
    thread_local owner this_thread;
    auto& all = readers();
    auto* r = all.records.load(std::memory_order_acquire);
    for (; r != nullptr; r = r->next)
        if (!r->taken.exchange(true, std::memory_order_acq_rel)) break;
    if (r == nullptr) {
        r = new reader_record;
        r->fenced = !all.barriers;
        r->ticket = all.first_ticket();
        r->next = all.records.load(std::memory_order_relaxed);
        while (!all.records.compare_exchange_weak(r->next, r, std::memory_order_acq_rel)) {
        }
    }
    this_thread.record = r;
    return *(here_ = r);
}

void reclaimer::retire(retired_list&& gone) noexcept {
    auto& all = readers();
    bool full = false;
    {
        const std::lock_guard lock(all.mutex);
        gone.stamp(epoch_.fetch_add(1, std::memory_order_acq_rel));
        all.retired.splice(std::move(gone));
        full = all.retired.size() >= all.enough;
    }
    if (full) collect(false);
}

void reclaimer::collect(bool until_done) noexcept {
    auto& all = readers();
    if (until_done) wanted_.store(true, std::memory_order_relaxed);
    all.barrier();
    auto oldest = std::numeric_limits<std::uint64_t>::max();
    for (const auto* r = all.records.load(std::memory_order_acquire); r != nullptr; r = r->next)
        if (const auto since = r->since.load(std::memory_order_acquire); since != 0)
            oldest = std::min(oldest, since);
    std::unique_lock lock(all.mutex);
    auto free = all.retired.take_before(oldest);
    all.enough = all.retired.size() + retired_at_once;
    if (all.retired.empty()) wanted_.store(false, std::memory_order_relaxed);
    lock.unlock();
    free.reclaim();
}

bool reclaimer::others_read() noexcept {
    auto& all = readers();
    all.barrier();
    for (const auto* r = all.records.load(std::memory_order_acquire); r != nullptr; r = r->next)
        if (r != here_ && r->since.load(std::memory_order_acquire) != 0) return true;
    return false;
}

// What is reclaimed may publish, and so read again.
void reclaimer::leave(reader_record& r) noexcept {
    retired_list own(std::move(r.own));
    own.reclaim();
    if (wanted_.load(std::memory_order_relaxed)) collect(true);
}

}  // namespace tidings::detail
