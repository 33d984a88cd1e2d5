// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/immediate_list.hpp>
#include <tidings/detail/short_mutex.hpp>
#include <tidings/lane/impl/lane_target.hpp>
#include <tidings/lane/impl/lane_task.hpp>

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace tidings::detail {

class lane;
class queue_subscription;

/// Notifies targets, in their lane, that the bus was closed. It is made before it is due, so that
/// closing needs no memory.
struct closing_notice final : lane_task {
    void run() noexcept override {
        const std::unique_ptr<closing_notice> last(this);
        for (const auto& target : *targets) target->on_bus_closed();
    }
    void drop() noexcept override { delete this; }
    std::shared_ptr<const lane_targets> targets{};
};

/// The subscriptions of one pattern, grouped by the way of delivering. The lists are changed with
/// both the bus's mutex and `lists_mutex` held, and read with either. Publishers read the immediate
/// callbacks without them: these come first, in a cache line that no other pattern has.
struct alignas(64) pattern_entry final : retirable {
    static constexpr std::size_t max_chunk = 256;
    /// What a dispatch may hold beyond the mutex is copied on write; lane targets stand in chunks,
    /// so that a copy is small however many there are.
    struct chunk {
        std::shared_ptr<lane> home;
        std::shared_ptr<const lane_targets> targets;
        std::unique_ptr<closing_notice> closing;  // null once it is posted
    };

    /// Its text stands behind it. Ends with `reclaim`. @throws std::bad_alloc
    TIDINGS_DECL static pattern_entry* make(std::string_view pattern);
    TIDINGS_DECL void reclaim() noexcept override;
    std::string_view pattern() const noexcept {
        return {reinterpret_cast<const char*>(this + 1), size_};
    }

    immediate_list immediates;
    /// There is more than immediate callbacks.
    std::atomic<bool> has_lists{false};
    /// Taken inside the bus's mutex, several in the order of their addresses.
    short_mutex lists_mutex;
    std::vector<std::shared_ptr<queue_subscription>> queues;
    std::vector<chunk> chunks;

    /// Publications that passed the bus's mutex.
    std::uint64_t walks() const noexcept {
        return immediates.walks() + handed_.load(std::memory_order_acquire);
    }
    /// A publication was handed to the lists, with their mutex held and not the bus's.
    void note_handed() noexcept {
        handed_.store(handed_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    }
    bool empty() const noexcept { return immediates.empty() && queues.empty() && chunks.empty(); }
    void add(std::shared_ptr<queue_subscription> s);
    void add(const std::shared_ptr<lane>& l, std::shared_ptr<lane_target> t);
    /// The list that the next target of a lane is added to; null where that begins another.
    std::shared_ptr<const lane_targets> open_list(const std::shared_ptr<lane>& l) noexcept;
    /// Whether a target stands here.
    bool holds(const std::shared_ptr<lane>& l, const lane_target* t) const noexcept;
    /// Undoes the `add` of a target that came last, if that was made; `before` is what `open_list`
    /// returned before it. Needs no memory.
    void take_back(const std::shared_ptr<lane>& l, const lane_target* t,
                   std::shared_ptr<const lane_targets> before) noexcept;
    void remove(const queue_subscription* s) noexcept;
    /// Without memory for a smaller list it stays, and ignores what comes.
    void remove(const std::shared_ptr<lane>& l, const lane_target* t) noexcept;

 private:
    explicit pattern_entry(std::size_t size) noexcept : size_(static_cast<std::uint16_t>(size)) {}
    ~pattern_entry() = default;
    std::vector<chunk>::reverse_iterator last_chunk(const std::shared_ptr<lane>& l) noexcept;
    template <class F>
    void change_lists(F f);

    std::atomic<std::uint64_t> handed_{0};
    const std::uint16_t size_;  // of the pattern
};

}  // namespace tidings::detail
