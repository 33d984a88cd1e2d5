// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/delivery_window.hpp>
#include <tidings/errc.hpp>
#include <tidings/event_ptr.hpp>

#include <deque>
#include <optional>
#include <string>

namespace tidings::detail {

/// What is concluded from a sink's answer to one event.
enum class delivery_verdict {
    late,      ///< it was not asked, or has answered before
    accepted,  ///< the sink has taken responsibility
    passed,    ///< refused for good
    held,      ///< refused, and to be handed over again
    closed,    ///< the sink takes nothing more
};

/// What a client has received and its sink has not accepted, in order, and the position up to which
/// everything is accepted: the state machine under every client, without I/O.
///
///     waiting -next-> handed -complete-> done (accepted or passed), or refused
///     refused -retry-> waiting
///
/// While an event is refused none is handed over. What is done leaves with everything before it.
class checkpoint_window {
 public:
    using slot = std::uint64_t;
    struct handing {
        slot at = 0;
        event_ptr event{};
    };

    explicit checkpoint_window(delivery_window bounds, std::optional<std::string> start = {})
        : bounds_(bounds),
          reached_(std::move(start)) {}

    /// An event came. `position`: where its client resumes behind it, if it is known.
    TIDINGS_DECL slot add(event_ptr e, std::optional<std::string> position);
    /// A position behind everything that came so far: a heartbeat, or what needs no sink.
    TIDINGS_DECL void pass(std::string position);
    /// The next event to hand over, or a null one.
    TIDINGS_DECL handing next() noexcept;
    /// An event that leaves goes to `gone`, for a caller with a lock: the end of a C++ value in it
    /// is the user's code.
    TIDINGS_DECL delivery_verdict complete(slot s, error_code ec,
                                           event_ptr* gone = nullptr) noexcept;
    /// The sink cannot take it: it is passed, also where it was to be handed over again.
    TIDINGS_DECL delivery_verdict abandon(slot s, event_ptr& gone) noexcept;
    /// Whether something was refused and nothing is under way, so that `retry` makes sense.
    bool wants_retry() const noexcept {
        return stage_ == stage::open && refused_ != 0 && handed_ == 0;
    }
    /// What was refused is waiting again; how many events that are.
    TIDINGS_DECL std::size_t retry() noexcept;
    /// Nothing more is handed over: what waits or was refused is forgotten, and nothing behind it
    /// moves the position any more. What is under way before it may still. Gives one event that is
    /// forgotten, for the same reason, and is called until it gives none.
    [[nodiscard]] TIDINGS_DECL event_ptr stop() noexcept;
    /// A stream begins that does not follow what came before.
    void restart_at(std::optional<std::string> position) { reached_ = std::move(position); }

    bool has_room() const noexcept {
        return entries_.empty() ||
               (entries_.size() < bounds_.max_events && bytes_ < bounds_.max_bytes);
    }
    std::size_t size() const noexcept { return entries_.size(); }
    std::size_t bytes() const noexcept { return bytes_; }
    /// None: nothing that has one was accepted, and none was given.
    const std::optional<std::string>& reached() const noexcept { return reached_; }

 private:
    enum class state { waiting, handed, refused, done };
    enum class stage { open, stopped, cut };  // cut: something that came was forgotten
    struct entry {
        event_ptr event{};
        std::optional<std::string> position{};
        state now = state::waiting;
    };
    static std::size_t size_of(const std::optional<std::string>& p) noexcept {
        return p ? p->size() : 0;
    }
    entry* find(slot s) noexcept;
    event_ptr finish(entry& e) noexcept;

    const delivery_window bounds_;
    std::optional<std::string> reached_;
    std::deque<entry> entries_;
    slot first_ = 0;   // of entries_
    slot cursor_ = 0;  // nothing before it is waiting
    slot kept_ = 0;    // once stopped: the first that is forgotten
    std::size_t bytes_ = 0;
    std::size_t handed_ = 0;
    std::size_t refused_ = 0;
    stage stage_ = stage::open;
};

}  // namespace tidings::detail
