// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/client/proxied_network.hpp>
#include <tidings/http/impl/client/request_terms.hpp>
#include <tidings/http/impl/message/url.hpp>
#include <tidings/webhook/impl/sender_state.hpp>

#include <algorithm>

namespace tidings::webhook::detail {

using namespace tidings::detail;

namespace {

constexpr std::chrono::minutes between_successes_stored{10};

endpoint_change::kind kind_of(endpoint_health::change c) noexcept {
    switch (c) {
        case endpoint_health::change::opened:
            return endpoint_change::kind::circuit_opened;
        case endpoint_health::change::disabled:
            return endpoint_change::kind::disabled;
        case endpoint_health::change::recovered:
            return endpoint_change::kind::recovered;
        default:
            return endpoint_change::kind::circuit_closed;
    }
}

// Nothing has happened: as long as that is so, nothing is held of it.
bool is_fresh(const store::outbox_health& h) noexcept {
    return h.accepted + h.delivered + h.failed_attempts + h.dead == 0 && h.failures == 0 &&
           h.trips == 0 && !h.disabled && h.paused_until == store::outbox_time();
}

std::string_view text_of(endpoint_change::kind k) noexcept {
    switch (k) {
        case endpoint_change::kind::circuit_opened:
            return " is spared: it fails";
        case endpoint_change::kind::circuit_closed:
            return " answers again";
        case endpoint_change::kind::disabled:
            return " is disabled";
        default:
            return " is enabled again";
    }
}

constexpr std::chrono::seconds between_proxy_releases{5};

// Where the network does not say so, nothing is known of it.
bool is_proxied(const io::network* n, const std::string& url) {
    const auto* const proxied = dynamic_cast<const http::detail::proxied_network*>(n);
    if (proxied == nullptr) return false;
    error_code ec;
    return proxied->leads_through_proxy(http::url::parse(url, ec).host);
}

// `ec`: of the request, although a status came.
endpoint_health::answer answer_of(const attempt& a, error_code ec) noexcept {
    using answer = endpoint_health::answer;
    if (a.result == verdict::success) return ec == errc::timed_out ? answer::slow : answer::success;
    if (a.status == 0) return answer::unreachable;
    if (a.status == 429 || a.status == 503) return answer::overloaded;
    return a.status == 408 || a.status >= 500 ? answer::failing : answer::rejected;
}

}  // namespace

// One opening at a time, of all endpoints that were added meanwhile.
void sender_state::open_endpoints() {
    if (!running() || opening_ || unopened_.empty()) return;
    const bool found = finds_memory([this] {
        store::outbox_opening o{.now = now(), .endpoints = {}, .longest_wait = longest_wait()};
        std::vector<target_ptr> opened;
        for (auto it = unopened_.begin(); it != unopened_.end();) {
            const auto t = endpoints_.find(*it);
            if (!t || !t->active()) {
                it = unopened_.erase(it);
                continue;
            }
            store::outbox_endpoint row{.id = *it, .owner = t->terms().owner};
            if (const auto& limits = t->terms().limits) row.limits = *limits;
            opened.push_back(t);
            ++it;
            o.endpoints.push_back(std::move(row));
        }
        auto on_done = store_handler<std::vector<store::outbox_endpoint>>(
            [this, opened = std::move(opened)](error_code ec,
                                               std::vector<store::outbox_endpoint> rows) {
                on_opened(ec, opened, std::move(rows));
            });
        opening_ = true;
        ask_store([&] { outbox_->start_open(std::move(o), std::move(on_done)); });
    });
    if (!found) wake_at(now() + after_failed_storage);
}

void sender_state::on_opened(error_code ec, const std::vector<target_ptr>& opened,
                             std::vector<store::outbox_endpoint> rows) {
    opening_ = false;
    if (!running()) return;
    if (!ec && rows.size() != opened.size()) ec = errc::store_failed;
    const bool news = failed_.opening.note(ec, now());
    if (ec) {
        if (news && options_.log)
            options_.log({log_level::error, "webhook", "reading endpoints failed", ec});
        wake_at(now() + after_failed_storage);
        return check_drained();
    }
    const bool found = finds_memory([&] {
        for (std::size_t i = 0; i < opened.size(); ++i)
            take_opened(*opened[i], std::move(rows[i].health));
    });
    if (!found) return wake_at(now() + after_failed_storage);
    open_endpoints();
    claim();
    end_round_and_report();
}

// One that was replaced meanwhile is opened once more: the outbox has the terms of the one before.
void sender_state::take_opened(const endpoint_target& opened, store::outbox_health health) {
    const auto& id = opened.id();
    if (const auto t = endpoints_.find(id)) {
        if (t.get() != &opened) return;
        auto& l = lines_[id];  // where it is spared, it is passed over
        auto known = health_.find(id);
        if (known == health_.end() && !is_fresh(health)) {
            health_of(*t).load(std::move(health));
            known = health_.find(id);
        }
        t->set_disabled(known != health_.end() ? known->second.row().disabled : error_code());
        count_state(*t);
        l.batches = t->takes_batches() ? t : nullptr;
    }
    unopened_.erase(id);
}

endpoint_health& sender_state::health_of(const endpoint_target& t) {
    const auto [it, fresh] = health_.try_emplace(t.id(), options_.health, t.terms().max_in_flight);
    if (!fresh) it->second.limit(t.terms().max_in_flight);
    return it->second;
}

// An outage of the proxy is none of the endpoint's: what it is owed waits, as its schedule has it,
// but without an end, doubled at least, and no longer than for a probe. What another one reaches
// through the proxy ends that, but not at once: a proxy that takes some connections and refuses the
// others is not asked by all again for each that it takes.
std::chrono::milliseconds sender_state::wait_for_proxy(endpoint_target& t, error_code why) {
    constexpr std::chrono::milliseconds first{1000};
    auto& h = health_of(t);
    const bool news = !h.lacks_proxy();
    const auto failures = h.on_proxy_failure(now());
    const auto& s = t.schedule();
    const auto step = std::min<std::size_t>(failures, s.max_attempts() - 1);
    const auto scheduled = s.next(step, std::nullopt, options_.environment.random->next());
    const auto doubled = first * (std::int64_t(1) << std::min<std::uint32_t>(failures - 1, 20));
    const auto most = std::max(options_.health.max_open_for, first);
    const auto wait = std::min<std::chrono::milliseconds>(
        std::max<std::chrono::milliseconds>(scheduled.value_or(first), doubled), most);
    h.wait_for_proxy(now() + wait);
    proxy_waits_end_ = std::min(proxy_waits_end_, now() + between_proxy_releases);
    if (news && options_.log)
        options_.log({log_level::warning, "webhook", t.label() + " waits for the proxy", why});
    changed_.insert(t.id());
    count_state(t);
    spare(t.id(), lines_[t.id()]);
    return wait;
}

void sender_state::end_proxy_waits(const endpoint_target& t) {
    const auto at = now();
    if (at < proxy_waits_end_) return;
    if (!health_of(t).lacks_proxy() && !is_proxied(options_.environment.network, t.terms().url))
        return;
    bool any = false;
    for (auto& [id, h] : health_) any |= h.end_proxy_wait(at);
    proxy_waits_end_ = any ? at + between_proxy_releases : io::system_time::max();
    claim();
}

void sender_state::note(endpoint_target& t, const attempt& a, error_code ec) {
    const auto at = now();
    auto& h = health_of(t);
    const auto last = h.row().last_success.value_or(io::system_time::min());
    const auto change = h.on_answer(answer_of(a, ec), at);
    if (a.result == verdict::throttled && a.next) h.pause(at + *a.next);
    const bool news = a.result != verdict::success || change != endpoint_health::change::none ||
                      last < at - between_successes_stored;
    if (news) changed_.insert(t.id());
    count_state(t);
    on_change(t, change);
    if (h.waits_until() > at) spare(t.id(), lines_[t.id()]);
}

void sender_state::count_state(const endpoint_target& t, bool probing) {
    if (!t.active()) return circuits_.forget(t.id());
    using state = circuit_gauge::state;
    auto s = state::closed;
    if (const auto h = health_.find(t.id()); h != health_.end()) {
        if (h->second.is_probed()) s = state::open;
        if (h->second.is_disabled()) s = state::disabled;
    }
    if (s == state::open && probing) s = state::half_open;
    circuits_.set(t.id(), s);
}

void sender_state::on_change(endpoint_target& t, endpoint_health::change c) {
    if (c == endpoint_health::change::none) return;
    const auto& row = health_of(t).row();
    t.set_disabled(row.disabled);
    changed_.insert(t.id());
    if (c == endpoint_health::change::closed || c == endpoint_health::change::recovered) claim();
    endpoint_change what{t.id(), kind_of(c), row.disabled, row.disabled_reason};
    if (options_.log) {
        const bool bad = what.what == endpoint_change::kind::disabled;
        options_.log({bad ? log_level::warning : log_level::info, "webhook",
                      t.label() + std::string(text_of(what.what)), what.reason});
    }
    finds_memory([&] { operational_.note_change(t, what); });
    changes_.push_back(std::move(what));
}

void sender_state::on_disabled_by_bound(const std::vector<std::string>& ids) {
    for (const auto& id : ids) {
        const auto t = endpoints_.find(id);
        if (!t) continue;
        health_of(*t).disable(errc::outbox_full, "there is no room for what it is owed", now());
        count_state(*t);
        on_change(*t, endpoint_health::change::disabled);
        spare(id, lines_[id]);
    }
}

// It is the endpoint that asks to be spared, not the one message: the others wait in the outbox.
void sender_state::spare(const std::string& id, line& l) {
    put_back_all(id, l);
    l.back_with = settlements_ + 1;  // at least what asked for it is settled then
}

void sender_state::enable(std::shared_ptr<endpoint_target> t) {
    lane_->post([self = shared_from_this(), t = std::move(t)] {
        if (!self->running() || self->endpoints_.find(t->id()) != t) return;
        self->health_of(*t).enable();
        t->set_disabled({});
        self->count_state(*t);
        self->changed_.insert(t->id());
        self->claim();
        self->end_round_and_report();
    });
}

// A question has a connection of the same share as a delivery, and is none. It is cut off with the
// deliveries of its endpoint.
void sender_state::ask_consent(const std::shared_ptr<endpoint_target>& t,
                               connection_turns::group g) {
    turns_.begin(g);
    const bool begun = finds_memory([&] {
        const auto trace = std::make_shared<attempt_trace>(options_.environment.clock->now(), t);
        auto on_done = [weak = weak_from_this(), trace, g](error_code ec, const http::response& r) {
            if (const auto self = weak.lock()) self->on_question_done(*trace, g, ec, r);
        };
        traces_.add(*trace);
        http::detail::start_request(*http_, t->terms().url, t->make_consent_request(),
                                    {.body = std::make_shared<const std::string>(),
                                     .trace = trace,
                                     .tls = t->tls(),
                                     .unproven = g == connection_turns::group::unproven},
                                    {lane_->executor(), lane_->bind_here(std::move(on_done))});
    });
    if (begun) return;
    turns_.end(g);
    gate_.on_consent(*t, errc::out_of_memory, {.status = 0});
    wait_turn(t->id());
}

void sender_state::on_question_done(const attempt_trace& q, connection_turns::group g,
                                    error_code ec, const http::response& r) {
    turns_.end(g);
    if (!running()) return;
    if (q.took(attempt_trace::phase::connect)) finds_memory([&] { end_proxy_waits(*q.of); });
    if (q.was_cut)
        gate_.drop_question(*q.of);
    else
        finds_memory([&] { on_consent(*q.of, gate_.on_consent(*q.of, ec, r)); });
    if (!finds_memory([&] { wait_turn(q.of->id()); })) claim_later(errc::out_of_memory);
    end_round_and_report();
}

void sender_state::on_consent(endpoint_target& t, error_code why) {
    if (!t.set_consent(why) || !options_.log) return;
    finds_memory([&] {
        options_.log({why ? log_level::warning : log_level::info, "webhook",
                      t.label() + (why ? " has given no consent" : " consents"), why});
    });
}

void sender_state::grant(std::shared_ptr<endpoint_target> t,
                         std::optional<std::uint32_t> per_minute) {
    if (!t->terms().consent) return;
    lane_->post([self = shared_from_this(), t = std::move(t), per_minute] {
        if (!self->running() || self->endpoints_.find(t->id()) != t) return;
        self->gate_.grant(*t, {per_minute.value_or(t->terms().consent->per_minute)});
        self->on_consent(*t, {});
        if (!finds_memory([&] { self->wait_turn(t->id()); }))
            self->claim_later(errc::out_of_memory);
        self->end_round_and_report();
    });
}

connection_turns::group sender_state::group_of(const std::string& id) const {
    const auto it = health_.find(id);
    const bool proven = it != health_.end() && it->second.is_proven(now());
    return proven ? connection_turns::group::proven : connection_turns::group::unproven;
}

// A claim looks at all lines. Null: nothing is known of the endpoint yet.
const endpoint_health* sender_state::health_at(const std::string& id, line& l) const {
    if (l.health == nullptr)
        if (const auto it = health_.find(id); it != health_.end()) l.health = &it->second;
    return l.health;
}

// Whether what was claimed for it may stay, and is not to be put back.
bool sender_state::may_hold(const std::string& id, line& l) const {
    const auto* h = health_at(id, l);
    const bool waits = h != nullptr && h->waits_until() > now();
    return !waits && l.back_with <= settled_;
}

// How many entries to claim for an endpoint that has a line.
std::size_t sender_state::share_of(const std::string& id, line& l, io::system_time at) const {
    if (l.back_with > settled_ || unopened_.contains(id)) return 0;
    // What is redelivered of a batch is claimed when all of it is there.
    const bool redelivers = std::any_of(redeliveries_.begin(), redeliveries_.end(),
                                        [](const auto& w) { return !w.expired(); });
    if (l.batches && redelivers) return 0;
    const auto held = l.queue.size() + l.in_flight;
    const auto* h = health_at(id, l);
    if (h == nullptr) return l.is_short() ? line::max_claim : 0;
    if (h->waits_until() > at) return 0;
    if (h->is_probed()) return held == 0 ? 1 : 0;
    return l.is_short() ? line::max_claim : 0;
}

std::vector<std::pair<std::string, store::outbox_health>> sender_state::health_of_changed() {
    std::vector<std::pair<std::string, store::outbox_health>> rows;
    for (const auto& id : changed_) {
        const auto h = health_.find(id);
        const auto t = endpoints_.find(id);
        if (h == health_.end() || !t) continue;
        auto& row = h->second.row();
        row.accepted += t->accepted - std::exchange(t->stored.accepted, t->accepted);
        row.dead += t->dead - std::exchange(t->stored.dead, t->dead);
        rows.emplace_back(id, row);
    }
    return rows;
}

}  // namespace tidings::webhook::detail
