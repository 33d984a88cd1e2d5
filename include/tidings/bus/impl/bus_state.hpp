// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus.hpp>
#include <tidings/bus/impl/index/topic_index.hpp>
#include <tidings/bus/impl/subscription/callback_subscription.hpp>
#include <tidings/bus/impl/subscription/receiver_subscription.hpp>
#include <tidings/lane/impl/lane.hpp>
#include <tidings/metrics.hpp>

#include <unordered_map>

namespace tidings::detail {

class publish_join;
class uncommitted;
class feed_sink;

/// Everyone who subscribed to one pattern, grouped by the way of delivering. Guarded by the bus's
/// mutex. What a dispatch may hold beyond the mutex is copied on write; lane targets stand in
/// chunks, so that a copy is small however many there are.
struct pattern_entry {
    static constexpr std::size_t max_chunk = 256;
    using immediate_list = std::vector<std::shared_ptr<immediate_subscription>>;
    struct chunk {
        std::shared_ptr<lane> home;
        std::shared_ptr<const lane_targets> targets;
    };

    std::string pattern;
    std::shared_ptr<const immediate_list> immediates;
    std::vector<std::shared_ptr<queue_subscription>> queues;
    std::vector<chunk> chunks;

    bool empty() const noexcept { return !immediates && queues.empty() && chunks.empty(); }
    void add(std::shared_ptr<immediate_subscription> s);
    void add(const std::shared_ptr<lane>& l, std::shared_ptr<lane_target> t);
    void remove(const immediate_subscription* s);
    void remove(const queue_subscription* s) noexcept;
    void remove(const std::shared_ptr<lane>& l, const lane_target* t);
};

/// What a topic handle knows. The list is guarded by the bus's mutex, and holds while the index is
/// of the same generation.
struct topic_route {
    std::string topic{};
    std::uint64_t generation = 0;
    std::vector<pattern_entry*> matched{};
};

TIDINGS_DECL std::shared_ptr<bus_state> make_bus_state(net::any_io_executor executor,
                                                       bus_options options);

/// The bus behind its handle: matching, order, dispatch. Thread-safe.
///
/// One mutex orders publications: a position is assigned and the event put into every queue and
/// lane while it is held, so that all of them have position order. Callbacks run after it is
/// released.
class bus_state final : public subscriber, public history_listener, public context_dependent {
 public:
    TIDINGS_DECL bus_state(net::any_io_executor executor, bus_options options);
    ~bus_state() override = default;

    /// Once, before anybody else knows it: its history tells it of commits from here on.
    TIDINGS_DECL void begin_to_listen();
    /// Ends everything. The handle's destructor.
    TIDINGS_DECL void close() noexcept;
    void on_context_end() noexcept override;

    TIDINGS_DECL receipt publish(std::string_view topic, event&& e, publication_info info = {});
    TIDINGS_DECL receipt publish(std::string_view topic, const event_ptr& e, publication_info info);
    TIDINGS_DECL receipt publish(topic_route& to, event&& e);
    TIDINGS_DECL receipt publish(topic_route& to, const event_ptr& e);
    /// Takes what an inlet made: topic, origin and hop count are in it.
    TIDINGS_DECL receipt publish(const event_ptr& e);
    TIDINGS_DECL void start_publish(std::string_view topic, event&& e, publish_handler handler);
    TIDINGS_DECL void start_publish(topic_route& to, event&& e, publish_handler handler);
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
    /// hears of the first event. To be undone by `detach` once.
    /// @error errc::too_many, errc::closed
    struct place {
        position head{};
        std::uint64_t sequence = 0;
    };
    TIDINGS_DECL error_code attach(const std::vector<std::string>& patterns,
                                   const std::shared_ptr<lane>& l,
                                   const std::shared_ptr<lane_target>& target, place& head);
    TIDINGS_DECL void detach(const std::vector<std::string>& patterns,
                             const std::shared_ptr<lane>& l, const lane_target* target) noexcept;

    /// Calls `f` in the lane with a place before which every event has reached the lane's targets.
    TIDINGS_DECL void locate(const std::shared_ptr<lane>& l, unique_function<void(const place&)> f);

    const std::shared_ptr<tidings::history>& history() const noexcept { return history_; }
    const std::shared_ptr<lane>& home() const noexcept { return lane_; }
    const net::any_io_executor& executor() const noexcept { return executor_; }
    const log_sink& log() const noexcept { return options_.log; }
    metrics_sink* metrics() const noexcept { return options_.metrics.get(); }
    TIDINGS_DECL std::size_t subscriptions() const noexcept;

    // As a listener.
    void on_committed(const event_ptr& e) noexcept override;
    void on_append_failed(const event_ptr& e, error_code ec) noexcept override;
    void on_evicted(std::vector<event_ptr> gone) noexcept override;

 private:
    struct dispatch;
    struct append_call;
    class append_scope;
    net::any_io_executor default_executor() const noexcept override { return executor_; }
    void start_deliver(event_ptr e, deliver_handler handler) override;

    bool begin_close(std::vector<std::shared_ptr<subscription_state>>& ending) noexcept;
    /// What an inlet, or another bus, hands over, as this bus's publication.
    event_ptr take_over(const event_ptr& e, error_code& ec);
    void stamp(publication_info& info) noexcept;
    void publish_joined(const event_ptr& frozen, error_code ec,
                        const std::shared_ptr<publish_join>& join, topic_route* route = nullptr);
    receipt publish_frozen(const event_ptr& e, const std::shared_ptr<publish_join>& join,
                           topic_route* route = nullptr);
    const std::vector<pattern_entry*>& match_locked(std::string_view topic, topic_route* route);
    void append_locked(const event_ptr& e, append_call& call);
    void dispatch_locked(const event_ptr& e, dispatch& d);
    void finish(dispatch& d) noexcept;
    void report_refused(const event_ptr& e, error_code why) noexcept;
    std::shared_ptr<bus_state> self() {
        return std::static_pointer_cast<bus_state>(shared_from_this());
    }
    error_code admit() const noexcept;
    pattern_entry& entry_of(std::string_view pattern);
    void drop_if_empty(const std::string& pattern) noexcept;
    template <class S>
    error_code add(std::string_view pattern, const std::shared_ptr<S>& s);
    template <class S>
    error_code add_resumed(std::string_view pattern, const std::shared_ptr<S>& s,
                           const subscribe_options& options);

    net::any_io_executor executor_;
    bus_options options_;
    origin_id id_;
    std::shared_ptr<lane> lane_;
    std::shared_ptr<tidings::history> history_;
    const std::shared_ptr<uncommitted> uncommitted_;

    mutable std::mutex mutex_;  // guards what follows
    topic_index<pattern_entry*> index_;
    std::unordered_map<std::string, std::unique_ptr<pattern_entry>> entries_;
    std::vector<pattern_entry*> matched_;  // of the dispatch under way
    std::unordered_map<const subscription_state*, std::weak_ptr<subscription_state>> owned_;
    std::uint64_t last_ticket_ = 0;
    std::atomic<std::uint64_t> last_number_{0};
    std::size_t subscriptions_ = 0;
    place head_;
    bool closed_ = false;
};

}  // namespace tidings::detail
