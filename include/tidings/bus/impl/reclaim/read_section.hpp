// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/reclaim/retirable.hpp>
#include <tidings/detail/config.hpp>
#include <tidings/lane/impl/lane_target.hpp>

#include <atomic>
#include <vector>

namespace tidings::detail {

struct walk_frame;

/// What a thread shows of its reading to threads that retire. One per thread that has read; never
/// freed, but used again by later threads. Some are there from the beginning.
struct alignas(64) reader_record {
    std::atomic<std::uint64_t> since{0};  ///< the epoch in which it began to read; 0: it does not

    // The thread's own from here.
    bool fenced = true;              ///< entering needs a fence, as nobody can ask for a barrier
    unsigned publications = 0;       ///< under way on this thread, one inside another
    walk_frame* walks = nullptr;     ///< likewise the innermost walk over callbacks
    std::uint64_t ticket = 0;        ///< of the newest that it dispatched; unique in the process
    std::vector<lane_stop> stops{};  ///< memory for what a dispatch needs on its way to lanes
    retired_list own{};              ///< reclaimed when the thread stops reading

    // The registry's.
    std::atomic<bool> taken{true};
    reader_record* next = nullptr;
};

/// Reclamation by epochs, for all buses of the process. Publishers read lists without a lock and
/// without a count, and pay two plain stores; a thread that retires makes every running thread pass
/// a barrier (membarrier(2), MEMBARRIER_CMD_PRIVATE_EXPEDITED). Where the system has none, and
/// under ThreadSanitizer, which does not know it, a reader fences for itself.
class reclaimer {
 public:
    /// @throws std::bad_alloc for a thread's first, while more than 32 threads read
    static reader_record& here() { return here_ != nullptr ? *here_ : enlist(); }
    /// The same, or null where the thread has never read.
    static reader_record* here_if_any() noexcept { return here_; }
    /// Releases what is in no list any more when no thread reads that may know it.
    TIDINGS_DECL static void retire(retired_list&& gone) noexcept;
    /// Reclaims what nobody reads. `until_done`: threads that are in the way now go on with it when
    /// they stop reading.
    TIDINGS_DECL static void collect(bool until_done) noexcept;
    /// Whether a thread besides the caller's reads.
    TIDINGS_DECL static bool others_read() noexcept;

    /// Stands for several threads.
    static inline constinit reader_record many{};

 private:
    friend class read_section;
    TIDINGS_DECL static reader_record& enlist();
    TIDINGS_DECL static void leave(reader_record& r) noexcept;

    static inline constinit thread_local reader_record* here_ = nullptr;
    alignas(64) static inline constinit std::atomic<std::uint64_t> epoch_{1};
    static inline constinit std::atomic<bool> wanted_{false};
};

/// While it lives, what this thread reads is not reclaimed. Nests.
class read_section {
 public:
    // A few instructions each, which are counted.
    [[gnu::always_inline]] explicit read_section(reader_record& here) noexcept
        : here_(here),
          outer_(here.since.load(relaxed) == 0) {
        if (!outer_) return;
        here.since.store(reclaimer::epoch_.load(std::memory_order_acquire), relaxed);
        if (here.fenced)
            std::atomic_thread_fence(std::memory_order_seq_cst);
        else
            std::atomic_signal_fence(std::memory_order_seq_cst);
    }
    [[gnu::always_inline]] ~read_section() {
        if (!outer_) return;
        here_.since.store(0, std::memory_order_release);
        if (!here_.own.empty() || reclaimer::wanted_.load(relaxed)) reclaimer::leave(here_);
    }
    read_section(const read_section&) = delete;
    read_section& operator=(const read_section&) = delete;

 private:
    static constexpr auto relaxed = std::memory_order_relaxed;
    reader_record& here_;
    const bool outer_;
};

}  // namespace tidings::detail
