// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/client/request_terms.hpp>
#include <tidings/http/impl/message/url.hpp>
#include <tidings/impl/finds_memory.hpp>
#include <tidings/rest_hook/impl/end_announcer.hpp>
#include <tidings/rest_hook/impl/hook_asker.hpp>
#include <tidings/rest_hook/impl/hook_step.hpp>
#include <tidings/rest_hook/impl/proof_round.hpp>
#include <tidings/rest_hook/impl/websub_round.hpp>
#include <tidings/webhook/impl/proxy_fault.hpp>
#include <tidings/webhook/impl/target_client.hpp>

#include <algorithm>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

namespace {

constexpr std::chrono::seconds after_failure{1};
constexpr std::size_t max_answer_bytes = 16 * 1024;

std::string host_of(const std::string& url) {
    error_code ec;
    return http::url::parse(url, ec).host;
}

// In whose name a question is asked: of strangers that a hub does not know each target is its own.
std::string asked_by(const hook_record& h) {
    return h.websub && h.owner.empty() ? '@' + host_of(h.target_url) : h.owner;
}

// Something ends then that stands while it is asked, whenever its next question is.
io::system_time no_later_than_its_end(io::system_time at, const hook_record& h) {
    at = std::min(at, h.question.until);
    if (const auto lapse = lapse_of(h)) at = std::min(at, *lapse);
    return at;
}

// When something of the question is due.
io::system_time due_of(const hook_record& h) {
    return no_later_than_its_end(h.question.next, h);
}

}  // namespace

hook_asker::hook_asker(hook_means means, std::shared_ptr<const proof_terms> terms)
    : means_(std::move(means)),
      terms_(std::move(terms)),
      lane_(lane::make(means_.bus->executor(), *means_.options->environment.clock)),
      budget_(std::make_shared<question_budget>(terms_->options().max_questions,
                                                terms_->options().max_per_host)),
      due_([this] { on_due(); }),
      again_([this] { settle_again(); }) {}

http::client_options hook_asker::client_options() const {
    const auto& sender = means_.sender->options();
    auto o = webhook::detail::target_client_options(sender, webhook::address_guard(sender.guard));
    o.max_connections = o.max_connections_per_origin = terms_->options().max_questions;
    o.keep_alive = std::chrono::milliseconds(0);  // each connection passes the filter
    o.max_response_bytes = std::min(o.max_response_bytes, max_answer_bytes);
    o.address_filter = [guard = std::move(o.address_filter), budget = budget_,
                        clock = sender.environment.clock](const net::ip::address& to) {
        return guard(to) && budget->connects(to, clock->now());
    };
    return o;
}

void hook_asker::log(log_level level, const hook_record& h, std::string_view what,
                     error_code ec) const {
    const auto& sink = means_.options->log;
    if (!sink) return;
    const auto text =
        h.id + " at " + webhook::detail::origin_of(h.target_url) + ": " + std::string(what);
    sink({level, "rest_hook", text, ec});
}

void hook_asker::note(const hook_record& h) {
    if (h.question.ended) return;
    put_off(h.id, due_of(h));
}

void hook_asker::ask_now(const hook_record& h, std::uint64_t revision) {
    put_off(h.id, now(), revision);
}

void hook_asker::put_off(const std::string& id, io::system_time at, std::uint64_t begun) {
    {
        const std::lock_guard lock(mutex_);
        if (closed_) return;
        calendar_.note(id, at, begun);
        if (calendar_.first() != at) return;
    }
    lane_->post([weak = weak_from_this(), at_once = at <= now()] {
        if (const auto self = weak.lock()) at_once ? self->on_due() : self->watch();
    });
}

void hook_asker::watch() {
    const std::lock_guard lock(mutex_);
    if (!closed_) http::detail::arm_expiry(due_, lane_->timers(), calendar_.first());
}

void hook_asker::on_due() {
    for (;;) {
        std::optional<question_calendar::entry> e;
        {
            const std::lock_guard lock(mutex_);
            if (closed_) return;
            finds_memory([&] { e = calendar_.take(now()); });
        }
        if (!e) break;
        const bool seen = finds_memory([&] { look(*e); }) ||
                          finds_memory([&] { put_off(e->id, now() + after_failure, e->begun); });
        if (!seen) note_later();
    }
    watch();
}

void hook_asker::look(const question_calendar::entry& e) {
    const auto hooks = hooks_.lock();
    const auto v = hooks ? hooks->find({.all = true}, e.id) : std::nullopt;
    if (!v || !v->record.is_asked() || v->record.question.ended) return;
    const auto& q = v->record.question;
    const auto at = now();
    if (at >= q.until)
        return settle({e.id, q.token, [](hook_record& h) {
                           return end_question(
                               h, h.reason.empty() ? "the target has not agreed in time" : "");
                       }});
    if (const auto lapse = lapse_of(v->record); lapse && *lapse <= at) {
        hooks->drop(e.id, v->revision, true);  // whenever the table takes that
        return settle({e.id, q.token, [](hook_record& h) {
                           h.state = hook_state::pending;
                           return true;
                       }});
    }
    const bool begun = e.begun != 0 && e.begun == v->revision;
    if (!begun && at < q.next) return put_off(e.id, due_of(v->record));
    const auto put_off_by = [&](std::chrono::milliseconds wait, std::uint64_t begun_as) {
        put_off(e.id, no_later_than_its_end(at + wait, v->record), begun_as);
    };
    if (open_.contains(q.token)) return put_off_by(after_failure, begun ? e.begun : 0);
    const auto steady = lane_->timers().clock().now();
    if (proxy_until_ > steady)
        return put_off_by(std::chrono::ceil<std::chrono::milliseconds>(proxy_until_ - steady),
                          begun ? e.begun : 0);
    const auto owner = asked_by(v->record);
    const auto wait = budget_->begin(owner, host_of(v->record.target_url), steady);
    if (wait.count() != 0) return put_off_by(wait, begun ? e.begun : 0);
    try {
        open_.emplace(q.token, owner);
    } catch (...) {
        budget_->end(owner);
        throw;
    }
    const bool went = finds_memory([&] { begun ? send(v->record) : begin_question(v->record); });
    if (!went) release(q.token);
    if (!went) throw std::bad_alloc();
}

// Another manager may be quicker: the question is its then.
void hook_asker::begin_question(const hook_record& h) {
    const auto hooks = hooks_.lock();
    if (!hooks) return;
    const auto late = std::make_shared<bool>(false);
    auto on_done = [weak = weak_from_this(), id = h.id, token = h.question.token, late](
                       error_code ec, const hook_record& written, std::uint64_t revision) {
        const auto self = weak.lock();
        if (!self) return;
        if (!*late) return self->on_begun(id, token, ec, written);
        // It has its turn as any other.
        const auto look_again = [&] {
            ec ? self->put_off(id, self->now() + after_failure) : self->ask_now(written, revision);
        };
        if (!finds_memory(look_again)) self->note_later();
    };
    auto on_late = [weak = weak_from_this(), late, h] {
        *late = true;
        if (const auto self = weak.lock()) self->on_late(h);
    };
    auto begin = [terms = terms_, asked = h.question.asked, at = now()](hook_record& r) {
        if (r.question.asked != asked || r.question.ended) return false;
        ++r.question.asked;
        r.question.next = terms->next_after(r.question, at);
        return true;
    };
    const auto step = std::make_shared<hook_step>(lane_, hooks, means_.options->log, h.id,
                                                  of_question(h.question.token, std::move(begin)),
                                                  std::move(on_done));
    std::erase_if(steps_, [](const auto& one) { return one.expired(); });
    steps_.push_back(step);
    step->start(means_.options->table_timeout, std::move(on_late));
}

// The table does not answer: other questions have the place of this one, which waits for it.
void hook_asker::on_late(const hook_record& h) {
    release(h.question.token);
    const bool noted = finds_memory([&] {
        log(log_level::warning, h, "the table does not answer", errc::timed_out);
        const auto hooks = hooks_.lock();
        const auto v = hooks ? hooks->find({.all = true}, h.id) : std::nullopt;
        if (!v) return;
        const bool written = v->record.question.asked != h.question.asked;
        put_off(h.id, written ? due_of(v->record)
                              : no_later_than_its_end(io::system_time::max(), v->record));
    });
    if (!noted) note_later();
}

// Where nothing was sent, the next question comes when the row says.
void hook_asker::on_begun(const std::string& id, const std::string& token, error_code ec,
                          const hook_record& written) {
    if (!ec && finds_memory([&] { send(written); })) return;
    release(token);
    if (!finds_memory([&] { put_off(id, now() + after_failure); })) note_later();
}

void hook_asker::send(const hook_record& h) {
    {
        const std::lock_guard lock(mutex_);
        if (closed_) return release(h.question.token);
    }
    put_off(h.id, due_of(h));
    const auto q = std::make_shared<const proof_question>(
        h, *terms_, *means_.options->environment.random, now());
    auto on_done = [weak = weak_from_this(), h = h, q, refusals = budget_->refusals()](
                       error_code ec, const http::response& r) {
        if (const auto self = weak.lock()) {
            self->release(h.question.token);
            const bool full = ec == errc::address_refused && self->budget_->refusals() != refusals;
            finds_memory([&] {
                if (full)
                    self->give_back(h, self->now() + self->budget_->until_next(
                                                         self->lane_->timers().clock().now()));
                else if (webhook::detail::is_proxy_fault(ec, r.status))
                    self->wait_for_proxy(h, ec);
                else
                    self->on_answer(h, *q, ec, r);
            });
        }
    };
    if (const auto refused = means_.sender->check_target(q->url()))
        return lane_->post([f = std::move(on_done), refused] { f(refused, {.status = 0}); });
    if (!http_) http_.emplace(http::detail::client_in_lane(lane_, client_options()));
    static const auto empty = std::make_shared<const std::string>();
    http::detail::start_request(*http_, q->url(), q->request(), {.body = empty, .unproven = true},
                                {lane_->executor(), lane_->bind_here(std::move(on_done))});
}

void hook_asker::on_answer(const hook_record& h, const proof_question& q, error_code ec,
                           const http::response& r) {
    {
        const std::lock_guard lock(mutex_);
        if (closed_) return;
    }
    proxy_failures_ = 0;
    const auto a = q.read(ec, r);
    using kind = proof_answer::kind;
    if (a.what == kind::agreed) {
        settle({h.id, h.question.token,
                [at = now(), rate = a.per_minute,
                 lead = means_.options->expiring_lead](hook_record& now_there) {
                    if (now_there.question.ended) return false;
                    const auto before = now_there.ends();
                    confirm(now_there, rate, at);
                    note_end(now_there, before, at, lead);
                    return true;
                }});
        return log(log_level::info, h, "the target has agreed", {});
    }
    log(log_level::info, h, a.why, ec ? ec : make_error_code(errc::hook_unverified));
    const bool over = a.what == kind::refused;
    settle({h.id, h.question.token, [why = a.why, over](hook_record& row) {
                if (over) return end_question(row, why);
                if (row.question.ended || row.reason == why) return false;
                row.reason = why;
                return true;
            }});
}

// Nothing was sent, because the target's address had its share, or the proxy failed: that is not
// the target's doing.
void hook_asker::give_back(const hook_record& h, io::system_time next) {
    settle({h.id, h.question.token, [next, asked = h.question.asked](hook_record& row) {
                if (row.question.ended || row.question.asked != asked || asked == 0) return false;
                --row.question.asked;
                row.question.next = std::min<io::system_time>(next, row.question.until);
                return true;
            }});
}

// What fails together is one failure. The others wait as long: the first that is asked then shows
// whether the proxy is well.
void hook_asker::wait_for_proxy(const hook_record& h, error_code ec) {
    const auto steady = lane_->timers().clock().now();
    if (proxy_until_ <= steady) {
        ++proxy_failures_;
        proxy_until_ = steady + webhook::detail::wait_of_proxy_fault(proxy_failures_);
    }
    give_back(h, now() + std::chrono::ceil<std::chrono::milliseconds>(proxy_until_ - steady));
    log(log_level::warning, h, "the question did not get beyond the proxy", ec);
}

void hook_asker::release(const std::string& token) noexcept {
    const auto it = open_.find(token);
    if (it == open_.end()) return;
    budget_->end(it->second);
    open_.erase(it);
}

// What a table does not take now it takes later: an agreement is not lost by that.
void hook_asker::settle(unsettled what) {
    const auto hooks = hooks_.lock();
    if (!hooks) return;
    const auto kept = std::make_shared<unsettled>(std::move(what));
    auto on_done = [weak = weak_from_this(), kept](error_code ec, const hook_record&,
                                                   std::uint64_t) {
        if (const auto self = weak.lock()) self->on_settled(*kept, ec);
    };
    std::make_shared<hook_step>(lane_, hooks, means_.options->log, kept->id,
                                of_question(kept->token, kept->apply), std::move(on_done))
        ->start();
}

void hook_asker::on_settled(unsettled& what, error_code ec) {
    if (!ec || ec == errc::not_found) return;
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    if (!finds_memory([&] { unsettled_.push_back(std::move(what)); })) missed_ = true;
    again_.arm(lane_->timers(), after_failure);
}

void hook_asker::settle_again() {
    for (auto& what : std::exchange(unsettled_, {}))
        if (!finds_memory([&] { settle(std::move(what)); })) missed_ = true;
    const auto hooks = hooks_.lock();
    if (!std::exchange(missed_, false) || !hooks) return;
    if (!finds_memory([&] { hooks->note_pending(); })) note_later();
}

// All that is pending, as the list has it: for what there was no memory to note by itself.
void hook_asker::note_later() noexcept {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    missed_ = true;
    again_.arm(lane_->timers(), after_failure);
}

void hook_asker::close() noexcept {
    {
        const std::lock_guard lock(mutex_);
        if (std::exchange(closed_, true)) return;
        calendar_ = {};
    }
    closing_.whose = shared_from_this();
    lane_->post(closing_);
}

void hook_asker::end_all() noexcept {
    due_.cancel();
    again_.cancel();
    unsettled_.clear();
    for (const auto& weak : std::exchange(steps_, {}))
        if (const auto step = weak.lock()) step->stop_waiting();
    http_.reset();
}

}  // namespace tidings::rest_hook::detail
