// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/bus_state.hpp>
#include <tidings/bus/impl/pending_appends.hpp>
#include <tidings/bus/impl/subscription/target_subscription.hpp>
#include <tidings/io/environment.hpp>
#include <tidings/store/memory_history.hpp>

#include <stdexcept>

namespace tidings::detail {

namespace {

std::shared_ptr<tidings::history> history_of(const history_options& o, io::clock* clock) {
    if (o.implementation) return o.implementation;
    auto rules = o.rules;
    if (o.max_events != 0) rules.push_back({">", o.max_events, o.max_bytes, o.max_age});
    for (const auto& rule : rules)
        if (check_pattern(rule.pattern))
            throw std::invalid_argument("tidings::bus: history rule is not a pattern: " +
                                        rule.pattern);
    return rules.empty() ? nullptr : make_memory_history(std::move(rules), clock);
}

}  // namespace

std::shared_ptr<bus_state> make_bus_state(net::any_io_executor executor, bus_options options) {
    auto bus = std::make_shared<bus_state>(executor, std::move(options));
    watch_context(executor, bus);
    if (bus->history()) bus->begin_to_listen();
    return bus;
}

bus_state::bus_state(net::any_io_executor executor, bus_options options)
    : executor_(std::move(executor)),
      options_(std::move(options)),
      id_(make_origin()),
      lane_(
          lane::make(executor_, options_.clock != nullptr ? *options_.clock : io::system_clock())),
      history_(history_of(options_.history, options_.clock)),
      uncommitted_(std::make_shared<uncommitted>()),
      index_(io::system_random().next()) {}

// What was committed before is behind the head, and what comes is told.
void bus_state::begin_to_listen() {
    watch_context(executor_, uncommitted_);
    history_->listen(*this);
    const std::lock_guard lock(mutex_);
    head_ = {history_->head(), history_->head_sequence()};
}

bool bus_state::begin_close(std::vector<std::shared_ptr<subscription_state>>& ending) noexcept {
    {
        const std::lock_guard lock(mutex_);
        if (std::exchange(closed_, true)) return false;
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
    uncommitted_->close();
    for (const auto& [pattern, entry] : entries_)
        for (const auto& chunk : entry->chunks)
            chunk.home->enqueue([targets = chunk.targets] {
                for (const auto& target : *targets) target->on_bus_closed();
            });
}

void bus_state::on_context_end() noexcept {
    std::vector<std::shared_ptr<subscription_state>> ending;
    begin_close(ending);
    for (const auto& s : ending) s->abandon();
    decltype(entries_) entries;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& [pattern, entry] : entries_) index_.erase(pattern, entry.get());
        entries.swap(entries_);
    }
    executor_ = ended_executor();
}

std::size_t bus_state::subscriptions() const noexcept {
    const std::lock_guard lock(mutex_);
    return subscriptions_;
}

pattern_entry& bus_state::entry_of(std::string_view pattern) {
    auto& entry = entries_[std::string(pattern)];
    if (!entry) {
        entry = std::make_unique<pattern_entry>();
        entry->pattern = pattern;
        index_.insert(pattern, entry.get());
    }
    return *entry;
}

void bus_state::drop_if_empty(const std::string& pattern) noexcept {
    const auto it = entries_.find(pattern);
    if (it == entries_.end() || !it->second->empty()) return;
    index_.erase(pattern, it->second.get());
    entries_.erase(it);
}

error_code bus_state::admit() const noexcept {
    if (closed_) return errc::closed;
    if (subscriptions_ >= options_.max_subscriptions) return errc::too_many;
    return {};
}

error_code bus_state::attach(const std::vector<std::string>& patterns,
                             const std::shared_ptr<lane>& l,
                             const std::shared_ptr<lane_target>& target, place& head) {
    const std::lock_guard lock(mutex_);
    if (const auto ec = admit()) return ec;
    for (const auto& pattern : patterns) entry_of(pattern).add(l, target);
    ++subscriptions_;
    head = head_;
    return {};
}

void bus_state::detach(const std::vector<std::string>& patterns, const std::shared_ptr<lane>& l,
                       const lane_target* target) noexcept {
    const std::lock_guard lock(mutex_);
    --subscriptions_;
    for (const auto& pattern : patterns) {
        const auto it = entries_.find(pattern);
        if (it == entries_.end()) continue;
        it->second->remove(l, target);
        drop_if_empty(pattern);
    }
}

void bus_state::locate(const std::shared_ptr<lane>& l, unique_function<void(const place&)> f) {
    const std::lock_guard lock(mutex_);
    l->enqueue([f = std::move(f), here = head_]() mutable { f(here); });
}

template <class S>
error_code bus_state::add(std::string_view pattern, const std::shared_ptr<S>& s) {
    if (const auto ec = check_pattern(pattern)) return ec;
    const std::lock_guard lock(mutex_);
    if (const auto ec = admit()) return ec;
    auto& entry = entry_of(pattern);
    if constexpr (std::derived_from<S, queue_subscription>)
        entry.queues.push_back(s);
    else if constexpr (std::same_as<S, target_subscription>)
        entry.add(lane_, s);
    else
        entry.add(s);
    owned_[s.get()] = s;
    ++subscriptions_;
    s->on_detach([weak = std::weak_ptr(self()), text = std::string(pattern), key = s.get()] {
        const auto bus = weak.lock();
        if (!bus) return;
        const std::lock_guard guard(bus->mutex_);
        bus->owned_.erase(key);
        --bus->subscriptions_;
        const auto it = bus->entries_.find(text);
        if (it == bus->entries_.end()) return;
        if constexpr (std::same_as<S, target_subscription>)
            it->second->remove(bus->lane_, key);
        else if constexpr (std::derived_from<S, queue_subscription>)
            it->second->remove(static_cast<const queue_subscription*>(key));
        else
            it->second->remove(key);
        bus->drop_if_empty(text);
    });
    return {};
}

// A subscription that begins in the past gets its events from a feed in the bus's lane.
template <class S>
error_code bus_state::add_resumed(std::string_view pattern, const std::shared_ptr<S>& s,
                                  const subscribe_options& options) {
    if (const auto ec = check_pattern(pattern)) return ec;
    std::shared_ptr<feed_sink> sink;
    if constexpr (std::same_as<S, target_subscription>)
        sink = s;
    else
        sink = std::make_shared<queue_feed_sink>(s);
    feed_options f;
    f.patterns = {std::string(pattern)};
    f.after = options.after;
    f.limits = options.limits;
    f.overflow = options.overflow;
    const auto source = std::make_shared<feed>(self(), lane_, sink, std::move(f));
    if constexpr (std::derived_from<S, queue_subscription>)
        s->on_room([l = lane_, weak = std::weak_ptr(source)] {
            l->enqueue([weak] {
                if (const auto f2 = weak.lock()) f2->pump();
            });
        });
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

subscription bus_state::subscribe(std::string_view pattern, std::shared_ptr<subscriber> target,
                                  subscribe_options options) {
    const bool nobody = target == nullptr;
    const auto s = make_subscription<target_subscription>(lane_, std::move(target));
    if (const auto ec = nobody          ? make_error_code(errc::invalid_argument)
                        : options.after ? add_resumed(pattern, s, options)
                                        : add(pattern, s))
        s->end(ec);
    return subscription(s);
}

subscription bus_state::subscribe_callback(std::string_view pattern, net::any_io_executor io,
                                           event_callback_function f, subscribe_options options) {
    const auto s = make_subscription<callback_subscription>(std::move(io), options, std::move(f),
                                                            options_.log);
    if (const auto ec = options.after ? add_resumed(pattern, s, options) : add(pattern, s))
        s->end(ec);
    return subscription(s);
}

subscription bus_state::subscribe_immediate(std::string_view pattern, event_callback_function f) {
    const auto s = make_subscription<immediate_subscription>(executor_, std::move(f), options_.log);
    if (const auto ec = add(pattern, s)) s->end(ec);
    return subscription(s);
}

std::shared_ptr<receiver_subscription> bus_state::receive(std::string_view pattern,
                                                          subscribe_options options) {
    auto s = make_subscription<receiver_subscription>(executor_, options);
    if (const auto ec = options.after ? add_resumed(pattern, s, options) : add(pattern, s))
        s->end(ec);
    return s;
}

}  // namespace tidings::detail
