// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/retry_after.hpp>
#include <tidings/text/impl/ascii.hpp>
#include <tidings/webhook/impl/sender_state.hpp>

#include <algorithm>

namespace tidings::webhook::detail {

using namespace tidings::detail;

namespace {

using settled = store::outbox_result::state;
using traced = http::detail::exchange_trace::phase;

// The receiver asks for no more, whatever became of this delivery.
bool says_disable(const http::response& r) noexcept {
    return equal_ignoring_case(r.fields.get("webhook-delivery"), "disable");
}

// The endpoint was not asked.
bool failed_at_proxy(const attempt& a) noexcept {
    return a.status == 0 && (a.error == errc::proxy_failed || a.error == errc::proxy_unauthorized);
}

}  // namespace

void sender_state::on_answer(const asked& q, error_code ec, const http::response& r) {
    ++answers_;
    --in_flight_;
    turns_.end(q.group);
    if (!running()) return;
    if (const auto l = lines_.find(q.of->id()); l != lines_.end()) --l->second.in_flight;
    if (finds_memory([&] { settle(q, ec, r); })) return;
    q.what->for_each([&](const store::outbox_entry& entry) {
        const bool settled_here =
            std::any_of(results_.begin(), results_.end(),
                        [&](const auto& known) { return known.key == entry.key; });
        if (!settled_here && held_.contains(entry.key)) let_go(entry.key);
    });
    wake_at(now() + after_failed_storage);  // what it was to begin has not begun
}

void sender_state::settle(const asked& q, error_code ec, const http::response& r) {
    const auto& entry = q.what->size() == 1 ? q.what->first : *q.entry;
    const auto& id = q.of->id();
    if (q.trace->was_cut) {  // it is erased, or, where that failed, sent again
        auto& l = lines_[id];
        q.what->for_each([&](const auto& e) { put_back(l, e); });
        return end_round();
    }
    const auto known = endpoints_.find(id);
    const auto& t = known ? known : q.of;
    auto a = judge(q, entry, ec, r);
    a.events = q.what->size();
    const bool in_halves = splits(*q.what, a);
    if (in_halves) {
        a.result = verdict::retry;
        a.next = std::chrono::milliseconds(0);
    }
    if (ec && q.trace->now != traced::queue) a.phase = q.trace->name_of(q.trace->now);
    bool ended = false;
    if (a.result != verdict::success && (t != q.of || t->withdrawn())) {
        // What the target that was replaced says binds nobody: the new one has not been asked yet.
        a.next = std::chrono::milliseconds(0);
        ++t->failed_attempts;
        auto& l = lines_[id];
        q.what->for_each([&](const auto& e) { put_back(l, e, &a); });
        note_attempt(*t, entry, a, ec, *q.trace);
    } else {
        const bool asked_nobody = failed_at_proxy(a);
        if (asked_nobody) a.next = wait_for_proxy(*t, a.error);
        if (q.trace->took(traced::connect)) end_proxy_waits(*t);
        note_attempt(*t, entry, a, ec, *q.trace);
        if (!asked_nobody) note(*t, a, ec);
        if (a.result == verdict::gone || says_disable(r)) {
            ended = t->end();
            circuits_.forget(id);
            give_up(lines_[id], *t, errc::webhook_gone);
        }
        if (in_halves)
            split(*t, *q.what, a);
        else
            conclude(*t, *q.what, a);
        if (a.result != verdict::success) ++t->failed_attempts;
        if (!t->active()) {
            give_up_owed(id, ended ? errc::webhook_gone : errc::closed);
            gone_.note_over(id);
        }
        if (ended) outcomes_->look_again();
        if (ended) finds_memory([&] { note_gone(*t, a.status); });
    }
    finds_memory([&] { log_attempt(q, a, ec, r); });
    wait_turn(id);
    end_round();
    report(*t, a);
    if (!ended) return;
    if (const auto on_gone = t->take_on_gone()) guarded(options_.log, "webhook", on_gone);
}

io::system_time sender_state::time_at(io::steady_time at) const {
    return wall_began_ + std::chrono::duration_cast<io::system_time::duration>(at - began_);
}

ended_attempt sender_state::judge(const asked& q, const store::outbox_entry& entry, error_code ec,
                                  const http::response& r) const {
    // An answer with which something is wrong is an answer all the same: nothing but its status,
    // and a Retry-After that says one thing, is of interest here.
    const bool answered = r.status != 0;
    const auto& schedule = q.of->schedule();
    const auto at = options_.environment.clock->now();
    ended_attempt a{
        {.endpoint = q.of->id(),
         .message_id = entry.message_id,
         .number = entry.attempts + 1,
         .status = r.status,
         .error = ec,
         .result = answered ? schedule.classify(r.status) : verdict::retry},
        {time_at(at), std::chrono::duration_cast<std::chrono::microseconds>(at - q.at)}};
    if (answered)
        a.error = a.result == verdict::success ? error_code() : make_error_code(errc::http_status);
    if (a.result != verdict::success && says_disable(r)) a.result = verdict::gone;
    if (a.result != verdict::retry && a.result != verdict::throttled) return a;
    std::optional<std::chrono::seconds> after;
    if (ec != errc::repeated_field)
        after = http::parse_retry_after(r.fields.get("retry-after"),
                                        options_.environment.clock->wall_now());
    a.next = schedule.next(a.number, after, options_.environment.random->next());
    return a;
}

void sender_state::note_attempt(const endpoint_target& t, const store::outbox_entry& entry,
                                const attempt& a, error_code cause, const attempt_trace& trace) {
    if (!operational_.on()) return;
    const auto wall_now = options_.environment.clock->wall_now();
    finds_memory(
        [&] { operational_.note_attempt(t, entry, a, cause_of(cause, trace, guard_), wall_now); });
}

// Of one of the events that were sent.
store::outbox_result sender_state::result_of(const endpoint_target& t,
                                             const store::outbox_entry& entry,
                                             const ended_attempt& a) const {
    store::outbox_result result{entry.key, settled::done, a.number, a.end.at, a.error, {}, a.end};
    if (a.result == verdict::success) return result;
    result.outcome = a.next ? settled::retry : settled::dead;
    // A pause keeps the entry from being claimed, and its place before younger ones.
    const bool asked_nobody = failed_at_proxy(a);
    if (asked_nobody) result.attempts = entry.attempts;
    const bool spared = asked_nobody || a.result == verdict::throttled;
    if (a.next) result.due = spared ? entry.due : a.end.at + *a.next;
    if (a.result == verdict::gone) result.last_error = errc::webhook_gone;
    if (!a.next && (a.result == verdict::retry || a.result == verdict::throttled))
        result.last_error = errc::webhook_exhausted;
    const bool stops = t.is_ordered() && t.terms().exhausted == at_exhaustion::stop;
    if (stops && result.outcome == settled::dead && a.result != verdict::gone)
        result.outcome = settled::stopped;
    return result;
}

void sender_state::conclude(endpoint_target& t, const parcel& p, const ended_attempt& a) {
    const auto first = result_of(t, p.first, a);
    if (p.size() == 1) {
        results_.push_back(first);
        note_end(&t, p.first, first, a.status);
    } else {
        std::vector<store::outbox_result> results;
        p.for_each([&](const auto& e) { results.push_back(result_of(t, e, a)); });
        add_results(std::move(results));
        p.for_each([&](const auto& e) { note_end(&t, e, result_of(t, e, a), a.status); });
    }
    if (t.is_ordered()) next_of_order_ = true;
    if (a.result == verdict::success) t.delivered += p.size();
    if (first.outcome == settled::dead) t.dead += p.size();
    if (a.next || a.result == verdict::success) return;
    finds_memory([&] {
        p.for_each([&](const auto& e) {
            operational_.note_exhausted(t, e, a.number, a.status, first.last_error);
        });
    });
}

// For what asks what became of its event.
void sender_state::note_end(const endpoint_target* t, const store::outbox_entry& e,
                            const store::outbox_result& r, unsigned status) noexcept {
    using ending = delivery_outcome::ending;
    if (r.outcome == settled::retry || r.outcome == settled::keep) return;
    auto how = r.outcome == settled::stopped ? ending::stopped : ending::dead;
    if (r.outcome == settled::done) how = ending::delivered;
    outcomes_->note(e, t != nullptr ? t->name() : nullptr, how, r, status);
}

// What it is owed is put back or given up now, whatever it waits for.
void sender_state::on_endpoint_closed(std::shared_ptr<const std::string> name,
                                      leaving how) noexcept {
    const bool posted = finds_memory([&] {
        lane_->post([self = shared_from_this(), id = std::move(name), how] {
            self->outcomes_->look_again();
            if (!self->running()) return;
            if (!finds_memory([&] {
                    self->wait_turn(*id);
                    self->give_up_owed(*id, errc::closed, how == leaving::absent);
                    if (how != leaving::withdrawn) self->gone_.note_over(*id);
                }))
                self->claim_later(errc::out_of_memory);
            self->end_round_and_report();
        });
    });
    static_cast<void>(posted);  // else what waits sees it when that is due
}

void sender_state::report(const endpoint_target& t, const attempt& a) {
    const bool success = a.result == verdict::success;
    if (options_.metrics)
        options_.metrics->count("webhook_attempts", {{"result", success ? "success" : "failure"}},
                                1);
    if (options_.log && !success) {
        auto text = t.label();
        if (a.status != 0) text.append(" answered ").append(std::to_string(a.status));
        if (a.error == errc::timed_out && !a.phase.empty()) text.append(" in ").append(a.phase);
        options_.log({a.next ? log_level::info : log_level::warning, "webhook", text, a.error});
    }
    const auto called = hooks_now();
    if (called && called->on_attempt)
        guarded(options_.log, "webhook", [&] { called->on_attempt(a); });
    report_changes();
}

void sender_state::note_gone(const endpoint_target& t, unsigned status) {
    operational_.note_gone(t, status);
    const error_code why = errc::webhook_gone;
    auto text = status == 410 ? std::string("it answered 410")
                              : "it answered " + std::to_string(status) + ", to be disabled";
    if (options_.log)
        options_.log({log_level::warning, "webhook", t.label() + " has ended: " + text, why});
    changes_.push_back({t.id(), endpoint_change::kind::gone, why, std::move(text)});
}

// Immediate callbacks run in it, which may do anything.
void sender_state::publish_operational() {
    for (const auto& e : operational_.take()) {
        if (!running()) return;
        error_code ec;
        guarded(options_.log, "webhook", [&] { ec = operational_.publish(e); });
        if (ec && ec != errc::closed && ec != errc::shutting_down && running() && options_.log)
            options_.log({log_level::warning, "webhook", e->topic(), ec});
    }
}

void sender_state::report_changes() {
    if (!operational_.empty()) publish_operational();
    if (changes_.empty()) return;
    const auto called = hooks_now();
    for (const auto& c : std::exchange(changes_, {}))
        if (called && called->on_endpoint && running())
            guarded(options_.log, "webhook", [&] { called->on_endpoint(c); });
}

// They end after their calls, whatever these end.
std::shared_ptr<const sender_state::hooks> sender_state::hooks_now() const {
    const std::lock_guard lock(mutex_);
    return hooks_;
}

}  // namespace tidings::webhook::detail
