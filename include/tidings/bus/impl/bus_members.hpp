// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus.hpp>
#include <tidings/bus/impl/pattern_registry.hpp>
#include <tidings/bus/impl/publication_watch.hpp>
#include <tidings/bus/impl/retained_store.hpp>
#include <tidings/bus/impl/subscription/immediate_subscription.hpp>
#include <tidings/detail/short_mutex.hpp>
#include <tidings/lane/impl/lane.hpp>

namespace tidings::detail {

/// What stands on a bus, and what of it is on its way out. The base of `bus_state`. Thread-safe.
///
/// One mutex orders publications: a position is assigned and the event put into every queue and
/// lane while it is held, so that all of them have position order. Callbacks run after it is
/// released.
class bus_members {
 public:
    /// Puts a target of a lane under patterns that were checked, each once; `head` is where the
    /// history stood at that moment: what is published later reaches the target. It is written
    /// before the target gets its first event; and so is, where asked for, the number of the newest
    /// event that is retained. To be undone by `detach` once.
    /// @error errc::too_many, errc::closed
    /// @throws std::bad_alloc, and nothing has changed
    TIDINGS_DECL error_code attach(const std::vector<std::string>& patterns,
                                   const std::shared_ptr<lane>& l,
                                   const std::shared_ptr<lane_target>& target, position& head,
                                   std::uint64_t* retained = nullptr);
    TIDINGS_DECL void detach(const std::vector<std::string>& patterns,
                             const std::shared_ptr<lane>& l, const lane_target* target) noexcept;
    /// Of what was attached: takes it off some of its patterns.
    TIDINGS_DECL void narrow(const std::vector<std::string>& lost, const std::shared_ptr<lane>& l,
                             const lane_target* target) noexcept;
    /// A subscription has ended.
    TIDINGS_DECL void remove(subscription_state& s) noexcept;
    /// How many walks came to it while it stood in its list, or `after` once it has left.
    TIDINGS_DECL std::uint64_t walks_of(const immediate_subscription& s,
                                        std::uint64_t after) const noexcept;

    /// Calls `f` in the lane with a point before which every event has reached the lane's targets.
    TIDINGS_DECL void locate(const std::shared_ptr<lane>& l,
                             unique_function<void(const position&)> f);

    /// Whether the bus keeps the newest event of some topics.
    bool retains() const noexcept { return retained_ != nullptr; }
    TIDINGS_DECL bool forget(std::string_view topic) noexcept;
    TIDINGS_DECL retained_counters retained() const noexcept;
    /// What stands under a pattern that a topic matches; a stream's cursor is no subscription.
    struct standing {
        std::string pattern;
        std::shared_ptr<subscription_state> state;  // null: a stream
        event_filter filter;
    };
    TIDINGS_DECL std::vector<standing> standing_under(std::string_view topic) const;

    /// Once: before any other thread knows the bus, or with the mutex held.
    void set_watch(std::shared_ptr<publication_watch> w) noexcept {
        watch_owner_ = std::move(w);
        watch_.store(watch_owner_.get(), std::memory_order_release);
    }
    /// @throws std::bad_alloc
    TIDINGS_DECL void add_tap(const std::shared_ptr<tap_state>& t, const log_sink& log);
    TIDINGS_DECL void remove_tap(const tap_state& t) noexcept;

    const std::shared_ptr<lane>& home() const noexcept { return lane_; }
    TIDINGS_DECL std::size_t subscriptions() const noexcept;
    TIDINGS_DECL std::vector<std::shared_ptr<subscription_state>> active() const;
    /// Rises with every publication that was dispatched.
    std::uint64_t dispatched() const noexcept {
        const std::lock_guard lock(mutex_);
        return dispatched_ + patterns_.walks();
    }
    /// Whether a history has neither committed nor refused all it was given.
    bool appending() const noexcept { return appending_ != 0; }
    /// Publications are refused with errc::shutting_down from here on; streams stay.
    void refuse() noexcept { move_to(stage::drained); }
    /// The same if nothing was dispatched since, nor may be; else false, and nothing changes.
    TIDINGS_DECL bool refuse_after(std::uint64_t dispatched) noexcept;

 protected:
    /// What is refused: nothing; what inlets bring; every publication; and then subscriptions, too.
    enum class stage { open, refusing, drained, closed };
    /// What leaves the bus's lists while the mutex is held, and is released after it.
    class leaving : public retired_list {
     public:
        explicit leaving(bus_members& b) : bus_(b) {}
        ~leaving() { bus_.release(std::move(*this)); }

     private:
        bus_members& bus_;
    };

    bus_members(std::shared_ptr<lane> l, std::size_t max_subscriptions,
                std::unique_ptr<retained_store> retained, std::uint64_t seed)
        : lane_(std::move(l)),
          retained_(std::move(retained)),
          patterns_(seed),
          max_subscriptions_(max_subscriptions) {}
    ~bus_members() = default;

    /// Null where nothing looks at publications. From any thread.
    publication_watch* watch() const noexcept { return watch_.load(std::memory_order_acquire); }
    virtual std::weak_ptr<bus_state> as_bus() noexcept = 0;
    error_code admit() const noexcept;
    void move_to(stage next) noexcept {
        const std::lock_guard lock(mutex_);
        move_to_locked(next);
    }
    // A route that a closed bus would have to look at is not looked at any more.
    void move_to_locked(stage next) noexcept {
        if (stage_ < next) stage_ = next;
        if (next >= stage::drained) patterns_.hold_routes(true);
    }
    error_code add(std::string_view pattern, const std::shared_ptr<subscription_state>& s);
    void link(const std::shared_ptr<subscription_state>& s) noexcept;
    /// Takes one that has not ended out of the list; null where none is left. Nothing may be linked
    /// any more.
    std::shared_ptr<subscription_state> unlink_first() noexcept;
    void unlink(subscription_state& s) noexcept;

    /// Notes the thread that publishes, before it reads lists, and says which it is.
    walker note_publisher(reader_record& here) noexcept {
        if (!has_noted(here)) note_new_publisher(here);
        return walker_of(here);
    }
    bool has_noted(const reader_record& here) const noexcept {
        const auto* known = publisher_.load(std::memory_order_relaxed);
        return known == &here || known == &reclaimer::many;
    }
    /// Of a thread that was noted, as it was if it is the first or the second.
    walker walker_of(const reader_record& here) const noexcept {
        if (first_publisher_.load(std::memory_order_relaxed) == &here) return walker::first;
        return second_publisher_.load(std::memory_order_relaxed) == &here ? walker::second
                                                                          : walker::other;
    }
    TIDINGS_DECL void note_new_publisher(reader_record& here) noexcept;
    void release(retired_list&& gone) noexcept;

    // Publishers that lock nothing read these.
    std::atomic<stage> stage_{stage::open};           // changed with the mutex held
    std::atomic<reader_record*> publisher_{nullptr};  // the only thread that has published, or many
    std::atomic<reader_record*> first_publisher_{nullptr};
    std::atomic<reader_record*> second_publisher_{nullptr};

    std::atomic<publication_watch*> watch_{nullptr};

    std::shared_ptr<publication_watch> watch_owner_;  // written once
    std::shared_ptr<lane> lane_;
    std::atomic<bool> collects_{false};  // a turn of the lane will reclaim

    mutable short_mutex mutex_;                       // guards what follows, to `head_`
    const std::unique_ptr<retained_store> retained_;  // null: nothing is
    pattern_registry patterns_;
    subscription_state* first_ = nullptr;  // of all that have not ended
    std::uint64_t dispatched_ = 0;         // with it held
    const std::size_t max_subscriptions_;
    std::size_t subscriptions_ = 0;
    position head_;
    // Publications appended that are to be committed later, less those that were, or failed.
    std::atomic<std::int64_t> appending_{0};
};

}  // namespace tidings::detail
