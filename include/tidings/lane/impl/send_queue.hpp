// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/stream.hpp>
#include <tidings/lane/impl/lane.hpp>
#include <tidings/lane/impl/pace.hpp>
#include <tidings/overflow.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tidings::detail {

/// What a queue sends for. Called in the lane, at the end of a turn or from the stream, never
/// inside `append`, and not once the queue was closed. Each may close the queue and end what it is
/// called on.
class send_queue_user {
 public:
    virtual void on_room() noexcept = 0;                ///< `ready()` again after it was not
    virtual void on_empty() noexcept = 0;               ///< see `send_queue::report_empty`
    virtual void on_error(error_code ec) noexcept = 0;  ///< once; nothing is sent any more

 protected:
    ~send_queue_user() = default;
};

/// What a connection still has to send. Lane-confined; owned by its connection through a
/// shared_ptr.
///
/// What a turn of the lane appends leaves at its end in one non-blocking write of contiguous bytes:
/// straight from the shared wire form if it is one message, else gathered in the lane's scratch
/// buffer. Only a full socket costs a wait. A stream that cannot be polled (TLS) gets one
/// asynchronous write of the turn's block at a time.
///
/// A peer that takes less than 1 KiB/s over `write_timeout` while the queue waits for it is an
/// error, errc::timed_out. What counts is what the stream has passed on, be it in the middle of a
/// write.
class send_queue final : public flushable, public std::enable_shared_from_this<send_queue> {
 public:
    /// A block leaves at this size even within a turn; beyond it the queue is not ready for more.
    static constexpr std::size_t max_block_bytes = 64 * 1024;

    /// `stream` outlives the queue's use, and so does the user: call `close` before they go.
    TIDINGS_DECL send_queue(std::shared_ptr<lane> l, io::stream& stream,
                            std::chrono::milliseconds write_timeout);
    /// Null: nothing is called.
    void listen(send_queue_user* user) noexcept { user_ = user; }

    /// Appends the bytes of a form. As the other two throws std::bad_alloc, and nothing has
    /// changed.
    TIDINGS_DECL void append(wire_form&& form);
    /// Appends bytes of one's own that stand for an event.
    TIDINGS_DECL void append_own(event_ptr of, std::string bytes);
    /// Appends bytes of one's own: control frames, headers, heartbeats.
    TIDINGS_DECL void append(std::string bytes);
    /// The same of parts that follow each other. What waits of the queue's own already takes them
    /// in, so that many small ones are one.
    TIDINGS_DECL void append(std::initializer_list<std::string_view> parts);

    /// Takes back what stands for an event that `f` names and has not begun to leave. False where
    /// one has: nothing takes that back but the connection's end.
    template <class F>
    bool discard(F f) {
        const auto writing = wait_ ? wait_->writing.size() : 0;
        std::size_t offset = 0;
        std::size_t gone = 0;
        std::size_t beside = 0;
        bool begun = false;
        const auto is_gone = [&](const item& i) {
            const bool leaving = offset < writing || (offset == 0 && front_begun_);
            offset += i.bytes.size();
            if (!i.form.event() || !f(*i.form.event())) return false;
            begun = begun || leaving;
            if (leaving) return false;
            gone += i.bytes.size();
            beside += i.overhead();
            return true;
        };
        const auto from = items_.begin() + static_cast<std::ptrdiff_t>(first_);
        items_.erase(std::remove_if(from, items_.end(), is_gone), items_.end());
        take_back(gone, beside);
        return !begun;
    }

    /// Whether it takes another message. It always takes control bytes.
    bool ready() const noexcept {
        return !closed() && !error_ && held() + overhead() < max_block_bytes;
    }
    bool empty() const noexcept { return held() == 0; }
    /// The user's `on_empty` is called, once, when everything is with the system; not where sending
    /// fails before. @throws std::bad_alloc
    TIDINGS_DECL void report_empty();

    /// A message is on its way here from another thread: it counts from now on, and no more once it
    /// has arrived. From any thread.
    void expect(std::size_t bytes) noexcept { add_to(expected_, bytes); }
    void arrived(std::size_t bytes) noexcept { add_to(expected_, -bytes); }
    /// What waits here or is on its way here. From any thread.
    std::size_t pending_bytes() const noexcept {
        return held() + expected_.load(std::memory_order_relaxed);
    }
    /// Whether so much is pending, with what the queue itself needs for it, that nothing but
    /// control bytes should come. From any thread.
    bool over(std::size_t max_bytes) const noexcept {
        return pending_bytes() + overhead() > max_bytes;
    }

    void flush() noexcept override;
    /// Gives back the memory of the list while nothing waits: nothing has for a while.
    TIDINGS_DECL void shrink() noexcept;
    /// Forgets everything; the user is not called any more.
    TIDINGS_DECL void close() noexcept;

    /// How many writes were made: while it is unchanged, nothing was sent.
    std::uint64_t writes() const noexcept { return writes_; }
    /// How often the stream did not take all of it at once: when the queue is empty, and this has
    /// changed, the peer has read.
    std::uint64_t stalls() const noexcept { return stalls_; }

 private:
    enum class mode : std::uint8_t {
        ready,    // a write may begin
        blocked,  // a wait or an asynchronous write is under way
        closed
    };
    static constexpr std::uint8_t room = 1;
    static constexpr std::uint8_t emptiness = 2;
    struct item {
        item() = default;
        item(wire_form&& f, std::string_view b) noexcept : form(std::move(f)), bytes(b) {}
        item(wire_form&& f, std::unique_ptr<std::string>&& o, std::string_view b) noexcept
            : form(std::move(f)),
              own(std::move(o)),
              bytes(b) {}

        wire_form form{};  // or its event alone
        std::unique_ptr<std::string> own{};
        std::string_view bytes{};

        // What it takes in memory beside its bytes: without it, small messages would cost many
        // times what they count for.
        std::size_t overhead() const noexcept {
            constexpr std::size_t allocated = 32;  // about, for a block of the heap
            return sizeof(item) + (own ? sizeof(std::string) + allocated : 0);
        }
    };
    static void add_to(std::atomic<std::size_t>& n, std::size_t bytes) noexcept {
        n.fetch_add(bytes, std::memory_order_relaxed);
    }
    // Changed by the lane alone, read by others.
    std::size_t held() const noexcept { return held_.load(std::memory_order_relaxed); }
    void hold(std::size_t bytes) noexcept { held_.store(bytes, std::memory_order_relaxed); }
    void hold_beside(std::size_t bytes) noexcept {
        overhead_.store(bytes, std::memory_order_relaxed);
    }
    std::size_t overhead() const noexcept { return overhead_.load(std::memory_order_relaxed); }
    bool closed() const noexcept { return mode_ == mode::closed; }
    // Of an item whose bytes are all that other connections have, too; else null.
    static const wire_form* shared_form(const item& i) noexcept {
        return i.own == nullptr ? &i.form : nullptr;
    }
    template <class... Parts>
    void add(std::string_view bytes, Parts&&... parts);
    void keep_for_others(std::string_view block) noexcept;
    bool extend(std::initializer_list<std::string_view> parts, std::size_t size);
    bool nothing_left() const noexcept { return first_ == items_.size(); }
    std::string_view next_block() noexcept;
    void consume(std::size_t sent) noexcept;
    void note_progress(std::size_t sent) noexcept;
    TIDINGS_DECL void take_back(std::size_t bytes, std::size_t beside) noexcept;
    void forget_sent() noexcept;
    void start_window() noexcept;
    void write() noexcept;
    void write_polled() noexcept;
    void write_async() noexcept;
    void start_write();
    void wait_writable() noexcept;
    void give_up_write() noexcept;
    void await_progress();
    void on_window_end() noexcept;
    void after_progress() noexcept;
    void tell_empty() noexcept;
    void fail(error_code ec) noexcept;

    std::shared_ptr<lane> lane_;
    io::stream* stream_;
    send_queue_user* user_ = nullptr;
    std::chrono::milliseconds write_timeout_;
    /// Of one whose stream did not take all of it at once, until it is silent.
    struct wait {
        explicit wait(send_queue& queue);
        wheel_timer window;  // of the pace, while there is something to wait for
        detail::pace pace{};
        std::uint64_t pushed = 0;  // of `io::stream::push_on`, up to the last look
        std::string writing{};     // TLS: the block under way
    };
    std::unique_ptr<wait> wait_;
    std::vector<item> items_;  // those before first_ are sent
    std::size_t first_ = 0;
    std::atomic<std::size_t> held_{0};
    std::atomic<std::size_t> overhead_{0};
    std::atomic<std::size_t> expected_{0};
    std::uint64_t writes_ = 0;
    std::uint64_t stalls_ = 0;
    error_code error_;  // of a write, reported at the end of the turn
    mode mode_ = mode::ready;
    std::uint8_t reports_ = 0;  // what the user is to learn: of `room`, of `emptiness`
    bool front_begun_ = false;  // of the first item a part has left
};

}  // namespace tidings::detail
