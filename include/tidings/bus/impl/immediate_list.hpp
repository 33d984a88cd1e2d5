// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/reclaim/read_section.hpp>
#include <tidings/event_ptr.hpp>
#include <tidings/log.hpp>

#include <array>
#include <cstddef>
#include <vector>

namespace tidings::detail {

class immediate_subscription;

/// A callback, called directly. `call` turns into a function that does nothing at the end of its
/// subscription; `object` is what it had until then.
struct immediate_slot {
    using function = void (*)(void* object, const event_ptr& e);
    std::atomic<function> call;
    void* object;
};

/// Callbacks one after another, in the order of their coming. It grows by being replaced.
class immediate_array final : public retirable {
 public:
    /// @throws std::bad_alloc
    TIDINGS_DECL static immediate_array* make(std::uint32_t capacity);
    TIDINGS_DECL void reclaim() noexcept override;

    immediate_slot* slots() noexcept { return reinterpret_cast<immediate_slot*>(this + 1); }
    /// Whose they are; beside the slots, so that a walk does not read them.
    immediate_subscription** owners() noexcept {
        return reinterpret_cast<immediate_subscription**>(slots() + capacity);
    }

    const std::uint32_t capacity;
    std::atomic<std::uint32_t> size{0};

 private:
    explicit immediate_array(std::uint32_t n) : capacity(n) {}
    ~immediate_array() = default;
};

class immediate_list;

/// A thread that publishes on a bus: two have counters of their own.
enum class walker : unsigned char { first, second, other };

/// A walk of this thread: to be announced, announced or under way. What ends meanwhile finds it.
struct walk_frame {
    immediate_list* list;
    immediate_array* array;
    immediate_slot* next;  ///< the first that it has still to come to
    immediate_slot* end;
    std::uint32_t skipped;
    walk_frame* outer;

    std::size_t size() const noexcept { return static_cast<std::size_t>(end - next); }
};

/// The immediate callbacks of a pattern. Read in a `read_section`, by any thread; changed with the
/// bus's mutex held. Adding and removing take constant time, amortised.
class immediate_list {
 public:
    immediate_list() = default;
    ~immediate_list();

    /// A walk over those that there are now, in this read section.
    [[gnu::always_inline]] walk_frame current() noexcept {
        auto* const a = array_.load(std::memory_order_acquire);
        if (a == nullptr) return {this, nullptr, nullptr, nullptr, 0, nullptr};
        auto* const slots = a->slots();
        return {this, a, slots, slots + a->size.load(std::memory_order_acquire), 0, nullptr};
    }
    bool empty() const noexcept { return array_.load(std::memory_order_relaxed) == nullptr; }

    /// @throws std::bad_alloc, and nothing is changed
    TIDINGS_DECL void add(immediate_subscription& s, immediate_slot::function call, void* object,
                          retired_list& gone);
    /// How many walks of this thread over this list had still to come to the callback.
    TIDINGS_DECL std::uint32_t remove(immediate_subscription& s, retired_list& gone) noexcept;

    /// Those that have not ended. @throws std::bad_alloc
    TIDINGS_DECL std::vector<immediate_subscription*> standing() const;

    /// How many walks began, ever.
    std::uint64_t walks() const noexcept {
        return first_walks_.load(std::memory_order_relaxed) +
               second_walks_.load(std::memory_order_relaxed) +
               shared_walks_.load(std::memory_order_relaxed);
    }
    [[gnu::always_inline]] void count_walk(walker who) noexcept {
        if (who == walker::other) {
            shared_walks_.fetch_add(1, std::memory_order_relaxed);
            return;
        }
        auto& own = who == walker::first ? first_walks_ : second_walks_;
        own.store(own.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }

 private:
    void replace(std::uint32_t capacity, retired_list& gone);
    std::uint32_t skip_in_walks(const immediate_subscription& s) noexcept;

    std::atomic<immediate_array*> array_{nullptr};
    std::uint32_t ended_ = 0;  // slots whose subscription has ended; guarded by the bus's mutex
    // Written by publishers: away from what others of them read, and the first two from each other.
    alignas(64) std::atomic<std::uint64_t> first_walks_{0};
    alignas(64) std::atomic<std::uint64_t> second_walks_{0};
    std::atomic<std::uint64_t> shared_walks_{0};
};

/// A callback of a walk has thrown: logs that and counts it.
TIDINGS_DECL void note_thrown(immediate_array& array, const immediate_slot* at,
                              const log_sink& log) noexcept;

/// Begins a walk that is not empty: what ends from here on is left out, and what joins is not
/// called. `who` is this thread.
[[gnu::always_inline]] inline void announce(walk_frame& f, reader_record& here,
                                            walker who) noexcept {
    f.list->count_walk(who);
    f.outer = here.walks;
    here.walks = &f;
}

/// Calls the callbacks of the walk that was announced last. What one throws is logged and counted;
/// the others are called all the same.
/// @return how many were called
[[gnu::always_inline]] inline std::size_t walk(walk_frame& f, const event_ptr& e,
                                               reader_record& here, const log_sink& log) noexcept {
    auto* const end = f.end;
    const auto size = f.size();
    for (auto* next = f.next; next != end;) {
        try {
            do {
                auto* const at = next++;
                f.next = next;
                at->call.load(std::memory_order_relaxed)(at->object, e);
            } while (next != end);
        } catch (...) {
            next = f.next;
            note_thrown(*f.array, next - 1, log);
        }
    }
    here.walks = f.outer;
    return size - f.skipped;
}

/// The callbacks of a few patterns.
class few_walks {
 public:
    static constexpr std::size_t capacity = 8;

    bool empty() const noexcept { return size_ == 0; }
    /// False where it is full.
    bool add(immediate_list& list) noexcept {
        const auto f = list.current();
        if (f.size() == 0) return true;
        if (size_ == capacity) return false;
        frames_[size_++] = f;
        return true;
    }
    /// All before the first of them is walked: a callback changes lists that are still to come.
    void announce_all(reader_record& here, walker who) noexcept {
        for (auto i = size_; i-- != 0;) announce(frames_[i], here, who);
    }
    /// @return how many were called
    std::size_t walk_all(const event_ptr& e, reader_record& here, const log_sink& log) noexcept {
        std::size_t called = 0;
        for (std::size_t i = 0; i < size_; ++i) called += walk(frames_[i], e, here, log);
        return called;
    }

 private:
    std::size_t size_ = 0;
    std::array<walk_frame, capacity> frames_;  // not initialised
};

}  // namespace tidings::detail
