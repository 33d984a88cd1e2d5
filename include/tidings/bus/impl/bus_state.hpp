// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus.hpp>
#include <tidings/bus/impl/pattern_registry.hpp>
#include <tidings/bus/impl/subscription/callback_subscription.hpp>
#include <tidings/bus/impl/subscription/immediate_subscription.hpp>
#include <tidings/bus/impl/subscription/receiver_subscription.hpp>
#include <tidings/drain.hpp>
#include <tidings/lane/impl/lane.hpp>
#include <tidings/metrics.hpp>

#include <unordered_map>

namespace tidings::detail {

class publish_join;
class bus_drain;
class pending_appends;
struct dispatch;
class feed_sink;

/// The bus behind its handle: matching, order, dispatch. Thread-safe.
///
/// One mutex orders publications: a position is assigned and the event put into every queue and
/// lane while it is held, so that all of them have position order. Callbacks run after it is
/// released.
class bus_state final : public subscriber,
                        public history_listener,
                        public context_dependent,
                        public drainable {
 public:
    TIDINGS_DECL bus_state(net::any_io_executor executor, bus_options options,
                           std::shared_ptr<tidings::history> history);
    ~bus_state() override = default;

    /// Once, before any other thread knows it: its history reports commits from here on.
    TIDINGS_DECL void begin_to_listen();
    /// Ends everything. The handle's destructor.
    TIDINGS_DECL void close() noexcept;
    void on_context_end() noexcept override;

    /// Where a publication goes: a topic, or the route of a topic handle, which was checked.
    struct destination {
        destination(std::string_view text) : topic(text) {}
        destination(topic_route& r) : topic(r.topic), route(&r) {}
        error_code check() const { return route != nullptr ? error_code() : check_topic(topic); }
        std::string_view topic;
        topic_route* route = nullptr;
    };
    TIDINGS_DECL receipt publish(destination to, event&& e);
    /// Publishes the content of `e` again.
    TIDINGS_DECL receipt publish(destination to, const event_ptr& e);
    /// Takes what an inlet made: topic, origin and hop count are in it.
    TIDINGS_DECL receipt publish(const event_ptr& e);
    TIDINGS_DECL void start_publish(destination to, event&& e, publish_handler handler);
    /// The same for what an inlet made.
    TIDINGS_DECL void start_publish(const event_ptr& e, publish_handler handler);

    // As a subscriber.
    TIDINGS_DECL outcome deliver(const event_ptr& e) noexcept override;
    origin_id origin() const noexcept override { return id_; }

    TIDINGS_DECL subscription subscribe(std::string_view pattern,
                                        std::shared_ptr<subscriber> target,
                                        subscribe_options options);
    TIDINGS_DECL subscription subscribe_callback(std::string_view pattern, net::any_io_executor io,
                                                 event_callback_function f,
                                                 subscribe_options options);
    TIDINGS_DECL subscription subscribe_immediate(std::string_view pattern,
                                                  event_callback_function f);
    TIDINGS_DECL std::shared_ptr<receiver_subscription> receive(std::string_view pattern,
                                                                subscribe_options options);

    /// Puts a target of a lane under patterns that were checked; `head` is where the history stood
    /// at that moment: what is published later reaches the target. It is written before the target
    /// gets its first event. To be undone by `detach` once.
    /// @error errc::too_many, errc::closed
    TIDINGS_DECL error_code attach(const std::vector<std::string>& patterns,
                                   const std::shared_ptr<lane>& l,
                                   const std::shared_ptr<lane_target>& target, position& head);
    TIDINGS_DECL void detach(const std::vector<std::string>& patterns,
                             const std::shared_ptr<lane>& l, const lane_target* target) noexcept;
    /// Of what was attached: takes it off some of its patterns.
    void narrow(const std::vector<std::string>& lost, const std::shared_ptr<lane>& l,
                const lane_target* target) noexcept {
        const std::lock_guard lock(mutex_);
        for (const auto& pattern : lost)
            patterns_.leave(pattern, [&](pattern_entry& entry) { entry.remove(l, target); });
    }

    /// Calls `f` in the lane with a point before which every event has reached the lane's targets.
    TIDINGS_DECL void locate(const std::shared_ptr<lane>& l,
                             unique_function<void(const position&)> f);

    const std::shared_ptr<tidings::history>& history() const noexcept { return history_; }
    const std::shared_ptr<lane>& home() const noexcept { return lane_; }
    const net::any_io_executor& executor() const noexcept { return executor_; }
    const log_sink& log() const noexcept { return options_.log; }
    metrics_sink* metrics() const noexcept { return options_.metrics.get(); }
    TIDINGS_DECL std::size_t subscriptions() const noexcept;

    // For the drain.
    drain_role role() const noexcept override { return drain_role::bus; }
    void start_refusing() noexcept override { move_to(stage::refusing); }
    TIDINGS_DECL void start_drain(unique_function<void(error_code)> done) override;
    /// The drain is over: it is released.
    std::shared_ptr<bus_drain> drained() noexcept { return std::exchange(drain_, nullptr); }
    /// How many publications were dispatched.
    std::uint64_t dispatched() const noexcept {
        const std::lock_guard lock(mutex_);
        return last_ticket_;
    }
    TIDINGS_DECL std::vector<std::shared_ptr<subscription_state>> active() const;
    /// Whether a history has neither committed nor refused all it was given.
    bool appending() const noexcept { return appending_ != 0; }
    /// Publications are refused with errc::shutting_down from here on; streams stay.
    void refuse() noexcept { move_to(stage::drained); }
    /// The same if nothing was dispatched since, nor may be; else false, and nothing changes.
    bool refuse_after(std::uint64_t dispatched) noexcept {
        const std::lock_guard lock(mutex_);
        if (last_ticket_ != dispatched || appending()) return false;
        if (stage_ < stage::drained) stage_ = stage::drained;
        return true;
    }
    std::chrono::milliseconds drain_timeout() const noexcept { return options_.drain_timeout; }

    // As a listener.
    void on_committed(const event_ptr& e) noexcept override;
    void on_append_failed(const event_ptr& e, error_code ec) noexcept override;

 private:
    /// What is refused: nothing; what inlets bring; every publication; and then subscriptions, too.
    enum class stage { open, refusing, drained, closed };
    /// What a bus that refuses says: a client keeps the event until its own turn to end.
    static error_code refusal_at(stage s) noexcept {
        return s == stage::closed ? errc::closed : errc::shutting_down;
    }
    net::any_io_executor default_executor() const noexcept override { return executor_; }
    void start_deliver(event_ptr e, deliver_handler handler) override;

    bool begin_close(std::vector<std::shared_ptr<subscription_state>>& ending) noexcept;
    /// What is published, as this bus's publication, its content with a time; null, with an error,
    /// where it is refused.
    template <class Content>
    event_ptr freeze(destination to, Content&& content, publication_info info, error_code& ec);
    /// The same for what an inlet, or another bus, hands over.
    event_ptr take_over(const event_ptr& e, error_code& ec);
    receipt publish_frozen(const event_ptr& e, error_code ec,
                           const std::shared_ptr<publish_join>& join, topic_route* route = nullptr);
    void publish_joined(const event_ptr& e, error_code ec, publish_handler handler,
                        topic_route* route = nullptr);
    error_code append_locked(const event_ptr& e, dispatch& d);
    void dispatch_locked(const event_ptr& e, dispatch& d);
    void report_refused(const event_ptr& e, error_code why) noexcept;
    std::shared_ptr<bus_state> self() {
        return std::static_pointer_cast<bus_state>(shared_from_this());
    }
    error_code admit() const noexcept;
    void move_to(stage next) noexcept {
        const std::lock_guard lock(mutex_);
        if (stage_ < next) stage_ = next;
    }
    error_code add(std::string_view pattern, const std::shared_ptr<subscription_state>& s);
    error_code add_resumed(std::string_view pattern, const std::shared_ptr<subscription_state>& s,
                           const subscribe_options& options);
    /// Adds a subscription, which ends with the error if it cannot be.
    void join(std::string_view pattern, const std::shared_ptr<subscription_state>& s,
              const subscribe_options& options);

    net::any_io_executor executor_;
    bus_options options_;
    io::clock& clock_;
    origin_id id_;
    std::shared_ptr<lane> lane_;
    std::shared_ptr<tidings::history> history_;
    const std::shared_ptr<pending_appends> pending_;

    std::atomic<stage> stage_{stage::open};  // changed with the mutex held

    mutable std::mutex mutex_;  // guards what follows
    pattern_registry patterns_;
    std::unordered_map<const subscription_state*, std::weak_ptr<subscription_state>> owned_;
    std::uint64_t last_ticket_ = 0;
    std::atomic<std::uint64_t> last_number_{0};
    std::size_t subscriptions_ = 0;
    position head_;
    // Publications appended that are to be committed later, less those that were, or failed.
    std::atomic<std::int64_t> appending_{0};

    std::shared_ptr<bus_drain> drain_;  // lane-confined
};

}  // namespace tidings::detail
