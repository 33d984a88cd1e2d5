// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/handler_memory.hpp>
#include <tidings/io/stream.hpp>

#include <boost/asio/any_io_executor.hpp>

// One header has what is Linux's own: an epoll set for each executor, so that waiting for a stream
// takes no system call of its own, where Asio asks epoll again for each wait.
#if defined(__linux__) && !defined(TIDINGS_NO_POLL_SET)
#define TIDINGS_POLL_SET 1
#include <sys/epoll.h>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/intrusive/list.hpp>
#else
#define TIDINGS_POLL_SET 0
#endif

namespace tidings::detail {

#if TIDINGS_POLL_SET

/// Which streams of one executor are ready. A stream is entered with its first wait and stays; the
/// kernel reports once that it became ready. Of the executor, but for `of`.
class poll_set final : public std::enable_shared_from_this<poll_set> {
    using list_hook = boost::intrusive::list_base_hook<
        boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

 public:
    /// A stream's place in the set. What waits must have been aborted or removed before it ends.
    struct entry : list_hook {
        explicit entry(int d) noexcept : descriptor(d) {}
        const int descriptor;
        std::uint32_t asked = 0;  ///< of what epoll reports; 0: it is not entered
        /// Nothing was left to read: epoll reports what comes. Else it has to be asked again.
        bool drained = true;
        bool hung_up = false;  ///< the peer's end was reported, which is not reported again
        io::ready_callback readable{}, writable{};
    };

    /// The set of an executor, from any thread. It ends with its last owner, or with the context.
    /// @throws std::bad_alloc
    TIDINGS_DECL static std::shared_ptr<poll_set> of(const net::any_io_executor& executor);
    TIDINGS_DECL explicit poll_set(net::any_io_executor executor);
    TIDINGS_DECL ~poll_set();
    poll_set(const poll_set&) = delete;
    poll_set& operator=(const poll_set&) = delete;

    const net::any_io_executor& executor() const noexcept { return executor_; }
    /// `done` is called in the executor, never inside. At most one for each direction.
    /// @error what the system reports, then `done` is not taken
    TIDINGS_DECL error_code wait(entry& e, io::wait_for what, io::ready_callback& done) noexcept;
    /// Takes it out; what waits completes with operation_aborted. Needs no memory.
    TIDINGS_DECL void abort(entry& e) noexcept;
    /// Takes it out; what waits is dropped.
    TIDINGS_DECL void remove(entry& e) noexcept;
    /// The context ends: everything that waits is dropped.
    TIDINGS_DECL void end() noexcept;

 private:
    static constexpr std::size_t memory_pointers = 40;
    class arrival;
    struct turn;
    using entries = boost::intrusive::list<entry, boost::intrusive::constant_time_size<false>>;

    error_code open() noexcept;
    error_code ask(entry& e, std::uint32_t for_what) noexcept;
    void leave(entry& e) noexcept;
    void arm() noexcept;
    void arm_epoll() noexcept;
    void cancel_epoll() noexcept;
    void on_ready();
    void complete(epoll_event& ready);
    void complete_aborted();
    void take(io::ready_callback& waiting, error_code ec);
    static void drop_all(entries& of) noexcept;

    const net::any_io_executor executor_;
    net::posix::stream_descriptor epoll_;
    handler_memory<memory_pointers> memory_;  // of the wait for the set itself
    entries entered_, aborted_;
    std::span<epoll_event> batch_;  // what a turn has not completed yet, its own first
    std::size_t waits_ = 0;
    enum class state : std::uint8_t { idle, armed, in_turn, ended };
    state state_ = state::idle;
};

#endif

}  // namespace tidings::detail
