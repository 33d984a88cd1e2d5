// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/bus_state.hpp>
#include <tidings/bus/impl/pending_appends.hpp>
#include <tidings/io/environment.hpp>

namespace tidings::detail {

/// One publication on its way: what is called, and let go of, once the mutex is released.
struct bus_state::dispatch {
    std::shared_ptr<publish_join> join{};
    topic_route* route = nullptr;
    receipt result{};
    event_ptr event{};  // as it was dispatched; null until then
    std::vector<std::shared_ptr<const pattern_entry::immediate_list>> immediates{};
    bool from_history = false;  // the join waits for the end of this dispatch
    graveyard gone{};
};

/// A call of `append`. A history that commits inside it comes back to the same thread, which holds
/// the mutex; and it may tell of other events than the one that is appended.
struct bus_state::append_call {
    bus_state* bus;
    std::uint64_t number;
    dispatch& own;
    std::vector<dispatch> before{};  // what was told before the event, and after it
    std::vector<dispatch> after{};
    graveyard gone{};

    bool is_own(const event_ptr& e) const noexcept {
        return e->info().number == number && e->info().bus == bus->id_;
    }
};

/// While it lives, this thread is inside `append`.
class bus_state::append_scope {
 public:
    explicit append_scope(append_call& call) : outer_(std::exchange(current(), &call)) {}
    ~append_scope() { current() = outer_; }
    append_scope(const append_scope&) = delete;

    static append_call*& current() noexcept {
        thread_local append_call* call = nullptr;
        return call;
    }

 private:
    append_call* outer_;
};

namespace {

// Publications made inside immediate callbacks, on this thread.
thread_local unsigned publish_depth = 0;

struct depth_guard {
    depth_guard() { ++publish_depth; }
    ~depth_guard() { --publish_depth; }
    depth_guard(const depth_guard&) = delete;
};

const std::shared_ptr<publish_join> no_join;

}  // namespace

void bus_state::stamp(publication_info& info) noexcept {
    info.bus = id_;
    info.position.reset();
    info.sequence = 0;
    info.number = last_number_.fetch_add(1, std::memory_order_relaxed) + 1;
}

receipt bus_state::publish(std::string_view topic, event&& e, publication_info info) {
    receipt r;
    r.error = check_topic(topic);
    if (r.error) return r;
    stamp(info);
    const auto frozen = publication::freeze(topic, std::move(e), std::move(info), r.error);
    return frozen ? publish_frozen(frozen, no_join) : r;
}

receipt bus_state::publish(topic_route& to, event&& e) {
    receipt r;
    publication_info info;
    stamp(info);
    const auto frozen = publication::freeze(to.topic, std::move(e), std::move(info), r.error);
    return frozen ? publish_frozen(frozen, no_join, &to) : r;
}

receipt bus_state::publish(topic_route& to, const event_ptr& e) {
    receipt r;
    publication_info info;
    info.hops = e->info().hops;
    stamp(info);
    const auto frozen = publication::freeze(to.topic, e, std::move(info), r.error);
    return frozen ? publish_frozen(frozen, no_join, &to) : r;
}

receipt bus_state::publish(std::string_view topic, const event_ptr& e, publication_info info) {
    receipt r;
    r.error = check_topic(topic);
    if (r.error) return r;
    stamp(info);
    const auto frozen = publication::freeze(topic, e, std::move(info), r.error);
    return frozen ? publish_frozen(frozen, no_join) : r;
}

event_ptr bus_state::take_over(const event_ptr& e, error_code& ec) {
    if (!is_loss_signal(e->topic())) ec = check_topic(e->topic());
    if (ec) {
        report_refused(e, ec);
        return {};
    }
    auto info = e->info();
    // From another bus: that bus is where it must not go back to.
    if (info.bus != 0) {
        info.origin = info.bus;
        ++info.hops;
    }
    stamp(info);
    return publication::freeze(e->topic(), e, std::move(info), ec);
}

receipt bus_state::publish(const event_ptr& e) {
    receipt r;
    const auto frozen = take_over(e, r.error);
    return frozen ? publish_frozen(frozen, no_join) : r;
}

void bus_state::start_publish(std::string_view topic, event&& e, publish_handler handler) {
    auto ec = check_topic(topic);
    publication_info info;
    stamp(info);
    event_ptr frozen;
    if (!ec) frozen = publication::freeze(topic, std::move(e), std::move(info), ec);
    publish_joined(frozen, ec, std::make_shared<publish_join>(std::move(handler)));
}

void bus_state::start_publish(topic_route& to, event&& e, publish_handler handler) {
    error_code ec;
    publication_info info;
    stamp(info);
    const auto frozen = publication::freeze(to.topic, std::move(e), std::move(info), ec);
    publish_joined(frozen, ec, std::make_shared<publish_join>(std::move(handler)), &to);
}

void bus_state::start_publish(const event_ptr& e, publish_handler handler) {
    error_code ec;
    const auto frozen = take_over(e, ec);
    publish_joined(frozen, ec, std::make_shared<publish_join>(std::move(handler)));
}

void bus_state::publish_joined(const event_ptr& frozen, error_code ec,
                               const std::shared_ptr<publish_join>& join, topic_route* route) {
    receipt r;
    r.error = ec;
    if (frozen) r = publish_frozen(frozen, join, route);
    join->publisher_done(r.error, r.position);
}

outcome bus_state::deliver(const event_ptr& e) noexcept {
    const auto r = publish(e);
    if (r.error == errc::closed) return outcome::closed;
    return r.error ? outcome::dropped : outcome::delivered;
}

void bus_state::start_deliver(event_ptr e, deliver_handler handler) {
    start_publish(
        e, publish_handler(executor_,
                           net::bind_executor(
                               executor_, [h = std::move(handler)](error_code ec, receipt) mutable {
                                   const auto o = ec == errc::closed ? outcome::closed
                                                  : ec               ? outcome::dropped
                                                                     : outcome::delivered;
                                   std::move(h)(ec, o);
                               })));
}

receipt bus_state::publish_frozen(const event_ptr& e, const std::shared_ptr<publish_join>& join,
                                  topic_route* route) {
    const depth_guard depth;
    dispatch d{join, route};
    if (e->info().hops > max_hops || publish_depth > max_hops) {
        d.result.error = errc::hop_limit;
        report_refused(e, errc::hop_limit);
        return d.result;
    }
    append_call call{this, e->info().number, d};
    {
        const std::lock_guard lock(mutex_);
        if (closed_)
            d.result.error = errc::closed;
        else if (history_ && !is_loss_signal(e->topic()) && history_->covers(e->topic()))
            append_locked(e, call);
        else
            dispatch_locked(e, d);
    }
    for (auto& other : call.before) finish(other);
    finish(d);
    for (auto& other : call.after) finish(other);
    return std::move(d.result);
}

void bus_state::append_locked(const event_ptr& e, append_call& call) {
    append_handler kept;
    if (const auto& join = call.own.join) {
        join->expect(2);  // that it is kept, and that it is dispatched
        uncommitted_->add(call.number, join);
        kept =
            append_handler(executor_, [all = uncommitted_, number = call.number](
                                          error_code ec, position p) { all->kept(number, ec, p); });
    }
    const append_scope scope(call);
    history_->append(e, std::move(kept));
}

void bus_state::on_committed(const event_ptr& e) noexcept {
    if (auto* call = append_scope::current(); call != nullptr && call->bus == this) {
        const bool own = call->is_own(e);
        auto& d = own ? call->own : (call->own.event ? call->after : call->before).emplace_back();
        auto join = uncommitted_->take(e->info().number);
        d.from_history = join != nullptr;
        if (!own) d.join = std::move(join);
        return dispatch_locked(e, d);
    }
    dispatch d;
    {
        const std::lock_guard lock(mutex_);
        if (closed_) return;
        d.join = uncommitted_->take(e->info().number);
        d.from_history = d.join != nullptr;
        dispatch_locked(e, d);
    }
    const depth_guard depth;
    finish(d);
}

void bus_state::on_append_failed(const event_ptr& e, error_code ec) noexcept {
    if (auto* call = append_scope::current();
        call != nullptr && call->bus == this && call->is_own(e))
        call->own.result.error = ec;
    if (const auto join = uncommitted_->take(e->info().number)) join->dispatched();
    report_refused(e, ec);
}

// Whoever appends on this thread holds his bus's mutex, ours or that of another.
void bus_state::on_evicted(std::vector<event_ptr> gone) noexcept {
    if (auto* call = append_scope::current())
        for (auto& e : gone) call->gone.take(std::move(e));
}

void bus_state::report_refused(const event_ptr& e, error_code why) noexcept {
    if (metrics()) metrics()->count("events_refused", {}, 1);
    if (log()) log()({log_level::warning, "bus", e->topic(), why});
}

// With the mutex held. A signal is for everybody.
const std::vector<pattern_entry*>& bus_state::match_locked(std::string_view topic,
                                                           topic_route* route) {
    if (route != nullptr && route->generation == index_.generation()) return route->matched;
    auto& matched = route != nullptr ? route->matched : matched_;
    matched.clear();
    if (is_loss_signal(topic))
        for (const auto& [pattern, entry] : entries_) matched.push_back(entry.get());
    else
        index_.match(topic, [&](const auto& entries) { matched.push_back(entries.front()); });
    if (route != nullptr) route->generation = index_.generation();
    return matched;
}

// With the mutex held: every queue and lane gets the event in the order of positions.
void bus_state::dispatch_locked(const event_ptr& e, dispatch& d) {
    d.event = e;
    if (e->info().sequence != 0) {
        head_ = {*e->position(), e->info().sequence};
        d.result.position = e->position();
    }
    const auto ticket = ++last_ticket_;
    for (const auto* entry : match_locked(e->topic(), d.route)) {
        if (entry->immediates) d.immediates.push_back(entry->immediates);
        for (const auto& queue : entry->queues) {
            if (!d.join) {
                d.result.count(queue->push(e, d.gone));
                continue;
            }
            d.join->expect(1);
            queue->push(e, d.join, lane_, d.gone);
        }
        for (const auto& chunk : entry->chunks) {
            const auto count = chunk.targets->size();
            if (d.join) d.join->expect(count);
            d.result.matched += count;
            if (chunk.home->enqueue(e, chunk.targets, ticket, d.join, entry)) {
                d.result.queued += count;
                continue;
            }
            for (const auto& target : *chunk.targets) {
                const bool comes = e->info().sequence != 0 && target->refills();
                ++(comes ? d.result.queued : d.result.dropped);
            }
        }
    }
    if (metrics()) metrics()->count("events_published", {}, 1);
}

// Without the mutex: callbacks may publish, subscribe and unsubscribe.
void bus_state::finish(dispatch& d) noexcept {
    for (const auto& list : d.immediates)
        for (const auto& s : *list) {
            const auto o = s->call(d.event);
            d.result.count(o);
            if (d.join) d.join->count(o);
        }
    if (d.from_history) d.join->dispatched();
}

}  // namespace tidings::detail
