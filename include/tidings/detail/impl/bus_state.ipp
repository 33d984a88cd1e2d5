// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/bus_state.hpp>
#include <tidings/detail/publish_join.hpp>
#include <tidings/io/environment.hpp>

namespace tidings::detail {

/// One publication on its way: what is called once the mutex is released.
struct bus_state::dispatch {
    receipt& result;
    std::shared_ptr<publish_join> join{};
    event_ptr event{};  // as it was dispatched; null until then
    std::vector<std::shared_ptr<const pattern_entry::immediate_list>> immediates{};
    bool from_history = false;  // the join waits for the end of this dispatch
};

namespace {

// A history that commits inside `append` comes back to the same thread, which holds the mutex.
struct append_scope {
    const bus_state* bus;
    void* dispatch;
};
thread_local append_scope appending{nullptr, nullptr};

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
    const auto frozen = publication::make(topic, std::move(e), std::move(info), r.error);
    return frozen ? publish_frozen(frozen, no_join) : r;
}

receipt bus_state::publish(std::string_view topic, const event_ptr& e, publication_info info) {
    receipt r;
    r.error = check_topic(topic);
    if (r.error) return r;
    stamp(info);
    const auto frozen = publication::make(topic, e, std::move(info), r.error);
    return frozen ? publish_frozen(frozen, no_join) : r;
}

event_ptr bus_state::take_over(const event_ptr& e, error_code& ec) {
    ec = check_topic(e->topic());
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
    return publication::make(e->topic(), e, std::move(info), ec);
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
    if (!ec) frozen = publication::make(topic, std::move(e), std::move(info), ec);
    publish_joined(frozen, ec, std::make_shared<publish_join>(std::move(handler)));
}

void bus_state::start_publish(const event_ptr& e, publish_handler handler) {
    error_code ec;
    const auto frozen = take_over(e, ec);
    publish_joined(frozen, ec, std::make_shared<publish_join>(std::move(handler)));
}

void bus_state::publish_joined(const event_ptr& frozen, error_code ec,
                               const std::shared_ptr<publish_join>& join) {
    receipt r;
    r.error = ec;
    if (frozen) r = publish_frozen(frozen, join);
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

receipt bus_state::publish_frozen(const event_ptr& e, const std::shared_ptr<publish_join>& join) {
    receipt r;
    const depth_guard depth;
    if (e->info().hops > max_hops || publish_depth > max_hops) {
        r.error = errc::hop_limit;
        report_refused(e, r.error);
        return r;
    }
    dispatch d{r, join};
    {
        const std::lock_guard lock(mutex_);
        if (closed_) {
            r.error = errc::closed;
            return r;
        }
        if (history_ && history_->covers(e->topic())) {
            append_handler kept;
            if (join) {
                join->expect(2);  // that it is kept, and that it is dispatched
                uncommitted_.emplace(e->info().number, join);
                kept = append_handler(executor_,
                                      [join](error_code ec, position p) { join->kept(ec, p); });
            }
            const auto outer = std::exchange(appending, {this, &d});
            history_->append(e, std::move(kept));
            appending = outer;
        } else {
            dispatch_locked(e, d);
        }
    }
    finish(d);
    return r;
}

// With the mutex held.
std::shared_ptr<publish_join> bus_state::take_uncommitted(const event_ptr& e) {
    if (uncommitted_.empty()) return {};
    const auto node = uncommitted_.extract(e->info().number);
    return node.empty() ? nullptr : std::move(node.mapped());
}

void bus_state::on_committed(const event_ptr& e) noexcept {
    if (appending.bus == this) {
        auto& d = *static_cast<dispatch*>(appending.dispatch);
        d.from_history = take_uncommitted(e) != nullptr;
        return dispatch_locked(e, d);
    }
    receipt unread;
    dispatch d{unread};
    {
        const std::lock_guard lock(mutex_);
        if (closed_) return;
        d.join = take_uncommitted(e);
        d.from_history = d.join != nullptr;
        dispatch_locked(e, d);
    }
    const depth_guard depth;
    finish(d);
}

void bus_state::on_append_failed(const event_ptr& e, error_code ec) noexcept {
    std::shared_ptr<publish_join> join;
    if (appending.bus == this) {
        static_cast<dispatch*>(appending.dispatch)->result.error = ec;
        join = take_uncommitted(e);
    } else {
        const std::lock_guard lock(mutex_);
        join = take_uncommitted(e);
    }
    if (join) join->dispatched();
    report_refused(e, ec);
}

void bus_state::report_refused(const event_ptr& e, error_code why) noexcept {
    if (metrics()) metrics()->count("events_refused", {}, 1);
    if (log()) log()({log_level::warning, "bus", e->topic(), why});
}

// With the mutex held: every queue and lane gets the event in the order of positions.
void bus_state::dispatch_locked(const event_ptr& e, dispatch& d) {
    d.event = e;
    if (e->info().sequence != 0) {
        head_ = {*e->position(), e->info().sequence};
        d.result.position = e->position();
    }
    const auto ticket = ++last_ticket_;
    matched_.clear();
    index_.match(e->topic(), [&](const auto& entries) { matched_.push_back(entries.front()); });
    for (const auto* entry : matched_) {
        if (entry->immediates) d.immediates.push_back(entry->immediates);
        for (const auto& queue : entry->queues) {
            if (!d.join) {
                d.result.count(queue->push(e));
                continue;
            }
            d.join->expect(1);
            queue->push(e, d.join, lane_);
        }
        for (const auto& chunk : entry->chunks) {
            const auto count = chunk.targets->size();
            if (d.join) d.join->expect(count);
            const bool taken = chunk.home->enqueue(e, chunk.targets, ticket, d.join);
            d.result.matched += count;
            (taken || e->info().sequence != 0 ? d.result.queued : d.result.dropped) += count;
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
