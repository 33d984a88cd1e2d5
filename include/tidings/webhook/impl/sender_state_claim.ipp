// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/impl/sender_state.hpp>

#include <algorithm>

namespace tidings::webhook::detail {

using namespace tidings::detail;

namespace {

using settled = store::outbox_result::state;

constexpr std::size_t max_claim = 256;
constexpr std::chrono::hours between_sweeps{1};

ended_endpoints::presence presence_of(const endpoint_target* t) noexcept {
    using presence = ended_endpoints::presence;
    if (t == nullptr) return presence::none;
    return t->active() ? presence::active : presence::ended;
}

}  // namespace

// Called when all that is due has been claimed: when nothing came for an endpoint as long as what
// it is owed may wait, it is owed nothing.
void sender_state::forget_missed() {
    if (now() < last_sweep_ + between_sweeps) return;
    last_sweep_ = now();
    for (const auto& [id, l] : lines_)
        if (!l.empty()) endpoints_.find(id);
    endpoints_.forget_missed(last_sweep_, longest_wait() + between_sweeps);
    const auto gone = [this](const auto& item) { return !endpoints_.is_known(item.first); };
    std::erase_if(health_, gone);
    for (auto& [id, l] : lines_) l.health = nullptr;
    const auto id_gone = [this](const std::string& id) { return !endpoints_.is_known(id); };
    gate_.forget_if(id_gone);
    circuits_.forget_if(id_gone);
    prepared_.forget_gone();
    std::erase_if(lines_, [&](const auto& item) { return gone(item) && item.second.empty(); });
}

// Behind everything that it was given: what the outbox does not list then it is not owed. A target
// that stays is looked at by `forget_missed`.
void sender_state::forget_soon(std::shared_ptr<endpoint_target> t) noexcept try {
    if (ended_) return;
    lane_->post([self = shared_from_this(), t = std::move(t)] {
        if (!self->running()) return;
        using page = std::vector<store::outbox_listed>;
        auto on_done = self->store_handler<page>([s = self.get(), t](error_code ec, const page& p) {
            const bool owed = std::any_of(p.begin(), p.end(), [](const auto& l) {
                return l.state != store::outbox_state::dead;
            });
            if (!ec && !owed && p.size() < store::outbox_selection().max_entries)
                s->endpoints_.forget(*t);
        });
        self->ask_store(
            [&] { self->outbox_->start_list({.endpoint = t->id()}, std::move(on_done)); });
    });
} catch (const std::bad_alloc&) {
    return;  // in time `forget_missed` sees it
}

// One at a time. Whether it was answered inside the call.
bool sender_state::begin_claim() noexcept {
    if (!claim_wanted_ || claiming_) return false;
    claim_wanted_ = false;
    claiming_ = true;
    bool answered = false;
    if (finds_memory([&] { answered = ask_claim(); })) return answered;
    claiming_ = false;
    claim_later(errc::out_of_memory);
    return false;
}

// As `begin_claim`.
bool sender_state::ask_claim() {
    if (claim_lost_) {
        recover(0);
        return false;
    }
    auto q = claim_query();
    if (prompt_ != nullptr) {
        store::outbox_claim c;
        const auto known = [this](const std::string& id) {
            return endpoints_.is_known(id) || gone_.ends(id, ended_endpoints::presence::none);
        };
        const bool done = ask_store([&] { c = prompt_->claim(q, known); });
        on_claimed(done ? error_code() : make_error_code(errc::store_failed), std::move(c), q.now);
        return true;
    }
    auto on_done = store_handler<store::outbox_claim>(
        [this, at = q.now](error_code ec, store::outbox_claim c) {
            on_claimed(ec, std::move(c), at);
            end_round_and_report();
        });
    ask_store([&] { outbox_->start_claim(std::move(q), std::move(on_done)); });
    return false;
}

store::outbox_query sender_state::claim_query() {
    store::outbox_query q{.now = now(),
                          .max_entries = max_claim,
                          .max_per_endpoint = line::max_claim,
                          .of = prompt_ == nullptr ? endpoints_.ids() : nullptr};
    for (auto it = lines_.begin(); it != lines_.end();) {
        auto& [id, l] = *it;
        if (l.in_flight == 0 && !l.queue.empty()) wait_turn(id);  // memory may have been missing
        form_requests(id, l);                                     // the same
        const auto share = share_of(id, l, q.now);
        if (l.empty() && !l.batches && share == line::max_claim) {
            it = lines_.erase(it);
            continue;
        }
        l.more = share != line::max_claim;
        if (l.more || l.batches) q.shares.push_back({id, share, gathering_of(l)});
        ++it;
    }
    for (const auto& id : unopened_)
        if (!lines_.contains(id)) q.shares.push_back({id, 0, {}});
    gone_.ask(q, [this](const std::string& id) { return presence_of(endpoints_.find(id).get()); });
    if (q.of) gone_.add_absent(q.of);
    return q;
}

void sender_state::on_claimed(error_code ec, store::outbox_claim c, io::system_time at) {
    claiming_ = false;
    std::size_t taken = 0;
    if (finds_memory([&] { take_claimed(ec, c, taken, at); })) return;
    claim_later(errc::out_of_memory);
    for (; taken < c.entries.size(); ++taken) let_go(c.entries[taken].key);
}

// `taken` counts what is in a line or in the results.
void sender_state::take_claimed(error_code ec, store::outbox_claim& c, std::size_t& taken,
                                io::system_time at) {
    for (const auto& e : c.entries) {
        // Held still: it was settled, though that was said to have failed.
        if (hold(e)) continue;
        std::erase_if(results_, [&](const auto& r) { return r.key == e.key; });
        outcomes_->forget(e.key);
    }
    if (!running()) return give_back();
    if (ec) return claim_later(ec);
    failed_.claiming.note({}, now());
    if (c.entries.size() >= max_claim) claim();
    while (taken < c.entries.size()) {
        auto& e = c.entries[taken];
        const auto id = e.endpoint;
        if (const auto why = gone_.why(id)) {
            reserve_results(1);
            if (gone_.ends(id, presence_of(endpoints_.find(id).get())))
                give_up_entry(e, why);
            else
                put_back(lines_[id], e);  // added anew since the claim began: sent when it is due
            gone_.note_claimed(id);
            ++taken;
            continue;
        }
        auto& l = lines_[id];
        if (is_expired(e)) {
            give_up_entry(e, errc::webhook_expired);
            ++taken;
            continue;
        }
        if (!may_hold(id, l)) {  // since the claim began
            put_back(l, e);
            ++taken;
            continue;
        }
        if (l.batches || !e.batch.id.empty())
            l.loose.push_back(std::move(e));
        else
            l.queue.push_back(parcel{std::move(e)});
        ++taken;
        l.more = l.more || l.queue.size() >= line::max_claim;
        wait_turn(id);
    }
    again_.cancel();
    wake_ = io::system_time::max();
    gone_.end_claim();
    if (!gone_.empty()) wake_at(now());  // slice by slice
    if (c.next_due) wake_at(*c.next_due);
    if (!unopened_.empty() && !opening_) wake_at(now() + after_failed_storage);
    // Endpoints whose pause ended while this was claimed were left out as well. Of those that are
    // owed nothing none is waited for.
    std::optional<bool> owes;
    for (auto& [id, l] : lines_) {
        const auto* h = health_at(id, l);
        const bool waits = h != nullptr && h->waits_until() > at;
        if (waits && !owes) owes = outbox_->stats().owed != 0;
        if (waits && *owes) wake_at(h->waits_until());
        form_requests(id, l);
    }
    if (!claim_wanted_ && (!c.next_due || *c.next_due > at)) forget_missed();
    retain();
}

// So many more find room. It grows as it does by itself.
void sender_state::reserve_results(std::size_t more) {
    const auto wanted = results_.size() + more;
    if (wanted > results_.capacity()) results_.reserve(std::max(wanted, 2 * results_.capacity()));
}

// To the outbox, as it was claimed. Until it is there again, what is younger must not be claimed.
void sender_state::put_back(line& l, const store::outbox_entry& entry, const ended_attempt* a) {
    l.back_with = settlements_ + 1;
    results_.push_back(
        {entry.key, settled::retry, entry.attempts, entry.due, entry.last_error, {}});
    if (a != nullptr) results_.back().attempt = a->end;
}

// All or nothing: what is put back and stays in the line would be sent twice.
void sender_state::put_back_all(const std::string& id, line& l) {
    reserve_results(l.size());
    for (const auto& p : l.queue) p.for_each([&](const auto& e) { put_back(l, e); });
    for (const auto& e : l.loose) put_back(l, e);
    l.queue.clear();
    l.loose.clear();
    l.more = false;
    gate_.dismiss(id);
}

void sender_state::give_up_one(endpoint_target& t, const store::outbox_entry& e, error_code why) {
    results_.push_back({e.key, settled::dead, e.attempts, now(), why, {}});
    ++t.dead;
    next_of_order_ = next_of_order_ || e.partition.has_value();
    note_end(&t, e, results_.back());
    finds_memory([&] { operational_.note_exhausted(t, e, e.attempts, 0, why); });
}

// Also of an endpoint that is not known.
void sender_state::give_up_entry(const store::outbox_entry& e, error_code why) {
    if (const auto t = endpoints_.find(e.endpoint)) return give_up_one(*t, e, why);
    results_.push_back({e.key, settled::dead, e.attempts, now(), why, {}});
    note_end(nullptr, e, results_.back());
}

// Also what the outbox holds, and what of it is due later.
void sender_state::give_up_owed(const std::string& id, error_code why, bool absent) {
    gone_.add(id, why, absent);
    claim();
}

// The endpoint has ended: kept for looking only.
void sender_state::give_up(line& l, endpoint_target& t, error_code why) {
    reserve_results(l.size());
    const auto end_one = [&](const store::outbox_entry& entry) { give_up_one(t, entry, why); };
    for (const auto& p : l.queue) p.for_each(end_one);
    for (const auto& e : l.loose) end_one(e);
    l.queue.clear();
    l.loose.clear();
    gate_.dismiss(t.id());
    if (std::exchange(l.more, false)) claim();
}

// What waited for long before its attempt. The rest of a batch is another.
bool sender_state::sheds_expired(line& l) {
    const auto& p = l.queue.front();
    bool any = false;
    p.for_each([&](const auto& e) { any = any || is_expired(e); });
    if (!any) return false;
    reserve_results(p.size());
    p.for_each([&](const auto& e) {
        is_expired(e) ? give_up_entry(e, errc::webhook_expired) : put_back(l, e);
    });
    l.queue.pop_front();
    return true;
}

bool sender_state::is_expired(const store::outbox_entry& e) const {
    return e.expires && *e.expires <= options_.environment.clock->wall_now();
}

void sender_state::claim_later(error_code ec) noexcept {
    claim_lost_ = true;
    if (failed_.claiming.note(ec, now()) && options_.log)
        finds_memory([&] { options_.log({log_level::error, "webhook", "claiming failed", ec}); });
    wake_at(now() + after_failed_storage);
}

// What was claimed without our hearing of it nobody would deliver: it is given back first.
void sender_state::recover(std::uint64_t after_key) {
    using page = std::vector<store::outbox_listed>;
    auto on_done = store_handler<page>([this](error_code ec, const page& p) { on_listed(ec, p); });
    ask_store([&] {
        outbox_->start_list({.state = store::outbox_state::claimed,
                             .after_key = after_key,
                             .max_entries = max_claim},
                            std::move(on_done));
    });
}

void sender_state::on_listed(error_code ec, const std::vector<store::outbox_listed>& page) {
    if (!running()) return;
    if (!finds_memory([&] { take_listed(ec, page); })) {
        claiming_ = false;
        claim_later(errc::out_of_memory);
    }
    end_round_and_report();
}

void sender_state::take_listed(error_code ec, const std::vector<store::outbox_listed>& page) {
    for (const auto& [e, state, since] : page)
        if (state == store::outbox_state::claimed && endpoints_.is_known(e.endpoint) &&
            !held_.contains(e.key)) {
            reserve_results(1);
            hold(e);
            results_.push_back(held_.at(e.key));
        }
    if (!ec && page.size() == max_claim) return recover(page.back().entry.key);
    claiming_ = false;
    if (ec) return claim_later(ec);
    claim_lost_ = false;
    claim();
}

// False when it is held already.
bool sender_state::hold(const store::outbox_entry& e) {
    return held_
        .try_emplace(
            e.key, store::outbox_result{e.key, settled::retry, e.attempts, e.due, e.last_error, {}})
        .second;
}

// At the end: what is not settled is for the next sender that has this outbox.
void sender_state::give_back() {
    for (const auto& r : results_)
        if (r.outcome != settled::keep) held_.erase(r.key);
    for (const auto& [key, as_it_was] : std::exchange(held_, {})) results_.push_back(as_it_was);
    if (results_.empty()) return;
    auto on_done = store_handler([](error_code) {
        // Else they stay claimed until this process ends.
    });
    ask_store([&] {
        outbox_->start_finish({.now = now(),
                               .results = std::exchange(results_, {}),
                               .attempts = std::exchange(attempts_, {}),
                               .health = health_of_changed()},
                              std::move(on_done));
        changed_.clear();
    });
}

}  // namespace tidings::webhook::detail
