// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/retry_after.hpp>
#include <tidings/http/impl/message/url.hpp>
#include <tidings/store/memory_outbox.hpp>
#include <tidings/webhook/impl/sender_state.hpp>

#include <boost/asio/bind_executor.hpp>

#include <algorithm>

namespace tidings::webhook::detail {

using namespace tidings::detail;

namespace {

constexpr std::chrono::hours between_retentions{1};

using settled = store::outbox_result::state;

http::client_options http_options(const sender_options& o, const address_guard& guard) {
    http::client_options h;
    h.tls = o.tls;
    h.connect_timeout = o.connect_timeout;
    h.request_timeout = o.request_timeout;
    h.max_response_bytes = o.max_response_bytes;
    h.user_agent = o.user_agent;
    h.environment = o.environment;
    h.address_filter = [guard](const net::ip::address& a) { return guard.allows(a); };
    return h;
}

std::vector<secret> read_secrets(const endpoint_options& o, error_code& ec) {
    std::vector<secret> secrets;
    if (o.secret.empty() && o.secrets.empty()) ec = errc::webhook_missing_secret;
    if (!o.secret.empty()) secrets.push_back(secret::parse(o.secret, ec));
    for (const auto& text : o.secrets)
        if (!ec) secrets.push_back(secret::parse(text, ec));
    return secrets;
}

}  // namespace

sender_state::sender_state(net::any_io_executor executor, sender_options options)
    : on_attempt_(options.on_attempt ? std::make_shared<const attempt_hook>(
                                           std::exchange(options.on_attempt, nullptr))
                                     : nullptr),
      options_(std::move(options)),
      outbox_(options_.outbox ? options_.outbox : store::make_memory_outbox()),
      schedule_(options_.retry),
      guard_(options_.guard),
      lane_(lane::make(executor, *options_.environment.clock)),
      again_([this] {
          wake_ = io::system_time::max();
          finish();
          claim();
      }),
      drain_deadline_([this] { end(errc::timed_out); }) {
    http_.emplace(http::detail::client_in_lane(lane_, http_options(options_, guard_)));
}

error_code sender_state::check_target(const std::string& url) const {
    error_code ec;
    const auto target = http::url::parse(url, ec);
    return ec ? ec : guard_.check_url(target);
}

std::shared_ptr<endpoint_state> sender_state::add(endpoint_options options, error_code& ec) {
    ec = taking_ ? check_target(options.url) : make_error_code(errc::closed);
    if (ec) return nullptr;
    const auto secrets = read_secrets(options, ec);
    if (ec) return nullptr;
    if (options.id.empty()) options.id = options.url;
    options.max_in_flight = std::max<std::size_t>(options.max_in_flight, 1);
    const auto target =
        std::make_shared<endpoint_target>(std::move(options), standard_signer(secrets));
    auto state = std::make_shared<endpoint_state>(shared_from_this(), target);
    endpoints_.add(target);
    // A durable outbox may hold deliveries for it from before.
    lane_->post([self = shared_from_this()] { self->claim(); });
    return state;
}

void sender_state::report(const endpoint_target& t, const attempt& a) const {
    const bool success = a.result == verdict::success;
    if (options_.metrics)
        options_.metrics->count("webhook_attempts", {{"result", success ? "success" : "failure"}},
                                1);
    if (options_.log && !success)
        options_.log(
            {a.next ? log_level::info : log_level::warning, "webhook", t.label(), a.error});
    std::shared_ptr<const attempt_hook> hook;  // ends after its call, whatever that ends
    {
        const std::lock_guard lock(mutex_);
        hook = on_attempt_;
    }
    if (hook) guarded(options_.log, "webhook", [&] { (*hook)(a); });
}

void sender_state::append(store::outbox_entry entry, unique_function<void(error_code)> done) {
    std::shared_ptr<batch> open;
    const std::lock_guard lock(mutex_);
    open = open_batch_.lock();
    if (!open) {
        // Owned by what is posted alone: a pending completion in it may own the sender.
        open_batch_ = open = std::make_shared<batch>();
        lane_->post([self = shared_from_this(), open] { self->append_batch(*open); });
    }
    open->push_back({std::move(entry), std::move(done)});
}

void sender_state::append_batch(batch& open) {
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
    auto on_done = store_handler<store::outbox_appended>(
        [this, all = std::move(all)](error_code ec, const store::outbox_appended& a) mutable {
            --appending_;
            std::vector<error_code> ends(all.size(), ec);
            for (const auto& r : a.refused) ends.at(r.index) = r.why;
            for (std::size_t i = 0; i < all.size(); ++i) all[i].done(ends[i]);
            claim();
            check_drained();
        });
    ++appending_;
    ask_store([&] {
        outbox_->start_append({.now = now(), .entries = std::move(entries)}, std::move(on_done));
    });
}

// Lines take turns, so that a long one does not keep the others waiting.
void sender_state::wait_turn(const std::string& id) {
    const auto it = lines_.find(id);
    if (it == lines_.end() || it->second.queue.empty()) return;
    if (!std::exchange(it->second.waiting, true)) ready_.push_back(id);
}

void sender_state::run() {
    while (in_flight_ < std::max<std::size_t>(options_.max_in_flight, 1) && !ready_.empty()) {
        const auto id = std::move(ready_.front());
        ready_.pop_front();
        auto& l = lines_[id];
        l.waiting = false;
        if (l.queue.empty()) continue;  // it was paused since
        const auto t = endpoints_.find(id);
        if (!t) {
            put_back_all(l);  // for when it is added again
            continue;
        }
        if (!t->active()) {
            give_up(l, *t, errc::closed);
            continue;
        }
        if (l.in_flight >= t->options().max_in_flight) continue;  // an answer brings it back
        send(t, l);
        wait_turn(id);
    }
}

void sender_state::send(const std::shared_ptr<endpoint_target>& t, line& l) {
    auto entry = std::move(l.queue.front());
    l.queue.pop_front();
    ++l.in_flight;
    ++in_flight_;
    http::request r;
    const auto ec = t->make_request(entry, now(), r);
    r.idempotent = true;  // by its id
    // Not owned by what is under way: that is owned by the client, which is ours.
    auto on_done = [weak = weak_from_this(), t, entry = std::move(entry)](
                       error_code failed, const http::response& answer) {
        if (const auto self = weak.lock()) self->on_answer(t, entry, failed, answer);
    };
    if (ec)
        lane_->post([f = std::move(on_done), ec] { f(ec, {.status = 0}); });
    else
        http_->async_request(t->options().url, std::move(r),
                             net::bind_executor(lane_->executor(), std::move(on_done)));
    if (l.more && l.is_short()) claim();
}

void sender_state::on_answer(const std::shared_ptr<endpoint_target>& asked,
                             const store::outbox_entry& entry, error_code ec,
                             const http::response& r) {
    --in_flight_;
    if (!running()) return;
    const auto& id = asked->id();
    --lines_[id].in_flight;
    const auto known = endpoints_.find(id);
    const auto& t = known ? known : asked;
    auto a = judge(id, entry, ec, r);
    bool ended = false;
    if (a.result != verdict::success && t != asked) {
        // What the target that was replaced says binds nobody: the new one has not been asked yet.
        a.next = std::chrono::milliseconds(0);
        ++t->failed_attempts;
        put_back(lines_[id], entry);
    } else {
        if (a.result == verdict::throttled && a.next) pause(lines_[id], *a.next);
        if (a.result == verdict::gone) {
            ended = t->end();
            give_up(lines_[id], *t, errc::webhook_gone);
        }
        conclude(*t, entry, a);
    }
    wait_turn(id);
    end_round();
    report(*t, a);
    if (!ended) return;
    if (const auto on_gone = t->take_on_gone()) guarded(options_.log, "webhook", on_gone);
}

attempt sender_state::judge(const std::string& id, const store::outbox_entry& entry, error_code ec,
                            const http::response& r) const {
    // An answer with which something is wrong is an answer all the same: nothing but its status,
    // and a Retry-After that says one thing, is of interest here.
    const bool answered = r.status != 0;
    attempt a{.endpoint = id,
              .message_id = entry.message_id,
              .number = entry.attempts + 1,
              .status = r.status,
              .error = ec,
              .result = answered ? schedule_.classify(r.status) : verdict::retry};
    if (answered)
        a.error = a.result == verdict::success ? error_code() : make_error_code(errc::http_status);
    if (a.result != verdict::retry && a.result != verdict::throttled) return a;
    std::optional<std::chrono::seconds> after;
    if (ec != errc::repeated_field)
        after = http::parse_retry_after(r.fields.get("retry-after"), now());
    a.next = schedule_.next(a.number, after, options_.environment.random->next());
    return a;
}

void sender_state::conclude(endpoint_target& t, const store::outbox_entry& entry,
                            const attempt& a) {
    store::outbox_result result{entry.key, settled::done, a.number, now(), a.error, {}};
    if (a.result == verdict::success) {
        ++t.delivered;
    } else {
        ++t.failed_attempts;
        result.outcome = a.next ? settled::retry : settled::dead;
        // A pause keeps the entry from being claimed, and its place before younger ones.
        if (a.next) result.due = a.result == verdict::throttled ? entry.due : now() + *a.next;
        if (!a.next) ++t.dead;
        if (a.result == verdict::gone) result.last_error = errc::webhook_gone;
        if (!a.next && (a.result == verdict::retry || a.result == verdict::throttled))
            result.last_error = errc::webhook_exhausted;
    }
    results_.push_back(result);
}

// It is the endpoint that asks to be spared, not the one message: the others wait in the outbox.
void sender_state::pause(line& l, std::chrono::milliseconds wait) {
    l.paused_until = std::max(l.paused_until, now() + wait);
    put_back_all(l);
    l.back_with = settlements_ + 1;  // at least what asked for it is settled then
}

// To the outbox, as it was claimed. Until it is there again, what is younger must not be claimed.
void sender_state::put_back(line& l, const store::outbox_entry& entry) {
    l.back_with = settlements_ + 1;
    results_.push_back(
        {entry.key, settled::retry, entry.attempts, entry.due, entry.last_error, {}});
}

void sender_state::put_back_all(line& l) {
    for (const auto& e : l.queue) put_back(l, e);
    l.queue.clear();
    l.more = false;
}

// The endpoint has ended: kept for looking only.
void sender_state::give_up(line& l, endpoint_target& t, error_code why) {
    for (const auto& entry : l.queue) {
        ++t.dead;
        results_.push_back({entry.key, settled::dead, entry.attempts, now(), why, {}});
    }
    l.queue.clear();
    if (std::exchange(l.more, false)) claim();
}

void sender_state::end_round() {
    run();
    finish();
    check_drained();
}

// One transaction a round: everything that was settled since the last.
void sender_state::finish() {
    if (finishing_ || results_.empty()) return;
    finishing_ = true;
    ++settlements_;
    auto results = std::exchange(results_, {});
    const auto any = [&](settled s) {
        return std::any_of(results.begin(), results.end(),
                           [s](const auto& r) { return r.outcome == s; });
    };
    const bool retries = any(settled::retry);
    if (any(settled::dead)) retain();
    auto on_done = store_handler([this, results, retries](error_code ec) mutable {
        on_finished(ec, std::move(results), retries);
    });
    ask_store([&] {
        outbox_->start_finish({.now = now(), .results = std::move(results)}, std::move(on_done));
    });
}

void sender_state::on_finished(error_code ec, std::vector<store::outbox_result> results,
                               bool retries) {
    finishing_ = false;
    if (!running()) return;
    if (ec && options_.log) options_.log({log_level::error, "webhook", "settling failed", ec});
    if (ec) {
        results_.insert(results_.begin(), results.begin(), results.end());
        return wake_at(now() + after_failed_storage);
    }
    settled_ = settlements_;
    for (const auto& r : results) held_.erase(r.key);
    if (retries) claim();
    end_round();
}

// What its bounds of time end. An outbox that fails is asked again the next time.
void sender_state::retain() {
    if (now() < last_retention_ + between_retentions) return;
    last_retention_ = now();
    auto on_done = store_handler<store::outbox_retained>(
        [this](error_code ec, const store::outbox_retained& r) {
            if (ec || r.at_end || !running()) return;
            last_retention_ = {};
            retain();
        });
    ask_store(
        [&] { outbox_->start_retain({.now = now(), .of = endpoints_.ids()}, std::move(on_done)); });
}

void sender_state::wake_at(io::system_time due) {
    if (due >= wake_) return;
    wake_ = due;
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(due - now());
    again_.arm(lane_->timers(), std::max(wait, std::chrono::milliseconds(1)));
}

void sender_state::start_drain(unique_function<void(error_code)> done) {
    taking_ = false;
    lane_->post([self = shared_from_this(), done = std::move(done)]() mutable {
        if (!self->running()) return done({});
        if (self->drained_.empty())
            self->drain_deadline_.arm(self->lane_->timers(), self->options_.drain_timeout);
        self->drained_.push_back(std::move(done));
        self->claim();
    });
}

// What is due later stays in the outbox; one in memory loses it.
void sender_state::check_drained() {
    const bool busy = in_flight_ != 0 || !ready_.empty() || appending_ != 0 || claiming_ ||
                      claim_lost_ || finishing_ || !results_.empty();
    if (!drained_.empty() && !busy) end({});
}

void sender_state::end(error_code why) {
    if (!http_) return;
    if (why == errc::timed_out && options_.log) {
        std::size_t owed = in_flight_;
        for (const auto& [id, l] : lines_) owed += l.queue.size();
        const auto text = "at least " + std::to_string(owed) + " deliveries are still owed";
        options_.log({log_level::warning, "webhook", text, why});
    }
    http_.reset();
    again_.cancel();
    drain_deadline_.cancel();
    lines_.clear();
    ready_.clear();
    give_back();
    release();
    for (auto& done : std::exchange(drained_, {})) done(why);
}

void sender_state::stop() noexcept try {
    release();
    lane_->post([self = shared_from_this()] { self->end(errc::closed); });
} catch (const std::bad_alloc&) {
    return;  // what is claimed stays so until this process ends
}

// Hooks may own anything, the sender too: those that it owns are released.
void sender_state::release() noexcept {
    taking_ = false;
    std::shared_ptr<const attempt_hook> released;
    {
        const std::lock_guard lock(mutex_);
        ended_ = true;
        released.swap(on_attempt_);
    }
    endpoints_.end();
}

}  // namespace tidings::webhook::detail
