// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/bus_drain.hpp>
#include <tidings/bus/impl/bus_state.hpp>
#include <tidings/bus/impl/dispatch.hpp>
#include <tidings/bus/impl/feed.hpp>
#include <tidings/bus/impl/pending_appends.hpp>
#include <tidings/bus/impl/subscription/target_subscription.hpp>
#include <tidings/control_event.hpp>
#include <tidings/io/environment.hpp>

#include <boost/asio/bind_executor.hpp>

namespace tidings::detail {

bus_state::bus_state(net::any_io_executor executor, bus_options options,
                     std::shared_ptr<tidings::history> history)
    : executor_(std::move(executor)),
      options_(std::move(options)),
      clock_(options_.clock != nullptr ? *options_.clock : io::system_clock()),
      id_(make_origin()),
      lane_(lane::make(executor_, clock_)),
      history_(std::move(history)),
      pending_(std::make_shared<pending_appends>()),
      patterns_(io::system_random().next()) {}

// What was committed before is behind the head; later commits are reported.
void bus_state::begin_to_listen() {
    watch_context(executor_, pending_);
    history_->listen(*this);
    const std::lock_guard lock(mutex_);
    head_ = history_->head();
}

bool bus_state::begin_close(std::vector<std::shared_ptr<subscription_state>>& ending) noexcept {
    {
        const std::lock_guard lock(mutex_);
        if (stage_.exchange(stage::closed) == stage::closed) return false;
        for (const auto& [key, weak] : owned_)
            if (auto s = weak.lock()) ending.push_back(std::move(s));
    }
    if (history_) history_->unlisten(*this);
    return true;
}

void bus_state::close() noexcept {
    std::vector<std::shared_ptr<subscription_state>> ending;
    if (!begin_close(ending)) return;
    for (const auto& s : ending) s->end(errc::closed);
    const std::lock_guard lock(mutex_);
    pending_->close();
    for (const auto& [pattern, entry] : patterns_.entries())
        for (const auto& chunk : entry->chunks)
            chunk.home->post([targets = chunk.targets] {
                for (const auto& target : *targets) target->on_bus_closed();
            });
}

void bus_state::on_context_end() noexcept {
    std::vector<std::shared_ptr<subscription_state>> ending;
    begin_close(ending);
    for (const auto& s : ending) s->abandon();
    const auto draining = std::move(drain_);
    pattern_registry::entry_map entries;
    {
        const std::lock_guard lock(mutex_);
        entries = patterns_.clear();
    }
    executor_ = ended_executor();
}

void bus_state::start_drain(unique_function<void(error_code)> done) {
    start_refusing();
    lane_->post([self = self(), done = std::move(done)]() mutable {
        if (!self->drain_) self->drain_ = self->lane_->make_resident<bus_drain>(self);
        self->drain_->add(std::move(done));
    });
}

std::vector<std::shared_ptr<subscription_state>> bus_state::active() const {
    std::vector<std::shared_ptr<subscription_state>> all;
    const std::lock_guard lock(mutex_);
    for (const auto& [key, weak] : owned_)
        if (auto s = weak.lock()) all.push_back(std::move(s));
    return all;
}

std::size_t bus_state::subscriptions() const noexcept {
    const std::lock_guard lock(mutex_);
    return subscriptions_;
}

error_code bus_state::admit() const noexcept {
    if (stage_ == stage::closed) return errc::closed;
    if (subscriptions_ >= options_.max_subscriptions) return errc::too_many;
    return {};
}

error_code bus_state::attach(const std::vector<std::string>& patterns,
                             const std::shared_ptr<lane>& l,
                             const std::shared_ptr<lane_target>& target, position& head) {
    const std::lock_guard lock(mutex_);
    if (const auto ec = admit()) return ec;
    for (const auto& pattern : patterns) patterns_.enter(pattern).add(l, target);
    ++subscriptions_;
    head = head_;
    return {};
}

void bus_state::detach(const std::vector<std::string>& patterns, const std::shared_ptr<lane>& l,
                       const lane_target* target) noexcept {
    const std::lock_guard lock(mutex_);
    --subscriptions_;
    for (const auto& pattern : patterns)
        patterns_.leave(pattern, [&](pattern_entry& entry) { entry.remove(l, target); });
}

void bus_state::locate(const std::shared_ptr<lane>& l, unique_function<void(const position&)> f) {
    const std::lock_guard lock(mutex_);
    l->post([f = std::move(f), here = head_]() mutable { f(here); });
}

error_code bus_state::add(std::string_view pattern, const std::shared_ptr<subscription_state>& s) {
    if (const auto ec = check_pattern(pattern)) return ec;
    const std::lock_guard lock(mutex_);
    if (const auto ec = admit()) return ec;
    s->enter(patterns_.enter(pattern));
    owned_[s.get()] = s;
    ++subscriptions_;
    s->on_detach([weak = std::weak_ptr(self()), text = std::string(pattern), key = s.get()] {
        const auto bus = weak.lock();
        if (!bus) return;
        const std::lock_guard guard(bus->mutex_);
        bus->owned_.erase(key);
        --bus->subscriptions_;
        bus->patterns_.leave(text, [&](pattern_entry& entry) { key->leave(entry); });
    });
    return {};
}

// A subscription that begins in the past gets its events from a feed in the bus's lane.
error_code bus_state::add_resumed(std::string_view pattern,
                                  const std::shared_ptr<subscription_state>& s,
                                  const subscribe_options& options) {
    if (const auto ec = check_pattern(pattern)) return ec;
    feed_options f;
    f.patterns = {std::string(pattern)};
    f.after = options.after;
    f.limits = options.limits;
    f.overflow = options.overflow;
    const auto sink = s->sink();
    const auto source = std::make_shared<feed>(self(), lane_, sink, std::move(f));
    s->follow(source);
    {
        const std::lock_guard lock(mutex_);
        if (const auto ec = admit()) return ec;
        owned_[s.get()] = s;
        s->on_detach([weak = std::weak_ptr(self()), key = s.get(), source, sink] {
            source->stop();
            const auto bus = weak.lock();
            if (!bus) return;
            const std::lock_guard guard(bus->mutex_);
            bus->owned_.erase(key);
        });
    }
    return source->start();
}

void bus_state::join(std::string_view pattern, const std::shared_ptr<subscription_state>& s,
                     const subscribe_options& options) {
    const auto ec = options.after ? add_resumed(pattern, s, options) : add(pattern, s);
    if (ec) s->end(ec);
}

subscription bus_state::subscribe(std::string_view pattern, std::shared_ptr<subscriber> target,
                                  subscribe_options options) {
    const bool missing = target == nullptr;
    const auto s = make_subscription<target_subscription>(lane_, std::move(target));
    if (missing)
        s->end(errc::invalid_argument);
    else
        join(pattern, s, options);
    return subscription(s);
}

subscription bus_state::subscribe_callback(std::string_view pattern, net::any_io_executor io,
                                           event_callback_function f, subscribe_options options) {
    const auto s = make_subscription<callback_subscription>(std::move(io), options, std::move(f),
                                                            options_.log);
    join(pattern, s, options);
    return subscription(s);
}

subscription bus_state::subscribe_immediate(std::string_view pattern, event_callback_function f) {
    const auto s = make_subscription<immediate_subscription>(executor_, std::move(f), options_.log);
    join(pattern, s, {});
    return subscription(s);
}

std::shared_ptr<receiver_subscription> bus_state::receive(std::string_view pattern,
                                                          subscribe_options options) {
    auto s = make_subscription<receiver_subscription>(executor_, options);
    join(pattern, s, options);
    return s;
}

namespace {

// Publications made inside immediate callbacks, on this thread.
thread_local unsigned publish_depth = 0;

struct depth_guard {
    depth_guard() { ++publish_depth; }
    ~depth_guard() { --publish_depth; }
    depth_guard(const depth_guard&) = delete;
};

const std::shared_ptr<publish_join> no_join;

outcome outcome_of(error_code ec) noexcept {
    if (ec == errc::closed) return outcome::closed;
    return ec ? outcome::dropped : outcome::delivered;
}

}  // namespace

template <class Content>
event_ptr bus_state::freeze(destination to, Content&& content, publication_info info,
                            error_code& ec) {
    if (ec) return {};
    info.bus = id_;
    info.position.reset();
    info.number = last_number_.fetch_add(1, std::memory_order_relaxed) + 1;
    constexpr bool fresh = std::is_rvalue_reference_v<Content&&>;
    if constexpr (fresh)
        if (!content.time())
            content.time(std::chrono::floor<std::chrono::microseconds>(clock_.wall_now()));
    auto e = publication::freeze(to.topic, std::forward<Content>(content), std::move(info), ec);
    if constexpr (!fresh)
        if (e) ec = e->stamp(clock_);
    return ec ? event_ptr() : e;
}

event_ptr bus_state::take_over(const event_ptr& e, error_code& ec) {
    auto info = e->info();
    // From another bus: that bus is where it must not go back to.
    if (info.bus != 0) {
        info.origin = info.bus;
        ++info.hops;
    }
    if (!is_loss_signal(e->topic())) ec = check_topic(e->topic());
    if (const stage now = stage_; info.bus == 0 && now != stage::open) ec = refusal_at(now);
    auto frozen = freeze(std::string_view(e->topic()), e, std::move(info), ec);
    if (ec) report_refused(e, ec);
    return frozen;
}

receipt bus_state::publish(destination to, event&& e) {
    auto ec = to.check();
    const auto frozen = freeze(to, std::move(e), {}, ec);
    return publish_frozen(frozen, ec, no_join, to.route);
}

receipt bus_state::publish(destination to, const event_ptr& e) {
    auto ec = to.check();
    publication_info info;
    info.hops = e->info().hops;
    const auto frozen = freeze(to, e, std::move(info), ec);
    return publish_frozen(frozen, ec, no_join, to.route);
}

receipt bus_state::publish(const event_ptr& e) {
    error_code ec;
    const auto frozen = take_over(e, ec);
    return publish_frozen(frozen, ec, no_join);
}

void bus_state::start_publish(destination to, event&& e, publish_handler handler) {
    auto ec = to.check();
    const auto frozen = freeze(to, std::move(e), {}, ec);
    publish_joined(frozen, ec, std::move(handler), to.route);
}

void bus_state::start_publish(const event_ptr& e, publish_handler handler) {
    error_code ec;
    const auto frozen = take_over(e, ec);
    publish_joined(frozen, ec, std::move(handler));
}

void bus_state::publish_joined(const event_ptr& e, error_code ec, publish_handler handler,
                               topic_route* route) {
    const auto join = std::make_shared<publish_join>(std::move(handler));
    join->listen_for_cancellation();
    const auto r = publish_frozen(e, ec, join, route);
    join->publisher_done(r.error, r.position);
}

outcome bus_state::deliver(const event_ptr& e) noexcept {
    return outcome_of(publish(e).error);
}

void bus_state::start_deliver(event_ptr e, deliver_handler handler) {
    auto map = [h = std::move(handler)](error_code ec, const receipt&) mutable {
        std::move(h)(ec, outcome_of(ec));
    };
    start_publish(e, publish_handler(executor_, net::bind_executor(executor_, std::move(map))));
}

receipt bus_state::publish_frozen(const event_ptr& e, error_code ec,
                                  const std::shared_ptr<publish_join>& join, topic_route* route) {
    if (ec) return {.error = ec};
    const depth_guard depth;
    dispatch d{join, route};
    if (e->info().hops > max_hops || publish_depth > max_hops) {
        d.result.error = errc::hop_limit;
        report_refused(e, errc::hop_limit);
        return d.result;
    }
    error_code not_kept;
    {
        const std::lock_guard lock(mutex_);
        if (stage_ >= stage::drained)
            d.result.error = refusal_at(stage_);
        else if (history_ && !is_loss_signal(e->topic()) && history_->covers(e->topic()))
            not_kept = d.result.error = append_locked(e, d);
        else
            dispatch_locked(e, d);
    }
    if (not_kept) report_refused(e, not_kept);
    d.finish();
    return std::move(d.result);
}

// With the mutex held. What is not committed here is dispatched at its commit.
error_code bus_state::append_locked(const event_ptr& e, dispatch& d) {
    const auto number = e->info().number;
    append_result appended;
    try {
        append_handler kept;
        if (d.join) {
            kept = append_handler(executor_, [all = pending_, number](error_code ec, position p) {
                all->durable(number, ec, p);
            });
            pending_->add(number, d.join);
            d.join->expect(2);  // that it is kept, and that it is dispatched
        }
        appended = history_->append(pending_publication(e), std::move(kept));
    } catch (const std::bad_alloc&) {
        appended.error = errc::out_of_memory;
    } catch (...) {
        appended.error = errc::history_failed;
    }
    if (appended.error) pending_->durable(number, appended.error, {});
    for (auto& gone : appended.evicted) d.gone.take(std::move(gone));
    if (appended.committed || appended.error) d.from_history = pending_->take(number) != nullptr;
    if (appended.committed)
        dispatch_locked(appended.committed, d);
    else if (!appended.error)
        ++appending_;
    return appended.error;
}

void bus_state::on_committed(const event_ptr& e) noexcept {
    dispatch d;
    {
        const std::lock_guard lock(mutex_);
        if (e->info().bus == id_) --appending_;
        if (stage_ == stage::closed) return;
        d.join = pending_->take(e->info().number);
        d.from_history = d.join != nullptr;
        dispatch_locked(e, d);
    }
    const depth_guard depth;
    d.finish();
}

void bus_state::on_append_failed(const event_ptr& e, error_code ec) noexcept {
    --appending_;
    if (const auto join = pending_->take(e->info().number)) join->dispatched();
    report_refused(e, ec);
}

void bus_state::report_refused(const event_ptr& e, error_code why) noexcept {
    if (metrics()) metrics()->count("events_refused", {}, 1);
    if (log()) log()({log_level::warning, "bus", e->topic(), why});
}

// With the mutex held: every queue and lane gets the event in the order of positions.
void bus_state::dispatch_locked(const event_ptr& e, dispatch& d) {
    d.event = e;
    if (e->position()) {
        head_ = *e->position();
        d.result.position = head_;
    }
    const auto ticket = ++last_ticket_;
    for (const auto* entry : patterns_.match(e->topic(), d.route)) d.hand_to(*entry, ticket, lane_);
    if (metrics()) metrics()->count("events_published", {}, 1);
}

}  // namespace tidings::detail
