// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/subscriber.hpp>

#include <boost/asio/error.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace tidings {

namespace io {
class clock;
}

/// How one pattern's events are kept: each rule is its own ring, so that a noisy topic never evicts
/// a quiet one. An event goes by the first rule that matches its topic.
struct history_rule {
    std::string pattern = ">";
    std::size_t max_events = 0;                ///< 0: no events are kept for this pattern
    std::size_t max_bytes = 64 * 1024 * 1024;  ///< the sum of `publication::footprint`
    std::chrono::milliseconds max_age{0};      ///< 0: no limit
};

/// Of a bus: rules, and shorthand for one rule over every topic. All zero: no history.
struct history_options {
    std::size_t max_events = 0;  ///< appends the rule {">", max_events, max_bytes, max_age}
    std::size_t max_bytes = 64 * 1024 * 1024;
    std::chrono::milliseconds max_age{0};
    std::vector<history_rule> rules{};
    /// Another implementation instead; the fields above are not read then.
    std::shared_ptr<class history> implementation{};
};

/// A slice of a history, as `async_read` gives it.
struct history_slice {
    std::vector<event_ptr> events{};  ///< matching, in position order, of what is held
    position next{};                  ///< read on after this; covers what did not match, too
    bool gap = false;     ///< an event that could have matched is gone, or the position is unknown;
                          ///< `events` are what is left, as if that were all
    bool at_end = false;  ///< nothing committed lies after `next`
    /// The newest event that is gone, could have matched and lies after the position asked for.
    /// Empty: there is none. A gap that ends where one ended that was seen before is the same.
    position gone{};
    /// Where `gap`: a place before the first of `events`, behind `gone` unless that lies between
    /// them; at or behind the position asked for, if that is known. Reading on after it gives the
    /// same events.
    position before{};
    position head{};  ///< where `gap`: the present
};

/// Publications that a history has dropped. One is there nearly always, and needs no allocation.
class dropped_events {
 public:
    /// `push_back` throws no more until there are so many.
    /// @throws std::bad_alloc, and nothing has changed
    void reserve(std::size_t count) {
        if (count > 1) more_.reserve(count - 1);
    }
    /// @throws std::bad_alloc, and nothing has changed
    void push_back(event_ptr e) {
        if (!first_)
            first_ = std::move(e);
        else
            more_.push_back(std::move(e));
    }
    bool empty() const noexcept { return !first_; }
    std::size_t size() const noexcept { return first_ ? 1 + more_.size() : 0; }
    const event_ptr& operator[](std::size_t i) const noexcept {
        return i == 0 ? first_ : more_[i - 1];
    }

 private:
    event_ptr first_;  // null where there is none
    std::vector<event_ptr> more_;
};

/// What `history::append` answers with.
struct append_result {
    /// What was appended, at its position, where it was committed inside the call. Null: it was
    /// not, or it will be, and the listener is notified.
    event_ptr committed{};
    /// Why it was not kept; beside `committed`: it was, but the caller cannot rely on it.
    error_code error{};
    /// What there is no room for any more. A C++ value in it is destroyed by the user's code, which
    /// must find no lock held: the caller releases it.
    dropped_events evicted{};
};

/// Notified of what a history commits after `append`, or without one, in position order, one call
/// at a time. The calls take the bus's lock, which it holds while it calls `history::append`: a
/// history makes none from inside `append`, and holds no lock that `append` takes.
class history_listener {
 public:
    virtual ~history_listener() = default;
    /// `e` carries its position. From any thread.
    virtual void on_committed(const event_ptr& e) noexcept = 0;
    /// `e`, as it was appended, could not be kept. From any thread.
    virtual void on_append_failed(const event_ptr& e, error_code ec) noexcept = 0;
};

using append_handler = tidings::completion_handler<error_code, position>;
using read_handler = tidings::completion_handler<error_code, history_slice>;

/// Keeps committed publications in one order and replays them. Thread-safe.
///
/// Two kinds exist: one that commits inside `append` (memory), and one that commits later: to a
/// file, or in another program, whose order it shares with other processes.
class history : public std::enable_shared_from_this<history> {
 public:
    using executor_type = net::any_io_executor;
    virtual ~history() = default;

    /// Where a completion is posted that has no executor of its own. A history that completes
    /// inside the call belongs to no context: the system's.
    virtual executor_type get_executor() const noexcept { return detail::fallback_executor(); }

    /// Whether events of this topic are kept, and so get positions.
    virtual bool covers(std::string_view topic) const noexcept = 0;

    /// Notifies `listener` from now on, instead of the listener before it; called before the first
    /// append. A history that commits inside `append` alone has nothing to notify it of.
    virtual void listen(history_listener& /*listener*/) {}
    /// Ends that: after the return no call is running and none will come. Ignored when
    /// another listener is set. From inside a call it returns at once.
    virtual void unlisten(const history_listener& /*listener*/) noexcept {}

    /// Keeps `e`, which has no position and a topic that is covered. Its position is made of the
    /// history's epoch and a number above that of all before it. `handler`, when not empty,
    /// completes when the event is durable by the history's own standard, with its position, or
    /// with the error; before or after the event is dispatched.
    /// @error in the result, or for the listener and the handler: errc::history_failed,
    /// errc::out_of_memory. A handler that cannot be completed for want of memory is dropped, and
    /// the result has the error.
    virtual append_result append(pending_publication e, append_handler handler) = 0;
    /// Whether what `append` commits is durable by this history's own standard when it returns, and
    /// never later. Its result says everything then, and the bus gives it no handler.
    virtual bool durable_at_once() const noexcept { return false; }

    /// What was committed last; before the first commit a place that lies before it, never empty: a
    /// subscriber that starts now and comes back with it misses nothing. For heartbeats, too.
    virtual position head() const = 0;

    /// Up to `max_events` events after `after` whose topic matches one of `patterns`.
    /// An empty `after`: all that is held, and no gap. A position of another epoch, or one the
    /// history cannot read: a gap, and all that is held; one of the future: a gap, and nothing.
    /// Never completes inline; the handler runs on its associated executor. Per-operation
    /// cancellation: none.
    /// @error errc::history_failed, errc::out_of_memory
    template <net::completion_token_for<void(error_code, history_slice)> Token = net::deferred_t>
    [[nodiscard]] auto async_read(position after, std::vector<std::string> patterns,
                                  std::size_t max_events, Token&& token = Token{}) {
        return detail::initiate<void(error_code, history_slice)>(
            get_executor(), std::forward<Token>(token),
            [self = this, keep = weak_from_this().lock()](
                net::any_io_executor io, auto handler, position from, std::vector<std::string> ps,
                std::size_t max) {
                self->start_read(std::move(from), std::move(ps), max,
                                 read_handler(io, std::move(handler)));
            },
            std::move(after), std::move(patterns), max_events);
    }
    virtual void start_read(position after, std::vector<std::string> patterns,
                            std::size_t max_events, read_handler handler) = 0;

    /// The same in the other direction: up to `max_events` events before `before`, the newest
    /// first; before an empty one: from the newest of all. `next` is what to read on before, and
    /// `at_end` says that nothing older is held. A position of another epoch, one of the future, or
    /// one that the history cannot read: a `gap`, and the newest of all; nothing else of the slice
    /// is set. What is gone is older than what is held, and no gap.
    /// @error as `async_read`; boost::asio::error::operation_not_supported: this history is read
    /// forwards alone
    template <net::completion_token_for<void(error_code, history_slice)> Token = net::deferred_t>
    [[nodiscard]] auto async_read_back(position before, std::vector<std::string> patterns,
                                       std::size_t max_events, Token&& token = Token{}) {
        return detail::initiate<void(error_code, history_slice)>(
            get_executor(), std::forward<Token>(token),
            [self = this, keep = weak_from_this().lock()](
                net::any_io_executor io, auto handler, position from, std::vector<std::string> ps,
                std::size_t max) {
                self->start_read_back(std::move(from), std::move(ps), max,
                                      read_handler(io, std::move(handler)));
            },
            std::move(before), std::move(patterns), max_events);
    }
    virtual void start_read_back(position /*before*/, std::vector<std::string> /*patterns*/,
                                 std::size_t /*max_events*/, read_handler handler) {
        std::move(handler)(net::error::operation_not_supported, history_slice());
    }

    /// The position of an event with this source and id, if one that was published with an id of
    /// its own is held.
    virtual std::optional<position> find(std::string_view source, std::string_view id) const = 0;
};

}  // namespace tidings
