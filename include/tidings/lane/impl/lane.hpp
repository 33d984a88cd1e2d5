// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/event_ptr.hpp>
#include <tidings/impl/context_end.hpp>
#include <tidings/lane/impl/flushable.hpp>
#include <tidings/lane/impl/lane_target.hpp>
#include <tidings/lane/impl/timer_wheel.hpp>
#include <tidings/receipt.hpp>

#include <boost/asio/strand.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

namespace tidings::detail {

/// A strand of the user's context with what its connections share: an inbox for publications, a
/// list of what to flush at the end of the turn, a timer wheel, a receive buffer. Whatever belongs
/// to a connection happens in its lane. It ends with the context: what is enqueued later is
/// dropped.
class lane final : public context_dependent, public std::enable_shared_from_this<lane> {
 public:
    /// `single_thread`: no strand; one thread runs the context and uses what lives in the lane.
    /// Where NDEBUG is not defined, another thread that comes is an assertion that fails.
    TIDINGS_DECL static std::shared_ptr<lane> make(const net::any_io_executor& executor,
                                                   io::clock& clock, bool single_thread = false);
    TIDINGS_DECL ~lane() override;
    lane(const lane&) = delete;
    lane& operator=(const lane&) = delete;

    const net::any_io_executor& executor() const noexcept { return executor_; }
    /// Whether the caller runs in the lane.
    TIDINGS_DECL bool running_here() const noexcept;

    /// Hands a publication to targets of this lane. Safe from any thread. A burst costs one post.
    /// A turn delivers what it finds in order and then flushes; while each lap brings more it is
    /// lengthened, by at most four laps. False when the inbox is full (65,536 events, or 64 MiB by
    /// their footprint) or the context is gone; of a full inbox each target is notified of how many
    /// events it missed.
    ///
    /// A burst that stays in one family is delivered target by target, each its events in order,
    /// while what belongs to the target is in the processor's cache.
    /// @param e the publication
    /// @param targets all of this lane
    /// @param ticket names the publication: a target that is in several lists gets it once
    /// @param join what waits for the targets' answers, or null
    /// @param family names lists that never hold one target twice (the chunks of a pattern); null:
    /// the list has no family
    TIDINGS_DECL bool enqueue(const event_ptr& e, std::shared_ptr<const lane_targets> targets,
                              std::uint64_t ticket, std::shared_ptr<delivery_join> join = nullptr,
                              const void* family = nullptr);
    /// Calls `f` in the lane after everything that was enqueued before.
    TIDINGS_DECL void post(unique_function<void()> f);

    /// Makes what is given away in handlers (to a store, to a user's subscriber) although it holds
    /// timers or connections of this lane: wherever its last owner releases it, on any thread, it
    /// ends in the lane, or with the context.
    template <class T, class... Args>
    std::shared_ptr<T> make_resident(Args&&... args) {
        return {new T(std::forward<Args>(args)...), [l = shared_from_this()](T* p) {
                    std::unique_ptr<T> ending(p);
                    if (!l->certainly_here()) l->post([last = std::move(ending)] {});
                }};
    }

    /// In the lane: `f.flush()` is called at the end of this turn. `f` is kept alive by `keep`.
    TIDINGS_DECL void schedule_flush(std::shared_ptr<flushable> f);

    /// Lane-confined.
    timer_wheel& timers() noexcept { return *timers_; }
    /// 64 KiB that the lane's connections share, made when first asked for; valid until the handler
    /// returns.
    std::span<std::byte> receive_buffer() { return buffer(receive_buffer_); }
    /// Likewise, where what a turn sends is put together.
    std::span<std::byte> send_buffer() { return buffer(send_buffer_); }

    /// Memory that parsers of large messages pass on to each other.
    std::string& spare_message() noexcept { return spare_message_; }

    /// For tests: laps run, connections flushed, memory of the buffers.
    struct statistics {
        std::uint64_t laps = 0, flushes = 0;
        std::size_t buffer_bytes = 0;
    };
    const statistics& stats() const noexcept { return stats_; }

    void on_context_end() noexcept override;

 private:
    /// A publication, a call, or without either: how many publications did not fit in here.
    struct letter {
        event_ptr event{};
        std::shared_ptr<const lane_targets> targets{};
        std::uint64_t ticket = 0;
        std::shared_ptr<delivery_join> join{};
        unique_function<void()> call{};
        std::uint64_t missed = 0;
        std::uint64_t missed_kept = 0;
        std::uint64_t missed_through = 0;
        const void* family = nullptr;
    };
    static constexpr std::size_t buffer_bytes = 64 * 1024;
    lane(net::any_io_executor executor, io::clock& clock, bool single_thread);
    void note_thread() noexcept;
    bool on_its_thread() const noexcept;
    TIDINGS_DECL bool certainly_here() noexcept;
    TIDINGS_DECL std::span<std::byte> buffer(std::unique_ptr<std::byte[]>& b);
    bool wake();
    void note_missed(const event_ptr& e, std::shared_ptr<const lane_targets> targets);
    void post_turn(unsigned lap);
    bool try_post_turn(unsigned lap) noexcept;
    bool finish_turn() noexcept;
    void run_turn(unsigned lap);
    bool deliver_inbox() noexcept;
    static void deliver(const letter& l) noexcept;
    static void deliver_burst(std::span<const letter> burst) noexcept;
    std::size_t burst_at(std::size_t first) const noexcept;
    static void deliver_miss(const letter& l) noexcept;
    static bool first_time(lane_target& t, std::uint64_t ticket) noexcept;
    void flush_all() noexcept;

    net::any_io_executor executor_;
    bool single_thread_;
    std::atomic<std::thread::id> thread_{};  // of a lane without a strand: where its turns run
    std::mutex mutex_;
    std::vector<letter> inbox_;  // guarded by mutex_, as the next four
    std::size_t inbox_bytes_ = 0;
    std::vector<std::size_t> overruns_;  // which letters of the inbox report misses
    bool turn_posted_ = false;
    bool ended_ = false;

    // Lane-confined from here.
    std::vector<letter> reading_;
    std::vector<std::shared_ptr<flushable>> flushes_;
    std::vector<std::shared_ptr<flushable>> flushing_;
    io::steady_time turn_started_{};
    std::optional<timer_wheel> timers_;  // none once the context is gone
    std::unique_ptr<std::byte[]> receive_buffer_;
    std::unique_ptr<std::byte[]> send_buffer_;
    std::string spare_message_;
    statistics stats_;
};

}  // namespace tidings::detail
