// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/bus_drain.hpp>
#include <tidings/bus/impl/bus_state.hpp>
#include <tidings/bus/impl/dispatch.hpp>
#include <tidings/bus/impl/feed.hpp>
#include <tidings/bus/impl/pending_appends.hpp>
#include <tidings/bus/impl/subscription/direct_subscription.hpp>
#include <tidings/control_event.hpp>
#include <tidings/io/environment.hpp>

namespace tidings::detail {

bus_state::bus_state(net::any_io_executor executor, bus_options options,
                     std::shared_ptr<tidings::history> history)
    : bus_members(
          lane::make(executor, options.clock != nullptr ? *options.clock : io::system_clock()),
          options.max_subscriptions, retained_store::make(options.retained),
          io::system_random().next()),
      history_(std::move(history)),
      prompt_(dynamic_cast<prompt_history*>(history_.get())),
      options_(std::move(options)),
      maker_(options_.clock != nullptr ? *options_.clock : io::system_clock(),
             options_.max_form_bytes),
      executor_(std::move(executor)),
      pending_(std::make_shared<pending_appends>()) {}

// What was committed before is behind the head; later commits are reported.
void bus_state::begin_to_listen() {
    watch_context(executor_, pending_);
    history_->listen(*this);
    const std::lock_guard lock(mutex_);
    head_ = history_->head();
}

void bus_state::dispose(bus_state* b) noexcept {
    retired_list gone;
    gone.push(*b);
    b->release(std::move(gone));
}

bool bus_state::begin_close() noexcept {
    {
        const std::lock_guard lock(mutex_);
        if (stage_ == stage::closed) return false;
        move_to_locked(stage::closed);
    }
    if (history_) history_->unlisten(*this);
    return true;
}

void bus_state::close() noexcept {
    if (!begin_close()) return;
    requests_->close();
    while (const auto s = unlink_first()) s->end(errc::closed);
    reclaimer::collect(true);
    const std::lock_guard lock(mutex_);
    pending_->close();
    patterns_.for_each([](pattern_entry& entry) {
        const std::lock_guard lists(entry.lists_mutex);
        for (auto& chunk : entry.chunks) {
            chunk.closing->targets = chunk.targets;
            chunk.home->post(*chunk.closing.release());
        }
    });
}

void bus_state::on_context_end() noexcept {
    requests_->abandon();
    if (begin_close())
        while (const auto s = unlink_first()) s->abandon();
    const auto draining = std::move(drain_);
    retired_list entries;
    {
        const std::lock_guard lock(mutex_);
        entries.splice(patterns_.clear());
    }
    entries.for_each([](retirable& r) {
        auto& entry = static_cast<pattern_entry&>(r);
        decltype(entry.queues) queues;  // which end without a lock
        decltype(entry.chunks) chunks;
        const std::lock_guard lists(entry.lists_mutex);
        queues.swap(entry.queues);
        chunks.swap(entry.chunks);
    });
    release(std::move(entries));
    reclaimer::collect(true);
    executor_ = ended_executor();
}

void bus_state::start_drain(unique_function<void(error_code)> done) {
    start_refusing();
    lane_->post([self = self(), done = std::move(done)]() mutable {
        if (!self->drain_) self->drain_ = self->lane_->make_resident<bus_drain>(self);
        self->drain_->add(std::move(done));
    });
}

// A subscription that begins in the past, and each outlet on a bus with a history, has a feed in
// the bus's lane.
error_code bus_state::add_fed(std::string_view pattern,
                              const std::shared_ptr<subscription_state>& s,
                              const subscribe_options& options) {
    if (const auto ec = check_pattern(pattern)) return ec;
    feed_options f{.patterns = {std::string(pattern)},
                   .after = options.after,
                   .limits = options.limits,
                   .overflow = options.overflow,
                   .after_gap = options.after_gap,
                   .filter = options.filter,
                   .exact = s->outlet(),
                   .retained = options.retained};
    auto r = std::make_unique<feeding>();
    r->sink = s->sink();
    f.asks = history_ && !f.after && !f.retained && r->sink->keeps_place();
    if (f.asks) f.after_gap = after_gap::held;
    r->source = std::make_shared<feed>(self(), lane_, r->sink, std::move(f));
    const auto source = r->source;
    s->follow(source);
    {
        const std::lock_guard lock(mutex_);
        if (const auto ec = admit()) return ec;
        s->fed_ = std::move(r);
        link(s);
    }
    try {
        return source->start();
    } catch (...) {
        s->abandon();
        throw;
    }
}

void bus_state::join(std::string_view pattern, const std::shared_ptr<subscription_state>& s,
                     const subscribe_options& options) {
    auto ec = options.filter.check();
    const bool fed = s->outlet() || options.after || (options.retained && retains());
    if (!ec)
        ec = !options.group.empty() ? add_grouped(pattern, s, options)
             : fed                  ? add_fed(pattern, s, options)
                                    : add(pattern, s);
    if (ec) s->end(ec);
}

subscription bus_state::subscribe(std::string_view pattern, std::shared_ptr<subscriber> target,
                                  subscribe_options options) {
    const bool missing = target == nullptr;
    const bool is_direct =
        !history_ && !options.after && options.group.empty() && !(options.retained && retains());
    std::shared_ptr<target_subscription> s;
    if (is_direct)
        s = make_subscription<direct_subscription>(lane_, std::move(target), options_.log, pattern,
                                                   options.filter, options.overflow);
    else
        s = make_subscription<target_subscription>(lane_, std::move(target), options_.log);
    missing ? s->end(errc::invalid_argument) : join(pattern, s, options);
    return subscription(s);
}

subscription bus_state::subscribe_callback(std::string_view pattern, net::any_io_executor io,
                                           event_callback_function f, subscribe_options options) {
    const auto s = make_subscription<callback_subscription>(posting_.of(io, lane_), options,
                                                            std::move(f), options_.log);
    join(pattern, s, options);
    return subscription(s);
}

subscription bus_state::subscribe_immediate(std::string_view pattern, event_callback_function f,
                                            event_filter filter) {
    const auto s = std::make_shared<immediate_subscription>(std::move(f), filter);
    join(pattern, s, {.filter = std::move(filter)});
    return subscription(s);
}

std::shared_ptr<receiver_subscription> bus_state::receive(std::string_view pattern,
                                                          subscribe_options options) {
    auto s = make_subscription<receiver_subscription>(executor_, lane_, options);
    join(pattern, s, options);
    return s;
}

receipt bus_state::publish(destination to, event&& e) {
    receipt r;
    r.error = to.check();
    const auto frozen = make(to.topic, r.error, std::move(e));
    if (!r.error) publish_frozen(frozen, no_join, to.route, r);
    return r;
}

receipt bus_state::publish(destination to, const event_ptr& e) {
    receipt r;
    r.error = to.check();
    const auto frozen = make(to.topic, r.error, e, publication_info{.hops = e->info().hops});
    if (!r.error) publish_frozen(frozen, no_join, to.route, r);
    return r;
}

receipt bus_state::publish(const event_ptr& e) {
    receipt r;
    const auto frozen = take_over(e, r.error);
    if (!r.error) publish_frozen(frozen, no_join, nullptr, r);
    return r;
}

receipt bus_state::publish_own(const event_ptr& e) {
    receipt r;
    const auto frozen = make(e->topic(), r.error, e, publication_info{.hops = e->info().hops});
    if (!r.error) publish_frozen(frozen, no_join, nullptr, r);
    return r;
}

void bus_state::start_publish(destination to, event&& e, publish_handler handler) {
    auto ec = to.check();
    const auto frozen = make(to.topic, ec, std::move(e));
    publish_joined(frozen, ec, std::move(handler), to.route);
}

void bus_state::start_publish(const event_ptr& e, publish_handler handler) {
    error_code ec;
    const auto frozen = take_over(e, ec);
    publish_joined(frozen, ec, std::move(handler));
}

void bus_state::publish_joined(const event_ptr& e, error_code ec, publish_handler handler,
                               topic_route* route) {
    const auto join = std::make_shared<publish_join>(std::move(handler), lane_);
    join->listen_for_cancellation();
    receipt r(ec);
    if (!ec) publish_frozen(e, join, route, r);
    join->publisher_done(r.error, r.position);
}

publish_waiter::owner bus_state::start_publish(event_ptr&& e, publish_waiter::owner w) {
    receipt r;
    const auto frozen = take_over(std::move(e), r.error);
    w->set_event(frozen);
    const auto join = std::make_shared<publish_join>(std::move(w));
    if (!r.error) publish_frozen(frozen, join, nullptr, r);
    return join->try_complete(r.error, r.position);
}

namespace {

/// Notes a join that waits for its event to be kept and dispatched; what the history completes.
append_handler expect_append(const std::shared_ptr<pending_appends>& all, std::uint64_t number,
                             const std::shared_ptr<publish_join>& join, lane& home) {
    auto kept = home.completion<append_handler>(
        [all, number](error_code ec, position p) { all->durable(number, ec, p); });
    all->add(number, join);
    join->expect(2);  // that it is kept, and that it is dispatched
    return kept;
}

}  // namespace

// With the mutex held. What is not committed here is dispatched at its commit.
const event_ptr* bus_state::append_slowly(const event_ptr& e, std::uint64_t number, dispatch& d) {
    const bool waits = d.join && !history_->durable_at_once();
    append_result appended;
    try {
        appended = history_->append(
            pending_publication(e),
            waits ? expect_append(pending_, number, d.join, *lane_) : append_handler());
    } catch (const std::bad_alloc&) {
        appended.error = errc::out_of_memory;
    } catch (...) {
        appended.error = errc::history_failed;
    }
    d.result.error = appended.error;
    if (appended.error) pending_->durable(number, appended.error, {});
    d.evicted = std::move(appended.evicted);
    if (appended.committed || appended.error) d.follows = pending_->take(number) != nullptr;
    d.committed = std::move(appended.committed);
    if (d.committed) return &d.committed;
    if (!appended.error) ++appending_;
    return nullptr;
}

// The same; most histories commit here.
[[gnu::always_inline]] inline const event_ptr* bus_state::append_locked(const event_ptr& e,
                                                                        dispatch& d) {
    const auto number = ++last_number_;
    publication_maker::set_number(e, number);
    if (prompt_ == nullptr || (d.join && !prompt_->durable_at_once()))
        return append_slowly(e, number, d);
    d.result.error = prompt_->keep(e, d.evicted);
    return d.result.error ? nullptr : &e;
}

// With the mutex held: every queue and lane gets the event in the order of positions.
[[gnu::always_inline]] inline void bus_state::dispatch_locked(const event_ptr& e, dispatch& d,
                                                              reader_record& here,
                                                              retired_list& gone) {
    d.event = &e;
    d.inbox = options_.inbox;
    if (const auto& at = e->position()) {
        head_ = *at;
        d.result.position = *at;
    }
    ++dispatched_;
    d.hand_to(patterns_.match(e->topic(), d.route, gone), here, lane_);
    if (retained_) retained_->note(e, gone);
    if (auto* w = watch()) d.look(*w);
}

void bus_state::publish_frozen(const event_ptr& e, const std::shared_ptr<publish_join>& join,
                               topic_route* route, receipt& r) {
    auto& here = reclaimer::here();
    const read_section section(here);
    const auto who = note_publisher(here);
    if (e->info().hops > max_hops || here.publications >= max_hops) {
        r.error = errc::hop_limit;
        return report_refused(e, r.error);
    }
    const auto* match = route != nullptr && route->direct ? current(*route) : nullptr;
    if (match != nullptr && !join && !match->has_lists() && walk_directly(*match, e, here, r))
        return;
    leaving gone(*this);
    const depth_guard depth(here);
    dispatch d(r, join, route);
    if (match == nullptr || !hand_directly(*route, *match, e, d, here)) {
        const std::lock_guard lock(mutex_);
        const auto* ready = &e;
        if (stage_ >= stage::drained) {
            r.error = refusal_at(stage_);
            ready = nullptr;
        } else if (route != nullptr ? route->kept : is_kept(e->topic())) {
            ready = append_locked(e, d);
        }
        if (ready != nullptr) dispatch_locked(*ready, d, here, gone);
    }
    if (r.error) report_not_taken(e, r.error);
    d.finish(here, who, options_.log);
}

void bus_state::on_committed(const event_ptr& e) noexcept {
    auto& here = reclaimer::here();
    const read_section section(here);
    leaving gone(*this);
    const depth_guard depth(here);
    const auto who = note_publisher(here);
    receipt r;
    std::shared_ptr<publish_join> join;
    dispatch d(r, join);
    {
        const std::lock_guard lock(mutex_);
        if (e->info().bus == maker_.id()) --appending_;
        if (stage_ == stage::closed) return;
        join = pending_->take(e->info().number);
        d.follows = join != nullptr;
        dispatch_locked(e, d, here, gone);
    }
    d.finish(here, who, options_.log);
}

void bus_state::on_append_failed(const event_ptr& e, error_code ec) noexcept {
    --appending_;
    if (const auto join = pending_->take(e->info().number)) join->dispatched();
    report_refused(e, ec);
}

}  // namespace tidings::detail
