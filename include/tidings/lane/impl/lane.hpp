// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/event_ptr.hpp>
#include <tidings/impl/context_end.hpp>
#include <tidings/impl/handler_memory.hpp>
#include <tidings/lane/impl/flushable.hpp>
#include <tidings/lane/impl/inbox_pair.hpp>
#include <tidings/lane/impl/lane_executor.hpp>
#include <tidings/lane/impl/lane_target.hpp>
#include <tidings/lane/impl/lane_task.hpp>
#include <tidings/lane/impl/timer_wheel.hpp>
#include <tidings/lane/impl/turn_block.hpp>
#include <tidings/receipt.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/strand.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace tidings::detail {

/// A strand of the user's context with what its connections share: an inbox for publications, a
/// list of what to flush at the end of the turn, a timer wheel, a receive buffer. Whatever belongs
/// to a connection happens in its lane. It ends with the context: what is enqueued later is
/// dropped. A turn locks nothing: threads that enqueue exclude each other alone.
class lane final : public context_dependent, public std::enable_shared_from_this<lane> {
 public:
    /// `single_thread`: no strand; one thread runs the context and uses what lives in the lane.
    /// Where NDEBUG is not defined, another thread that comes is an assertion that fails.
    TIDINGS_DECL static std::shared_ptr<lane> make(const net::any_io_executor& executor,
                                                   io::clock& clock, bool single_thread = false);
    TIDINGS_DECL ~lane() override;
    lane(const lane&) = delete;
    lane& operator=(const lane&) = delete;

    /// For what ends with the context at the latest: timers, sockets. Safe from any thread.
    TIDINGS_DECL net::any_io_executor executor() const noexcept;
    /// For what others keep.
    lane_executor lasting_executor() noexcept { return lane_executor(shared_from_this()); }
    /// A handler for the lane that others may keep, call and destroy, also when the context is
    /// gone.
    template <class F>
    auto bind(F&& f) {
        // It is moved as it is called, which must need no memory: an answer would be lost.
        static_assert(std::is_nothrow_move_constructible_v<std::decay_t<F>>);
        return net::bind_executor(lasting_executor(), std::forward<F>(f));
    }
    /// The same, of what ends with the context at the latest.
    template <class F>
    auto bind_here(F&& f) const {
        static_assert(std::is_nothrow_move_constructible_v<std::decay_t<F>>);
        return net::bind_executor(executor(), std::forward<F>(f));
    }
    /// The same as a completion handler, `Handler(executor, f)`.
    template <class Handler, class F>
    Handler completion(F&& f) {
        return Handler(lasting_executor(), bind(std::forward<F>(f)));
    }
    /// Whether the caller runs in the lane. Safe from any thread.
    TIDINGS_DECL bool running_here() const noexcept;
    /// Whether what lives in the lane may end here: the caller runs in it, or its context is gone.
    /// False where that is not known. Safe from any thread.
    TIDINGS_DECL bool certainly_here() noexcept;

    /// Hands a publication to targets of this lane. Safe from any thread. A burst costs one post.
    /// A turn delivers what it finds in order and then flushes; while each lap brings more it is
    /// lengthened, by at most four laps. A burst that stays in the same lists of one pattern is
    /// delivered target by target, each its events in order.
    ///
    /// Where the inbox is full, and where there is no memory, nothing is delivered: each target is
    /// notified of how many events it missed, with the next turn that there is.
    /// @param e the publication
    /// @param stops all of this lane
    /// @param ticket the publication's own, not 0: a target that is in several lists gets it once
    /// @param most how much the inbox may hold before it counts as full
    /// @param join what waits for the targets' answers, or null
    /// @return in how many places of the lists stand targets that will not get it: 0, unless it was
    /// missed or the context is gone
    TIDINGS_DECL std::size_t enqueue(const event_ptr& e, std::span<const lane_stop> stops,
                                     std::uint64_t ticket, const queue_limits& most,
                                     const std::shared_ptr<delivery_join>& join = nullptr) noexcept;
    /// Calls `f` in the lane after everything that was enqueued before. @throws std::bad_alloc
    TIDINGS_DECL void post(unique_function<void()> f);
    /// The same of what needs no memory, as a turn of an io_context does not. On another executor
    /// it waits, where there is none for a turn, for the next turn that there is.
    TIDINGS_DECL void post(lane_task& t) noexcept;

    /// Makes what is given away in handlers (to a store, to a user's subscriber) although it holds
    /// timers or connections of this lane: wherever its last owner releases it, on any thread, it
    /// ends in the lane, or with the context.
    template <class T, class... Args>
    std::shared_ptr<T> make_resident(Args&&... args) {
        auto* made = new resident<T>(std::forward<Args>(args)...);
        return {&made->value, [l = shared_from_this(), made](T*) {
                    if (l->certainly_here())
                        made->run();
                    else
                        l->post(*made);
                }};
    }

    /// In the lane: `f->flush()` is called at the end of this turn.
    /// @throws std::bad_alloc, and nothing has changed
    TIDINGS_DECL void schedule_flush(std::shared_ptr<flushable> f);

    /// Delivers what is in the inbox and flushes, without waiting for laps: inside the call where
    /// the caller runs in the lane, and not in its turn, and for a lane without a strand also
    /// between the handlers of its thread; else with the next lap of the turn that is posted. From
    /// any thread.
    TIDINGS_DECL void flush() noexcept;

    /// Lane-confined.
    timer_wheel& timers() noexcept { return *timers_; }
    /// 64 KiB that the lane's connections share, made when first asked for; valid until the handler
    /// returns.
    std::span<std::byte> receive_buffer() { return buffer(receive_buffer_); }
    /// Likewise, where what a turn sends is put together.
    std::span<std::byte> send_buffer() { return buffer(send_buffer_); }
    /// What that buffer holds, while a turn flushes several connections; else null.
    turn_block* block_of_turn() noexcept { return flushing_.size() > 1 ? &block_ : nullptr; }

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
    friend class lane_executor;
    template <class T>
    struct resident final : lane_task {
        template <class... Args>
        explicit resident(Args&&... args) : value(std::forward<Args>(args)...) {}
        void run() noexcept override { delete this; }
        void drop() noexcept override { delete this; }
        T value;
    };
    /// Tries again to wait for the wheel's timers, with the next turn.
    struct rearming final : lane_task {
        explicit rearming(lane& l) noexcept : of(l) {}
        void begin() noexcept;
        void run() noexcept override;
        void drop() noexcept override {}
        lane& of;
        bool posted = false;
    };
    static constexpr std::size_t buffer_bytes = 64 * 1024;
    lane(net::any_io_executor executor, io::clock& clock, bool single_thread);
    void note_thread() noexcept;
    bool on_its_thread() const noexcept;
    bool on_its_strand() const noexcept;
    bool in_turn_of_this_thread() const noexcept;
    TIDINGS_DECL std::span<std::byte> buffer(std::unique_ptr<std::byte[]>& b);
    void execute(unique_function<void()> f, bool may_block);
    template <class Add>
    bool put(const Add& add, unique_function<void()>& call);
    bool wake() noexcept;
    bool claim_turn() noexcept;
    void hurry() noexcept;
    bool post_turn(unsigned lap) noexcept;
    void enter_turn(unsigned lap) noexcept;
    void run_turn(unsigned lap) noexcept;
    void take_laps(unsigned lap) noexcept;
    bool deliver_inbox() noexcept;
    bool finish_turn() noexcept;
    void flush_all() noexcept;

    const bool single_thread_;
    std::atomic<std::thread::id> thread_{};       // of a lane without a strand: where its turns run
    std::atomic<std::thread::id> turn_thread_{};  // that runs a turn now
    mutable std::mutex mutex_;                    // held to fill an inbox; guards the next two
    net::any_io_executor executor_;               // changed once, at the context's end
    bool ended_ = false;
    const bool on_io_context_;  // a turn there needs no memory
    std::unique_ptr<inbox_pair> inboxes_ = std::make_unique<inbox_pair>();  // none once it ended
    /// Whether a turn is posted or runs, and waits for no more laps.
    enum class turn : std::uint8_t { none, posting, posted, hurried };
    std::atomic<turn> turn_{turn::none};
    handler_memory<12> turn_memory_;  // of the turn that is posted

    // Lane-confined from here.
    bool in_turn_ = false;
    std::vector<std::shared_ptr<flushable>> flushes_;
    std::vector<std::shared_ptr<flushable>> flushing_;
    io::steady_time turn_started_{};
    rearming rearming_{*this};
    std::optional<timer_wheel> timers_;  // none once the context is gone
    std::unique_ptr<std::byte[]> receive_buffer_;
    std::unique_ptr<std::byte[]> send_buffer_;
    turn_block block_;
    std::string spare_message_;
    statistics stats_;
};

}  // namespace tidings::detail
