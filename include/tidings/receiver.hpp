// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/initiation.hpp>
#include <tidings/subscription.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/recycling_allocator.hpp>

#include <type_traits>
#include <vector>

namespace tidings {

namespace detail {

class receiver_subscription;
class receive_operation;

struct receive_end {
    void operator()(receive_operation* o) const noexcept;
};
/// Destroyed without completing, as it is when its context is gone.
using receive_ptr = std::unique_ptr<receive_operation, receive_end>;

/// A read of a receiver: its handler, where that runs, and what it gets. One allocation.
class receive_operation {
 public:
    receive_operation(net::any_io_executor io, std::size_t max)
        : executor(std::move(io)),
          most(max) {}
    receive_operation(const receive_operation&) = delete;
    receive_operation& operator=(const receive_operation&) = delete;

    virtual net::cancellation_slot cancellation_slot() const noexcept = 0;
    /// Destroys it and, unless it is dropped, calls its handler. On the handler's executor.
    virtual void finish(bool dropped) = 0;

    /// It has what it gets.
    bool served() const noexcept { return event || !batch.empty(); }

    net::any_io_executor executor;  ///< where the handler runs; empty: that of the receiver
    const std::size_t most;         ///< events; 0: one, which is no batch
    std::uint64_t id = 0;           ///< for its cancellation
    error_code error{};
    event_ptr event{};
    std::vector<event_ptr> batch{};
    receive_ptr next{};  ///< in line
    /// Memory for the post that completes it.
    alignas(std::max_align_t) std::byte post_memory[80];

 protected:
    virtual ~receive_operation() = default;
};

inline void receive_end::operator()(receive_operation* o) const noexcept {
    o->finish(true);
}

/// Whether handlers of a type say themselves where they run.
struct no_executor {};
template <class Handler>
inline constexpr bool has_executor =
    !std::is_same_v<net::associated_executor_t<Handler, no_executor>, no_executor>;

template <class Handler, bool Batch>
class receive_operation_of final : public receive_operation {
    using allocator = typename std::allocator_traits<net::associated_allocator_t<
        Handler, net::recycling_allocator<void>>>::template rebind_alloc<receive_operation_of>;

 public:
    /// @param io where the handler runs, if it says so itself; else empty
    static receive_ptr make(net::any_io_executor io, Handler handler, std::size_t max) {
        allocator memory = allocator_of(handler);
        auto* place = std::allocator_traits<allocator>::allocate(memory, 1);
        return receive_ptr(::new (static_cast<void*>(place))
                               receive_operation_of(std::move(io), std::move(handler), max));
    }
    net::cancellation_slot cancellation_slot() const noexcept override {
        return net::get_associated_cancellation_slot(handler_);
    }
    void finish(bool dropped) override {
        auto handler = std::move(handler_);
        const auto ec = error;
        auto one = std::move(event);
        auto several = std::move(batch);
        allocator memory = allocator_of(handler);
        this->~receive_operation_of();
        std::allocator_traits<allocator>::deallocate(memory, this, 1);
        if (dropped) return;
        if constexpr (Batch)
            std::move(handler)(ec, std::move(several));
        else
            std::move(handler)(ec, std::move(one));
    }

 private:
    receive_operation_of(net::any_io_executor&& io, Handler&& handler, std::size_t max)
        : receive_operation(std::move(io), max),
          handler_(std::move(handler)) {}
    ~receive_operation_of() override = default;
    static allocator allocator_of(const Handler& h) noexcept {
        return allocator(net::get_associated_allocator(h, net::recycling_allocator<void>()));
    }

    Handler handler_;
};

}  // namespace detail

/// A subscription that is read by a coroutine: a bounded queue and its pending reads. Owns its
/// subscription; move-only. Safe from any thread; operations under way are served in order.
///
/// A read that a handler of another read starts, and that finds an event, completes after that
/// handler has returned and before other work of the executor, up to 64 in a row: a burst costs one
/// post.
class [[nodiscard("a receiver's subscription ends when it is destroyed")]] receiver {
 public:
    receiver() = default;
    TIDINGS_DECL explicit receiver(std::shared_ptr<detail::receiver_subscription> s) noexcept;
    receiver(receiver &&) = default;
    TIDINGS_DECL receiver& operator=(receiver&& o) noexcept;
    TIDINGS_DECL ~receiver();

    using executor_type = net::any_io_executor;
    /// The bus's. Of an empty receiver the system's.
    TIDINGS_DECL executor_type get_executor() const noexcept;

    /// The next event, if there is one.
    TIDINGS_DECL std::optional<event_ptr> try_receive();

    /// Completes with `void(error_code, event_ptr)` when there is an event. Never inline.
    /// @error why the subscription was refused or ended, as `subscription::error` has it
    /// (errc::closed, errc::lagging, errc::history_failed, errc::bad_pattern, errc::too_many), and
    /// operation_aborted. Per-operation cancellation: total, nothing is lost. While it waits it is
    /// no outstanding work: `run()` returns if there is no other; a program that lives by this
    /// alone holds a work guard.
    template <net::completion_token_for<void(error_code, event_ptr)> Token = net::deferred_t>
    [[nodiscard]] auto async_receive(Token && token = Token{}) {
        return detail::initiate_with<void(error_code, event_ptr)>(starting<false>{state_},
                                                                  std::forward<Token>(token), 0U);
    }

    /// The same with 1 to `max` events at once: what is there. Errors, cancellation and outstanding
    /// work as with `async_receive`; cancelled, it takes no event.
    template <net::completion_token_for<void(error_code, std::vector<event_ptr>)> Token =
                  net::deferred_t>
    [[nodiscard]] auto async_receive_batch(std::size_t max, Token && token = Token{}) {
        return detail::initiate_with<void(error_code, std::vector<event_ptr>)>(
            starting<true>{state_}, std::forward<Token>(token), max == 0 ? 1 : max);
    }

    /// Whether it is subscribed; see `subscription::error`.
    TIDINGS_DECL bool active() const noexcept;
    explicit operator bool() const noexcept {
        return active();
    }
    TIDINGS_DECL error_code error() const noexcept;
    /// Ends it; what is queued is discarded and counted, pending reads complete with
    /// errc::closed.
    TIDINGS_DECL void reset() noexcept;
    TIDINGS_DECL subscription_counters counters() const noexcept;

 private:
    TIDINGS_DECL static executor_type executor_of(
        const std::shared_ptr<detail::receiver_subscription>& s) noexcept;
    /// As `detail::initiation`, without a copy of the executor.
    template <bool Batch>
    struct starting {
        using executor_type = net::any_io_executor;
        executor_type get_executor() const noexcept { return executor_of(state); }
        template <class Handler>
        void operator()(Handler&& handler, std::size_t max) {
            using operation = detail::receive_operation_of<std::decay_t<Handler>, Batch>;
            net::any_io_executor io;
            if constexpr (detail::has_executor<std::decay_t<Handler>>)
                io = net::get_associated_executor(handler, executor_of(state));
            start(state, operation::make(std::move(io), std::forward<Handler>(handler), max));
        }
        std::shared_ptr<detail::receiver_subscription> state;
    };
    TIDINGS_DECL static void start(const std::shared_ptr<detail::receiver_subscription>& s,
                                   detail::receive_ptr operation);
    std::shared_ptr<detail::receiver_subscription> state_;
};

}  // namespace tidings
