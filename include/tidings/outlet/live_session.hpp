// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/exchange.hpp>
#include <tidings/log.hpp>
#include <tidings/outlet/sessions.hpp>
#include <tidings/outlet/stream_request.hpp>
#include <tidings/overflow.hpp>
#include <tidings/position.hpp>
#include <tidings/subscriber.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace tidings {

namespace detail {
class bus_state;
class live_output;
class live_state;
}  // namespace detail

/// Names what frames look like. Sessions whose kinds are equal send the same bytes for an event,
/// which is then encoded once for all of them. Without a tag each session encodes for itself.
struct frame_kind {
    const void* tag = nullptr;  ///< the address of something that never goes: a static object
    std::uint64_t number = 0;   ///< of many kinds of one tag; below 2^63, never used again
};

/// What the sessions of one service have in common.
struct live_session_options {
    std::string_view name = "live";  ///< in the log; a literal
    frame_kind frames{};
    /// `max_bytes` also bounds what waits of `deliver` and `send`.
    queue_limits limits{};  ///< of what waits for a slow peer and no history holds
    tidings::overflow overflow = tidings::overflow::disconnect;
    std::uint64_t max_lag = 0;  ///< events a peer may be behind; 0: as far as the history reaches
    /// The longest silence: then `beat` is sent. 0: never.
    std::chrono::milliseconds heartbeat{15'000};
    /// A peer that takes less than 1 KiB/s over such a time of what waits for it is cut.
    std::chrono::milliseconds write_timeout{30'000};
    /// For the peer to close, once everything that was to be sent has left.
    std::chrono::milliseconds close_timeout{5'000};
    std::chrono::milliseconds max_lifetime{0};  ///< 0: none; else each session 80 to 100 % of it
    session_counters counters{};                ///< `sessions::counters()`
    log_sink log{};
    /// Of a stream that resumes, unless its request says.
    tidings::after_gap after_gap = tidings::after_gap::present;
};

/// What a bus stands on, `bus::state()`: what holds it needs no bus that is still there.
using bus_reference = std::shared_ptr<detail::bus_state>;

/// What `sessions::open` lets a session begin with.
struct live_start {
    std::string first{};           ///< bytes of the body behind the head
    bus_reference bus{};           ///< null: no event comes by itself
    http::stream_request asked{};  ///< which events
};

/// One open stream of events to a peer, as a subscriber: what every streaming transport shares. It
/// owns the connection, what waits to be sent, the way through the bus (live, or from the history
/// while the peer is behind), the timers of silence, writing and closing, and what is counted. A
/// transport derives from it and says how an event looks, how the stream says that it is alive, and
/// how it ends:
///
///     begin -> open -> say_goodbye, what waits leaves -> the peer closes, or close_timeout ->
///     ended
///
/// `sessions::open` lets it begin. The public members are safe from any thread and do nothing once
/// it has ended; what a transport overrides is called in the session's lane, one call at a time,
/// and may call every member. An exception that it throws is logged.
class live_session : public subscriber {
 public:
    TIDINGS_DECL ~live_session() override;

    /// @return queued; dropped where more than `limits.max_bytes` is pending, or memory is missing,
    /// which is announced by `tidings.lagged` before the next event; closed
    TIDINGS_DECL outcome deliver(const event_ptr& e) noexcept override;
    /// Ends it in an orderly way: what waits leaves, and `say_goodbye` behind it.
    TIDINGS_DECL void close();
    /// Ends it at once, without `say_goodbye`.
    TIDINGS_DECL void abort();
    /// False from `say_goodbye` on.
    TIDINGS_DECL bool is_open() const noexcept;

    TIDINGS_DECL const tidings::principal& principal() const noexcept;
    /// The request for it, where the service kept it in `live_stream::request`.
    TIDINGS_DECL const http::request& request() const noexcept;
    TIDINGS_DECL std::string remote_address() const;
    /// Bytes waiting in this process; the kernel may hold more.
    TIDINGS_DECL std::size_t pending_bytes() const noexcept;

 protected:
    /// Neither may be null. Owned by a shared_ptr before `sessions::open`.
    TIDINGS_DECL live_session(http::live_stream stream,
                              std::shared_ptr<const live_session_options> options);

    /// Appends the bytes that stand for an event to `out`, which is empty; none: the event is
    /// passed over. Control events (`is_control`) come this way, too. Called once for all sessions
    /// of an equal `frame_kind`: nothing in the bytes may be of this session, unless it has none.
    /// @return an error: the event is not sent, counted as "events_unsent", and logged; where
    /// memory is missing (errc::out_of_memory, or std::bad_alloc) an event of the bus ends the
    /// session, so that its peer resumes before it, and one of `deliver` is announced by
    /// `tidings.lagged`
    virtual error_code frame_of(const event_ptr& e, std::string& out) = 0;
    /// The bytes that show that the stream is alive; none: nothing is sent. Sent in silence, and at
    /// the start of a stream that does not resume, so that the peer can before the first event.
    /// `here`: up to which everything was sent; empty without a history.
    virtual std::string beat(const position& here) = 0;
    /// The last bytes; none: the body ends, as each does.
    /// `why`: success after `close`, at the end of its lifetime and when the service drains;
    /// errc::closed (the bus), errc::lagging, errc::history_failed, errc::too_many,
    /// errc::out_of_memory, errc::callback_threw (`opened`); errc::unauthorized where its
    /// credential has ended, or a recheck does not find its caller any more; after a recheck
    /// errc::forbidden where every pattern is lost, and what said that there is no answer.
    virtual std::string say_goodbye(error_code why) = 0;

    /// It has begun; its head and `live_start::first` are on their way.
    virtual void opened() {}
    /// Once, last; not where the context ends first.
    /// `why`: success after `abort`; boost::asio::error::eof when the peer closed, another
    /// error of the stream, errc::timed_out. After `say_goodbye` that had the reason.
    virtual void ended(error_code /*why*/) {}
    /// The end is certain: releases what callbacks of the user's have captured, which may hold the
    /// session. Behind every call of this session, or while its context is destroyed.
    virtual void release() noexcept {}
    /// The service goes away.
    virtual void go_away() { close(); }
    /// Begins to read. What the peer sends is discarded, and its end ends the session.
    TIDINGS_DECL virtual void read();
    /// Less waits than it did: the peer takes more again.
    virtual void on_room() {}
    /// A time of silence has passed, by default a quarter of `heartbeat`. For transports of the
    /// library.
    TIDINGS_DECL virtual void on_silence();
    /// The last bytes have left. Ends our direction, and the session when the peer ends its own or
    /// `close_timeout` passes.
    TIDINGS_DECL virtual void goodbye_sent();

    /// Queues bytes of the body as `deliver` does an event. From any thread.
    /// @error errc::closed, errc::overflow (more than `limits.max_bytes` is pending)
    TIDINGS_DECL error_code send(std::string bytes);
    /// In the lane: queues bytes of the body, however much waits: for answers that are bounded.
    TIDINGS_DECL void append(std::string bytes);
    /// In the lane: ends it as `close` does, for a reason.
    TIDINGS_DECL void finish(error_code why);
    /// Calls `f` in the lane: at once where the caller runs in it, else behind what was posted
    /// before, and keeps the session until then.
    TIDINGS_DECL void in_lane(unique_function<void()> f);
    /// Of the library's own transports.
    detail::live_state& state() const noexcept { return *state_; }

    /// See `sessions::open`. Not `welcome`: the service is draining.
    TIDINGS_DECL void begin(live_start what, session_registration place, bool welcome);

 private:
    template <class Session>
    friend class sessions;
    friend class detail::live_output;
    friend class detail::live_state;
    TIDINGS_DECL void leave();
    TIDINGS_DECL void recheck(unique_function<void()> done);

    const std::unique_ptr<detail::live_state> state_;
};

}  // namespace tidings
