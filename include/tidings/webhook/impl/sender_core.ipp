// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/retry_after.hpp>
#include <tidings/webhook/detail/sender_core.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>

namespace tidings::webhook::detail {

namespace {

constexpr std::size_t max_claim = 256;
constexpr std::size_t max_claim_per_endpoint = 16;
constexpr std::size_t short_line = max_claim_per_endpoint / 2;  // may be made longer
constexpr std::chrono::seconds after_failed_storage{1};
constexpr std::chrono::hours between_burials{1};

using settled = store::outbox_result::state;

}  // namespace

void sender_core::append(store::outbox_entry entry, unique_function<void(error_code)> done) {
    std::shared_ptr<batch> open;
    const std::lock_guard lock(mutex_);
    open = open_batch_.lock();
    if (!open) {
        // Owned by what is posted alone: whoever waits in it may own the sender.
        open_batch_ = open = std::make_shared<batch>();
        net::post(lane_->executor(),
                  [self = shared_from_this(), open] { self->append_batch(*open); });
    }
    open->push_back({std::move(entry), std::move(done)});
}

void sender_core::append_batch(batch& open) {
    batch all;
    {
        const std::lock_guard lock(mutex_);
        open_batch_.reset();
        all.swap(open);
    }
    if (!running()) {
        for (auto& one : all) one.done(errc::closed);
        return;
    }
    std::vector<store::outbox_entry> entries;
    entries.reserve(all.size());
    for (auto& one : all) entries.push_back(std::move(one.entry));
    ++appending_;
    const auto& io = lane_->executor();
    outbox_->start_append(
        std::move(entries),
        store::outbox::done_handler(
            io, net::bind_executor(
                    io, [self = shared_from_this(), all = std::move(all)](error_code ec) mutable {
                        --self->appending_;
                        for (auto& one : all) one.done(ec);
                        self->claim();
                        self->check_drained();
                    })));
}

// One at a time; what happens meanwhile asks for another.
void sender_core::claim() {
    if (!running()) return;
    claim_again_ = std::exchange(claiming_, true);
    if (claim_again_) return;
    if (claim_lost_) return recover(0);
    store::outbox_query q{
        .now = now(), .max = max_claim, .max_per_endpoint = max_claim_per_endpoint};
    std::erase_if(lines_, [&q](const auto& item) {
        const auto& l = item.second;
        return l.queue.empty() && l.in_flight == 0 && l.paused_until <= q.now;
    });
    for (auto& [id, l] : lines_) {
        l.more = l.queue.size() >= short_line;
        if (l.more || l.paused_until > q.now) q.except.push_back(id);
    }
    const auto& io = lane_->executor();
    outbox_->start_claim(std::move(q),
                         store::outbox::claim_handler(
                             io, net::bind_executor(io, [self = shared_from_this()](
                                                            error_code ec, store::outbox_claim c) {
                                 self->on_claimed(ec, std::move(c));
                             })));
}

void sender_core::on_claimed(error_code ec, store::outbox_claim c) {
    claiming_ = false;
    for (const auto& e : c.entries) {
        // Held still: it was settled, though that was said to have failed.
        if (!hold(e)) std::erase_if(results_, [&](const auto& r) { return r.key == e.key; });
    }
    if (!running()) return give_back();
    if (ec) return claim_later(ec);
    const bool again = claim_again_ || c.entries.size() == max_claim;
    for (auto& e : c.entries) {
        const auto id = e.endpoint;
        auto& l = lines_[id];
        l.queue.push_back(std::move(e));
        l.more = l.queue.size() >= max_claim_per_endpoint;
        wait_turn(id, l);
    }
    again_.cancel();
    wake_ = io::system_time::max();
    if (c.next_due) wake_at(*c.next_due);
    for (const auto& [id, l] : lines_)
        if (l.paused_until > now()) wake_at(l.paused_until);
    if (again) claim();
    end_round();
}

void sender_core::claim_later(error_code ec) {
    claim_lost_ = true;
    if (options_.log) options_.log({log_level::error, "webhook", "claiming failed", ec});
    wake_at(now() + after_failed_storage);
}

// What was claimed without our hearing of it nobody would deliver: it is given back first.
void sender_core::recover(std::uint64_t after_key) {
    const auto& io = lane_->executor();
    outbox_->start_list(
        {}, after_key, max_claim,
        store::outbox::list_handler(
            io, net::bind_executor(io, [self = shared_from_this()](
                                           error_code ec, std::vector<store::outbox_listed> page) {
                self->on_listed(ec, page);
            })));
}

void sender_core::on_listed(error_code ec, const std::vector<store::outbox_listed>& page) {
    if (!running()) return;
    for (const auto& [e, state] : page)
        if (state == store::outbox_state::claimed && hold(e)) results_.push_back(held_.at(e.key));
    if (!ec && page.size() == max_claim) return recover(page.back().entry.key);
    claiming_ = false;
    if (ec) return claim_later(ec);
    claim_lost_ = false;
    finish();
    claim();
}

// Lines take turns, so that a long one does not keep the others waiting.
void sender_core::wait_turn(const std::string& id, line& l) {
    if (l.queue.empty() || std::exchange(l.waiting, true)) return;
    ready_.push_back(id);
}

void sender_core::run() {
    while (in_flight_ < std::max<std::size_t>(options_.max_in_flight, 1) && !ready_.empty()) {
        const auto id = std::move(ready_.front());
        ready_.pop_front();
        auto& l = lines_[id];
        l.waiting = false;
        const auto e = find(id);
        if (!e || !e->active()) {
            give_up(l, e.get(), errc::closed);
            continue;
        }
        if (l.in_flight >= e->options().max_in_flight) continue;  // an answer brings it back
        send(e, l);
        wait_turn(id, l);
    }
}

void sender_core::send(const std::shared_ptr<endpoint_state>& e, line& l) {
    auto entry = std::move(l.queue.front());
    l.queue.pop_front();
    ++l.in_flight;
    ++in_flight_;
    http::request r;
    const auto ec = e->make_request(entry, now(), r);
    r.idempotent = true;  // by its id
    // Not owned by what is under way: that is owned by the client, which is ours.
    auto on_done = [weak = weak_from_this(), id = e->id(), entry = std::move(entry)](
                       error_code failed, const http::response& answer) {
        if (const auto self = weak.lock()) self->on_answer(id, entry, failed, answer);
    };
    if (ec)
        net::post(lane_->executor(), [f = std::move(on_done), ec] { f(ec, {}); });
    else
        http_->async_request(e->options().url, std::move(r),
                             net::bind_executor(lane_->executor(), std::move(on_done)));
    if (l.more && l.queue.size() < short_line) claim();
}

void sender_core::on_answer(const std::string& id, const store::outbox_entry& entry, error_code ec,
                            const http::response& r) {
    --in_flight_;
    if (!running()) return;
    auto& l = lines_[id];
    --l.in_flight;
    const auto e = find(id);
    const auto a = judge(id, entry, ec, r);
    if (a.result == verdict::throttled && a.next) pause(l, *a.next);
    if (a.result == verdict::gone && e) {
        e->close();
        give_up(l, e.get(), errc::webhook_gone);
    }
    if (e)
        conclude(*e, entry, a);
    else
        results_.push_back({entry.key, a.result == verdict::success ? settled::done : settled::dead,
                            a.number, now(), errc::closed});
    wait_turn(id, l);
    end_round();
    if (e) report(*e, a);
}

attempt sender_core::judge(const std::string& id, const store::outbox_entry& entry, error_code ec,
                           const http::response& r) const {
    attempt a{.endpoint = id,
              .message_id = entry.message_id,
              .number = entry.attempts + 1,
              .status = ec ? 0 : r.status,
              .error = ec,
              .result = ec ? verdict::retry : schedule_.classify(r.status)};
    if (!ec && a.result != verdict::success) a.error = errc::http_status;
    if (a.result != verdict::retry && a.result != verdict::throttled) return a;
    std::optional<std::chrono::seconds> after;
    if (!ec) after = http::parse_retry_after(r.fields.get("retry-after"), now());
    a.next = schedule_.next(a.number, after, options_.environment.random->next());
    return a;
}

void sender_core::conclude(endpoint_state& e, const store::outbox_entry& entry, const attempt& a) {
    store::outbox_result result{entry.key, settled::done, a.number, now(), a.error};
    if (a.result == verdict::success) {
        ++e.delivered;
    } else {
        ++e.failed_attempts;
        result.outcome = a.next ? settled::retry : settled::dead;
        // A pause keeps the entry from being claimed, and its place before younger ones.
        if (a.next) result.due = a.result == verdict::throttled ? entry.due : now() + *a.next;
        if (!a.next) ++e.dead;
        if (a.result == verdict::gone) result.last_error = errc::webhook_gone;
        if (!a.next && (a.result == verdict::retry || a.result == verdict::throttled))
            result.last_error = errc::webhook_exhausted;
    }
    results_.push_back(result);
}

// It is the endpoint that asks to be spared, not the one message: the others wait in the outbox.
void sender_core::pause(line& l, std::chrono::milliseconds wait) {
    l.paused_until = std::max(l.paused_until, now() + wait);
    for (const auto& e : l.queue)
        results_.push_back({e.key, settled::retry, e.attempts, e.due, e.last_error});
    l.queue.clear();
    l.more = false;
}

// Nobody to deliver to: kept for looking only.
void sender_core::give_up(line& l, endpoint_state* e, error_code why) {
    for (const auto& entry : l.queue) {
        if (e != nullptr) ++e->dead;
        results_.push_back({entry.key, settled::dead, entry.attempts, now(), why});
    }
    l.queue.clear();
    if (std::exchange(l.more, false)) claim();
}

void sender_core::end_round() {
    run();
    finish();
    check_drained();
}

// One transaction a round: everything that was settled since the last.
void sender_core::finish() {
    if (finishing_ || results_.empty()) return;
    finishing_ = true;
    auto results = std::exchange(results_, {});
    const auto any = [&](settled s) {
        return std::any_of(results.begin(), results.end(),
                           [s](const auto& r) { return r.outcome == s; });
    };
    const bool retries = any(settled::retry);
    if (any(settled::dead)) bury();
    const auto& io = lane_->executor();
    outbox_->start_finish(
        results,
        store::outbox::done_handler(io, net::bind_executor(io, [self = shared_from_this(), results,
                                                                retries](error_code ec) mutable {
                                        self->on_finished(ec, std::move(results), retries);
                                    })));
}

void sender_core::on_finished(error_code ec, std::vector<store::outbox_result> results,
                              bool retries) {
    finishing_ = false;
    if (ec && options_.log) options_.log({log_level::error, "webhook", "settling failed", ec});
    if (!running()) return;
    if (ec) {
        results_.insert(results_.begin(), results.begin(), results.end());
        return wake_at(now() + after_failed_storage);
    }
    for (const auto& r : results) held_.erase(r.key);
    if (retries) claim();
    end_round();
}

// Those given up long ago are looked at by nobody any more.
void sender_core::bury() {
    if (now() < last_burial_ + between_burials) return;
    last_burial_ = now();
    const auto& io = lane_->executor();
    outbox_->start_retain(now() - options_.keep_dead,
                          store::outbox::done_handler(io, net::bind_executor(io, [](error_code) {
                                                          // The next time will do it.
                                                      })));
}

void sender_core::wake_at(io::system_time due) {
    if (due >= wake_) return;
    wake_ = due;
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(due - now());
    again_.arm(lane_->timers(), std::max(wait, std::chrono::milliseconds(1)));
}

void sender_core::start_drain(unique_function<void()> done) {
    taking_ = false;
    net::post(lane_->executor(), [self = shared_from_this(), done = std::move(done)]() mutable {
        if (!self->running()) return done();
        self->drained_ = std::move(done);
        self->drain_deadline_.arm(self->lane_->timers(), self->options_.drain_timeout);
        self->claim();
    });
}

// What is due later stays in the outbox; one in memory loses it.
void sender_core::check_drained() {
    const bool busy = in_flight_ != 0 || !ready_.empty() || appending_ != 0 || claiming_ ||
                      claim_lost_ || finishing_ || !results_.empty();
    if (drained_ && !busy) end();
}

void sender_core::end() {
    if (!http_) return;
    http_.reset();
    again_.cancel();
    drain_deadline_.cancel();
    lines_.clear();
    ready_.clear();
    give_back();
    release();
    if (auto done = std::exchange(drained_, nullptr)) done();
}

// False when it is held already.
bool sender_core::hold(const store::outbox_entry& e) {
    return held_
        .try_emplace(e.key,
                     store::outbox_result{e.key, settled::retry, e.attempts, e.due, e.last_error})
        .second;
}

// At the end: what is not settled is for the next sender that has this outbox.
void sender_core::give_back() {
    for (const auto& r : results_) held_.erase(r.key);
    for (const auto& [key, as_it_was] : std::exchange(held_, {})) results_.push_back(as_it_was);
    if (results_.empty()) return;
    const auto& io = lane_->executor();
    outbox_->start_finish(std::exchange(results_, {}),
                          store::outbox::done_handler(io, net::bind_executor(io, [](error_code) {
                                                          // Else they stay claimed until this
                                                          // process ends.
                                                      })));
}

void sender_core::stop() noexcept {
    release();
    net::post(lane_->executor(), [self = shared_from_this()] { self->end(); });
}

// Endpoints own the sender: whoever the sender owns must be let go of.
void sender_core::release() noexcept {
    taking_ = false;
    std::vector<std::shared_ptr<endpoint_state>> released;
    const std::lock_guard lock(mutex_);
    ended_ = true;
    released.swap(lingering_);
}

}  // namespace tidings::webhook::detail
