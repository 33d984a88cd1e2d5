// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/after_gap.hpp>
#include <tidings/bus/impl/awaited_joins.hpp>
#include <tidings/bus/impl/bounded_queue.hpp>
#include <tidings/bus/impl/bus_state.hpp>
#include <tidings/bus/impl/conflation.hpp>
#include <tidings/bus/impl/feed_sink.hpp>

namespace tidings::detail {

/// Where rules keep some topics longer than others, what is gone may lie between what is held: each
/// slice in front of it reports the same gap.
/// @param gone the number of `gone` in the slice before, which was announced or not asked for
inline bool is_new_gap(const history_slice& slice, std::uint64_t gone) noexcept {
    return slice.gap && (slice.gone.empty() || slice.gone.number() != gone);
}

struct feed_options {
    std::vector<std::string> patterns{};  ///< checked; an event that matches several comes once
    std::optional<position> after{};      ///< resume
    queue_limits limits{};                ///< of events that no history holds
    tidings::overflow overflow = tidings::overflow::disconnect;
    /// How many events of the history it may fall behind once it was live; 0: as far as the history
    /// reaches. A replay that was asked for may be longer.
    std::uint64_t max_lag = 0;
    tidings::after_gap after_gap = tidings::after_gap::present;
    origin_id origin = 0;   ///< what came from there is not handed back
    event_filter filter{};  ///< what else is not
    bool exact = false;     ///< the sink must have every event; what it cannot get is counted
    bool asks = false;      ///< the sink says after which position it begins
    bool retained = false;  ///< begins with what the bus retains, where it does not resume
    /// The sink lives until the feed was stopped in its lane: a call needs no reference to it.
    bool lives_on = false;
    std::uint16_t slice = 64;  ///< events read from the history at once
};

/// One subscriber's way through the bus, live or from history: the cursor. Lane-confined but for
/// `start` and `stop`.
///
/// While its sink has room and nothing is missing it is live: events go straight through. When the
/// sink is full, or a resume was asked for, it reads from the history whenever there is room, until
/// it has caught up with what it saw pass. Replay, refill and live are one mechanism, so nothing is
/// lost or doubled at the switch. One that conflates reads first and pushes the newest event of
/// each topic; the superseded are announced. Events that no history holds wait in a bounded queue.
///
/// What the bus retains is read in slices, too, before anything else, while the feed is not live;
/// it has no cursor then, so that a peer that comes back begins anew.
///
/// Where memory to read or to announce a gap is missing it ends with errc::out_of_memory, its
/// cursor before what is missing.
class feed final : public lane_target, public std::enable_shared_from_this<feed> {
 public:
    TIDINGS_DECL feed(std::shared_ptr<bus_state> bus, std::shared_ptr<lane> l,
                      std::weak_ptr<feed_sink> sink, feed_options options);
    TIDINGS_DECL ~feed() override;

    /// Puts it on the bus: what is published from here on reaches it. Once, from any thread. The
    /// sink is not called inside. @error errc::too_many, errc::closed
    TIDINGS_DECL error_code start();
    /// The sink has room again.
    TIDINGS_DECL void pump() noexcept;
    /// The same from any thread, with the next turn of the lane. False where memory is missing.
    TIDINGS_DECL bool pump_later() noexcept;
    /// Takes it off the bus; the sink is not called any more. From any thread.
    TIDINGS_DECL void stop() noexcept;

    /// In the lane: from now on no event comes that only these of its patterns match, one that is
    /// on its way included.
    TIDINGS_DECL void narrow(const std::vector<std::string>& lost) noexcept;
    const std::vector<std::string>& patterns() const noexcept { return options_.patterns; }
    /// From any thread.
    const event_filter& filter() const noexcept { return options_.filter; }

    /// Everything up to here that matched was pushed. Empty when there is no history.
    const position& cursor() const noexcept { return cursor_; }
    bool live() const noexcept { return live_; }
    /// Brings the cursor to the present when nothing is pending, then calls `f`; for heartbeats.
    TIDINGS_DECL void refresh(unique_function<void()> f);

    std::uint64_t dropped() const noexcept { return dropped_; }
    /// Null once it is gone. From any thread.
    std::shared_ptr<feed_sink> sink() const noexcept { return sink_.lock(); }

    void on_event(const event_ptr& e) noexcept override;
    void on_joined_event(const event_ptr& e, std::shared_ptr<delivery_join> join) noexcept override;
    void on_missed(std::uint64_t count) noexcept override;
    bool refills() const noexcept override { return bus_->history() != nullptr; }
    bool exact() const noexcept override { return options_.exact; }
    void on_missed_kept(std::uint64_t count, std::uint64_t through) noexcept override;
    void on_missed_joined(std::uint64_t sequence,
                          std::shared_ptr<delivery_join> join) noexcept override;
    void on_bus_closed() noexcept override;
    /// See `lane_wait`.
    void on_lost() noexcept { end(errc::out_of_memory); }

 private:
    /// The sink during a call in the lane: one that lives on needs no reference.
    std::shared_ptr<feed_sink> sink_here() const noexcept {
        return lasting_ ? std::shared_ptr<feed_sink>(std::shared_ptr<void>(), lasting_) : sink();
    }
    void begin() noexcept;
    void ask_where(feed_sink& sink) noexcept;
    void begin_after(position where) noexcept;
    void read_retained(feed_sink& sink) noexcept;
    void end_retained(feed_sink& sink) noexcept;
    void accept(const event_ptr& e, const std::shared_ptr<delivery_join>& join) noexcept;
    void hold_back(const event_ptr& e, const std::shared_ptr<delivery_join>& join) noexcept;
    void refuse(const std::shared_ptr<delivery_join>& join) noexcept;
    void pass(feed_sink& sink, const event_ptr& e,
              const std::shared_ptr<delivery_join>& join) noexcept;
    void pass_over(feed_sink& sink, const position& at) noexcept {
        move_to(at);
        if (options_.asks) sink.on_passed(at);
    }
    void count_dropped(std::uint64_t count) noexcept;
    void move_to(const position& p) noexcept {
        cursor_ = p;
        asked_ = false;
    }
    void go_after(position p) noexcept {
        cursor_ = std::move(p);
        asked_ = true;
    }
    /// The number of the cursor, where it is one that the history gave.
    std::uint64_t reached() const noexcept { return asked_ ? 0 : cursor_.number(); }
    /// Not what came from its own inlet, what only patterns match that it had, nor what its filter
    /// keeps back.
    bool wants(const publication& e) const noexcept {
        if (options_.origin != 0 && e.info().origin == options_.origin) return false;
        return !picky_ || picks(e);
    }
    bool picks(const publication& e) const noexcept;
    void fall_behind(std::uint64_t seen, std::uint64_t events) noexcept;
    bool conflates() const noexcept {
        return options_.overflow == overflow::conflate && !options_.exact;
    }
    void catch_up(feed_sink& sink) noexcept;
    void push_newest(feed_sink& sink) noexcept;
    void collect(const history_slice& slice) noexcept;
    void become_live() noexcept;
    void read_more(const position& after) noexcept;
    void on_slice(error_code ec, const history_slice& slice) noexcept;
    bool asks_future(const history_slice& slice) const noexcept {
        return cursor().has_epoch_of(slice.head) && cursor().number() > slice.head.number();
    }
    position behind_gap(const history_slice& slice) const noexcept;
    void take(feed_sink& sink, const history_slice& slice, bool gap) noexcept;
    bool take_slice(feed_sink& sink, const history_slice& slice) noexcept;
    bool tell_gap(feed_sink& sink, const position& at) noexcept;
    void drain_queue(feed_sink& sink) noexcept;
    TIDINGS_DECL void end(error_code why) noexcept;

    /// What it needs of `feed_options` later on.
    struct kept_options {
        explicit kept_options(feed_options&& o)
            : patterns(std::move(o.patterns)),
              filter(std::move(o.filter)),
              origin(o.origin),
              max_lag(o.max_lag),
              slice(o.slice),
              overflow(o.overflow),
              after_gap(o.after_gap),
              exact(o.exact),
              asks(o.asks),
              retained(o.retained) {}

        std::vector<std::string> patterns;
        event_filter filter;
        origin_id origin;
        std::uint64_t max_lag;
        std::uint16_t slice;
        tidings::overflow overflow;
        tidings::after_gap after_gap;
        bool exact;
        bool asks;
        bool retained;
    };
    /// Of what is retained: by its numbers.
    struct retained_range {
        std::uint64_t after = 0;
        std::uint64_t through = 0;
    };

    std::shared_ptr<bus_state> bus_;
    std::shared_ptr<lane> lane_;
    std::weak_ptr<feed_sink> sink_;
    feed_sink* const lasting_;  // null: another thread may release the sink
    kept_options options_;
    position cursor_;
    position start_;  // where the history stood when a resuming feed was put on the bus
    bounded_queue queue_;
    std::unique_ptr<retained_range> retained_;  // what is still to be read of it
    std::unique_ptr<conflation> newest_;        // of one that conflates, while it is not live
    std::uint64_t goal_ = 0;                    // it reads up to here before it pushes
    awaited_joins joins_;
    std::uint64_t seen_ = 0;    // the newest event of the history that passed by while not live
    std::uint64_t gone_ = 0;    // what the slice before said is gone
    std::uint64_t behind_ = 0;  // how many such events, since it was live last
    std::uint64_t dropped_ = 0;
    std::atomic<bool> attached_{false};
    bool asked_ = false;  // the cursor is what the peer said: no history has read on from it
    bool live_ = true;
    bool picky_ = false;     // some that come by its patterns are not wanted
    bool was_live_ = false;  // behind_ counts
    bool reading_ = false;   // a read is under way, or its slice is being pushed
};

}  // namespace tidings::detail
