// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/bus_members.hpp>
#include <tidings/bus/impl/group/queue_groups.hpp>
#include <tidings/bus/impl/publication_maker.hpp>
#include <tidings/bus/impl/publish_waiter.hpp>
#include <tidings/bus/impl/request/request_desk.hpp>
#include <tidings/bus/impl/subscription/callback_subscription.hpp>
#include <tidings/bus/impl/subscription/receiver_subscription.hpp>
#include <tidings/control_event.hpp>
#include <tidings/drain.hpp>
#include <tidings/metrics.hpp>
#include <tidings/store/impl/prompt_history.hpp>

namespace tidings::detail {

class publish_join;
struct retained_slice;
class bus_drain;
class pending_appends;
struct dispatch;
class feed_sink;

/// The bus behind its handle: matching, order, dispatch. Thread-safe.
class bus_state final : public subscriber,
                        public bus_members,
                        public history_listener,
                        public context_dependent,
                        public drainable,
                        public retirable {
 public:
    TIDINGS_DECL bus_state(net::any_io_executor executor, bus_options options,
                           std::shared_ptr<tidings::history> history);
    ~bus_state() override = default;
    /// What deletes it: a walk of this or another thread may be under way.
    TIDINGS_DECL static void dispose(bus_state* b) noexcept;
    void reclaim() noexcept override { delete this; }

    /// Once, before any other thread knows it: its history reports commits from here on.
    TIDINGS_DECL void begin_to_listen();
    /// Ends everything. The handle's destructor.
    TIDINGS_DECL void close() noexcept;
    void on_context_end() noexcept override;

    /// For a topic that was checked.
    TIDINGS_DECL std::shared_ptr<topic_route> make_route(std::string_view topic);
    /// An event as it is published there, where no history covers the topic. Null, with what
    /// `publication::make` reports.
    TIDINGS_DECL event_ptr prepare(const topic_route& to, event&& e, error_code& ec) noexcept;

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
    // The same by handle; what was prepared for it is published as it is. `r` is as it was made.
    TIDINGS_DECL void publish(topic_route& route, event&& e, receipt& r);
    void publish(topic_route& route, const event_ptr& e, receipt& r);
    /// Takes what an inlet made: topic, origin and hop count are in it.
    TIDINGS_DECL receipt publish(const event_ptr& e);
    /// Takes what the library itself made, under a topic that is refused to everybody else.
    TIDINGS_DECL receipt publish_own(const event_ptr& e);
    TIDINGS_DECL void start_publish(destination to, event&& e, publish_handler handler);
    /// The same for what an inlet made.
    TIDINGS_DECL void start_publish(const event_ptr& e, publish_handler handler);
    /// The same for a waiter, which is given back, with its result, where nothing is left to wait
    /// for. @throws std::bad_alloc, and nothing was published
    TIDINGS_DECL publish_waiter::owner start_publish(event_ptr&& e, publish_waiter::owner w);

    /// For a topic that was not checked.
    TIDINGS_DECL void start_request(std::string_view topic, event&& e,
                                    std::chrono::milliseconds timeout, request_handler handler);
    TIDINGS_DECL subscription respond(std::string_view pattern, net::any_io_executor io,
                                      responder_function f, respond_options options);

    // As a subscriber.
    TIDINGS_DECL outcome deliver(const event_ptr& e) noexcept override;
    origin_id origin() const noexcept override { return maker_.id(); }

    TIDINGS_DECL subscription subscribe(std::string_view pattern,
                                        std::shared_ptr<subscriber> target,
                                        subscribe_options options);
    TIDINGS_DECL subscription subscribe_callback(std::string_view pattern, net::any_io_executor io,
                                                 event_callback_function f,
                                                 subscribe_options options);
    TIDINGS_DECL subscription subscribe_immediate(std::string_view pattern,
                                                  event_callback_function f, event_filter filter);
    TIDINGS_DECL std::shared_ptr<receiver_subscription> receive(std::string_view pattern,
                                                                subscribe_options options);

    /// Of what is retained: values as `retained_store::read` has them, without a position, and
    /// beyond them up to where it looked. @error errc::out_of_memory
    TIDINGS_DECL retained_slice read_retained(const std::vector<std::string>& patterns,
                                              std::uint64_t after, std::uint64_t through,
                                              std::size_t max) noexcept;

    const std::shared_ptr<tidings::history>& history() const noexcept { return history_; }
    const net::any_io_executor& executor() const noexcept { return executor_; }
    const log_sink& log() const noexcept { return options_.log; }
    metrics_sink* metrics() const noexcept { return options_.metrics.get(); }
    /// Why a publication would be refused now.
    error_code refusal() const noexcept {
        const stage now = stage_;
        return now >= stage::drained ? refusal_at(now) : error_code();
    }
    bool is_kept(std::string_view topic) const noexcept {
        return history_ && !is_loss_signal(topic) && history_->covers(topic);
    }
    const bus_options& options() const noexcept { return options_; }
    const form_budget& forms() const noexcept { return maker_.forms(); }

    // For the drain.
    drain_role role() const noexcept override { return drain_role::bus; }
    void start_refusing() noexcept override { move_to(stage::refusing); }
    TIDINGS_DECL void start_drain(unique_function<void(error_code)> done) override;
    /// The drain is over: it is released.
    std::shared_ptr<bus_drain> drained() noexcept { return std::exchange(drain_, nullptr); }
    std::chrono::milliseconds drain_timeout() const noexcept { return options_.drain_timeout; }

    // As a listener.
    void on_committed(const event_ptr& e) noexcept override;
    void on_append_failed(const event_ptr& e, error_code ec) noexcept override;

 private:
    /// What a bus that refuses says: a client keeps the event until its own turn to end.
    static error_code refusal_at(stage s) noexcept {
        return s == stage::closed ? errc::closed : errc::shutting_down;
    }

    net::any_io_executor default_executor() const noexcept override { return executor_; }
    void start_deliver(event_ptr e, deliver_handler handler) override;

    bool begin_close() noexcept;
    /// This bus's publication of what an inlet, or another bus, hands over; null, with an error,
    /// where it is refused.
    event_ptr take_over(const event_ptr& e, error_code& ec);
    event_ptr take_over(event_ptr&& e, error_code& ec);
    event_ptr as_request(const event_ptr& e, const receipt& published, error_code& ec) noexcept;
    void publish_frozen(const event_ptr& e, const std::shared_ptr<publish_join>& join,
                        topic_route* route, receipt& r);
    void publish_joined(const event_ptr& e, error_code ec, publish_handler handler,
                        topic_route* route = nullptr);
    bool walk_only(const topic_route& route, const event_ptr& e, reader_record& here,
                   receipt& r) noexcept;
    bool walk_directly(const route_match& match, const event_ptr& e, reader_record& here,
                       receipt& r) noexcept;
    [[gnu::noinline]] bool hand_directly(const topic_route& route, const route_match& match,
                                         const event_ptr& e, dispatch& d,
                                         reader_record& here) noexcept;
    /// The patterns that a route knows, or null where it must be looked up again.
    const route_match* current(const topic_route& route) const noexcept {
        const auto* known = route.match.load(std::memory_order_acquire);
        if (known == nullptr) return nullptr;
        const auto until = known->generation.load(std::memory_order_acquire);
        return until == patterns_.generation() ? known : nullptr;
    }
    TIDINGS_DECL void publish_again(topic_route& route, const event_ptr& e, receipt& r);
    /// Whether more than subscriptions takes an event of this topic.
    bool notes(std::string_view topic) const noexcept {
        return options_.metrics || (retained_ && retained_->covers(topic));
    }
    /// A publication of this bus, unless there is an error; null with one.
    template <class... Content>
    event_ptr make(std::string_view topic, error_code& ec, Content&&... content) noexcept {
        auto made = ec ? event_ptr() : maker_.make(topic, std::forward<Content>(content)..., ec);
        if (ec) return show_refused(topic, ec);
        return made;
    }
    /// What is to be dispatched now, or null.
    const event_ptr* append_locked(const event_ptr& e, dispatch& d);
    const event_ptr* append_slowly(const event_ptr& e, std::uint64_t number, dispatch& d);
    void dispatch_locked(const event_ptr& e, dispatch& d, reader_record& here, retired_list& gone);
    void note_refused(const event_ptr& e, error_code why) noexcept {
        if (metrics()) metrics()->count("events_refused", {}, 1);
        if (log()) log()({log_level::warning, "bus", e->topic(), why});
    }
    void report_refused(const event_ptr& e, error_code why) noexcept {
        note_refused(e, why);
        if (auto* w = watch()) w->refuse(e->topic(), e, why);
    }
    /// What a bus that has drained refuses is neither counted nor logged.
    void report_not_taken(const event_ptr& e, error_code why) noexcept {
        if (why == refusal()) {
            if (auto* w = watch()) w->refuse(e->topic(), e, why);
        } else {
            report_refused(e, why);
        }
    }
    /// Shows taps what there is no event of; null.
    event_ptr show_refused(std::string_view topic, error_code why) noexcept {
        if (auto* w = watch()) w->refuse(topic, {}, why);
        return {};
    }
    std::shared_ptr<bus_state> self() {
        return std::static_pointer_cast<bus_state>(shared_from_this());
    }
    std::weak_ptr<bus_state> as_bus() noexcept override {
        return std::static_pointer_cast<bus_state>(weak_from_this().lock());
    }
    error_code add_fed(std::string_view pattern, const std::shared_ptr<subscription_state>& s,
                       const subscribe_options& options);
    error_code add_grouped(std::string_view pattern, const std::shared_ptr<subscription_state>& s,
                           const subscribe_options& options);
    /// Adds a subscription, which ends with the error if it cannot be.
    void join(std::string_view pattern, const std::shared_ptr<subscription_state>& s,
              const subscribe_options& options);
    const std::shared_ptr<tidings::history> history_;
    prompt_history* const prompt_;  // the same, where it is one
    bus_options options_;
    const publication_maker maker_;
    const std::shared_ptr<request_desk> requests_ =
        std::make_shared<request_desk>(lane_, maker_.clock(), options_.max_requests);
    const std::shared_ptr<queue_groups> groups_ = std::make_shared<queue_groups>(lane_);
    net::any_io_executor executor_;
    const std::shared_ptr<pending_appends> pending_;
    posting_lanes posting_;
    std::uint64_t last_number_ = 0;     // of what its history was given; mutex_ guards it
    std::shared_ptr<bus_drain> drain_;  // lane-confined
};

/// A part of what is retained.
struct retained_slice {
    struct item {
        std::uint64_t number;
        event_ptr event;
    };
    std::vector<item> items{};
    std::uint64_t next = 0;  ///< read on after this
    error_code error{};
};

/// Publications made inside immediate callbacks count.
struct depth_guard {
    explicit depth_guard(reader_record& r) noexcept : here(r) { ++here.publications; }
    ~depth_guard() { --here.publications; }
    depth_guard(const depth_guard&) = delete;
    reader_record& here;
};

// The shortest way: one pattern, and no subscription that gets events in an order. False: it is
// not to be had. Its instructions are counted.
[[gnu::always_inline]] inline bool bus_state::walk_only(const topic_route& route,
                                                        const event_ptr& e, reader_record& here,
                                                        receipt& r) noexcept {
    const auto who = walker_of(here);
    if (here.publications >= max_hops || (who == walker::other && !has_noted(here))) return false;
    const read_section section(here);
    const auto* match = current(route);
    auto* const only = match != nullptr ? match->only : nullptr;
    if (only == nullptr || only->has_lists.load(std::memory_order_acquire)) return false;
    auto frame = only->immediates.current();
    if (frame.size() == 0) return true;
    const depth_guard depth(here);
    announce(frame, here, who);
    r.delivered = walk(frame, e, here, options_.log);
    r.matched = r.delivered;
    return true;
}

[[gnu::always_inline]] inline void bus_state::publish(topic_route& route, const event_ptr& e,
                                                      receipt& r) {
    auto* here = reclaimer::here_if_any();
    if (e->prepared_for() != route.id || here == nullptr || !walk_only(route, e, *here, r))
        publish_again(route, e, r);
}

}  // namespace tidings::detail
