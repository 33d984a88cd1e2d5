// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/retry_after.hpp>
#include <tidings/http/impl/message/url.hpp>
#include <tidings/impl/guarded.hpp>
#include <tidings/store/memory_outbox.hpp>
#include <tidings/webhook/impl/sender_state.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>

namespace tidings::webhook::detail {

using namespace tidings::detail;

namespace {

constexpr std::chrono::hours between_burials{1};

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
    auto state = std::make_shared<endpoint_state>(shared_from_this(), std::move(options),
                                                  standard_signer(secrets));
    endpoints_.add(state);
    // A durable outbox may hold deliveries for it from before.
    lane_->post([self = shared_from_this()] { self->claim(); });
    return state;
}

void sender_state::report(const endpoint_state& e, const attempt& a) const {
    const bool success = a.result == verdict::success;
    if (options_.metrics)
        options_.metrics->count("webhook_attempts", {{"result", success ? "success" : "failure"}},
                                1);
    if (options_.log && !success)
        options_.log(
            {a.next ? log_level::info : log_level::warning, "webhook", e.label(), a.error});
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
    ++appending_;
    auto on_done = [self = shared_from_this(), all = std::move(all)](error_code ec) mutable {
        --self->appending_;
        for (auto& one : all) one.done(ec);
        self->claim();
        self->check_drained();
    };
    outbox_->start_append(std::move(entries),
                          lane_->completion<store::outbox::done_handler>(std::move(on_done)));
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
        const auto e = endpoints_.find(id);
        if (!e || !e->active()) {
            give_up(l, e.get(), errc::closed);
            continue;
        }
        if (l.in_flight >= e->options().max_in_flight) continue;  // an answer brings it back
        send(e, l);
        wait_turn(id);
    }
}

void sender_state::send(const std::shared_ptr<endpoint_state>& e, line& l) {
    auto entry = std::move(l.queue.front());
    l.queue.pop_front();
    ++l.in_flight;
    ++in_flight_;
    http::request r;
    const auto ec = e->make_request(entry, now(), r);
    r.idempotent = true;  // by its id
    // Not owned by what is under way: that is owned by the client, which is ours.
    auto on_done = [weak = weak_from_this(), id = e->id(), asked = std::weak_ptr(e),
                    entry = std::move(entry)](error_code failed, const http::response& answer) {
        if (const auto self = weak.lock()) self->on_answer(id, asked, entry, failed, answer);
    };
    if (ec)
        lane_->post([f = std::move(on_done), ec] { f(ec, {}); });
    else
        http_->async_request(e->options().url, std::move(r),
                             net::bind_executor(lane_->executor(), std::move(on_done)));
    if (l.more && l.is_short()) claim();
}

void sender_state::on_answer(const std::string& id, const std::weak_ptr<endpoint_state>& asked,
                             const store::outbox_entry& entry, error_code ec,
                             const http::response& r) {
    --in_flight_;
    if (!running()) return;
    --lines_[id].in_flight;
    const auto e = endpoints_.find(id);
    auto a = judge(id, entry, ec, r);
    const bool success = a.result == verdict::success;
    bool ended = false;
    if (!e) {
        results_.push_back(
            {entry.key, success ? settled::done : settled::dead, a.number, now(), errc::closed});
    } else if (!success && e != asked.lock()) {
        // What the target that was replaced says binds nobody: the new one has not been asked yet.
        a.next = std::chrono::milliseconds(0);
        ++e->failed_attempts;
        put_back(lines_[id], entry);
    } else {
        if (a.result == verdict::throttled && a.next) pause(lines_[id], *a.next);
        if (a.result == verdict::gone) {
            ended = e->end();
            give_up(lines_[id], e.get(), errc::webhook_gone);
        }
        conclude(*e, entry, a);
    }
    wait_turn(id);
    end_round();
    if (e) report(*e, a);
    if (!ended) return;
    if (const auto on_gone = e->take_on_gone()) guarded(options_.log, "webhook", on_gone);
}

attempt sender_state::judge(const std::string& id, const store::outbox_entry& entry, error_code ec,
                            const http::response& r) const {
    // An answer whose body is too long is an answer all the same: the body says nothing here.
    const bool answered = !ec || ec == errc::too_large || ec == errc::unsupported_encoding;
    attempt a{.endpoint = id,
              .message_id = entry.message_id,
              .number = entry.attempts + 1,
              .status = answered ? r.status : 0,
              .error = ec,
              .result = answered ? schedule_.classify(r.status) : verdict::retry};
    if (answered)
        a.error = a.result == verdict::success ? error_code() : make_error_code(errc::http_status);
    if (a.result != verdict::retry && a.result != verdict::throttled) return a;
    std::optional<std::chrono::seconds> after;
    if (answered) after = http::parse_retry_after(r.fields.get("retry-after"), now());
    a.next = schedule_.next(a.number, after, options_.environment.random->next());
    return a;
}

void sender_state::conclude(endpoint_state& e, const store::outbox_entry& entry, const attempt& a) {
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
void sender_state::pause(line& l, std::chrono::milliseconds wait) {
    l.paused_until = std::max(l.paused_until, now() + wait);
    for (const auto& e : l.queue) put_back(l, e);
    l.queue.clear();
    l.more = false;
    l.back_with = settlements_ + 1;  // at least what asked for it is settled then
}

// To the outbox, as it was claimed. Until it is there again, what is younger must not be claimed.
void sender_state::put_back(line& l, const store::outbox_entry& entry) {
    l.back_with = settlements_ + 1;
    results_.push_back({entry.key, settled::retry, entry.attempts, entry.due, entry.last_error});
}

// Nobody to deliver to: kept for looking only.
void sender_state::give_up(line& l, endpoint_state* e, error_code why) {
    for (const auto& entry : l.queue) {
        if (e != nullptr) ++e->dead;
        results_.push_back({entry.key, settled::dead, entry.attempts, now(), why});
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
    if (any(settled::dead)) bury();
    auto on_done = [self = shared_from_this(), results, retries](error_code ec) mutable {
        self->on_finished(ec, std::move(results), retries);
    };
    outbox_->start_finish(results,
                          lane_->completion<store::outbox::done_handler>(std::move(on_done)));
}

void sender_state::on_finished(error_code ec, std::vector<store::outbox_result> results,
                               bool retries) {
    finishing_ = false;
    if (ec && options_.log) options_.log({log_level::error, "webhook", "settling failed", ec});
    if (!running()) return;
    if (ec) {
        results_.insert(results_.begin(), results.begin(), results.end());
        return wake_at(now() + after_failed_storage);
    }
    settled_ = settlements_;
    for (const auto& r : results) held_.erase(r.key);
    if (retries) claim();
    end_round();
}

// Those given up long ago are looked at by nobody any more.
void sender_state::bury() {
    if (now() < last_burial_ + between_burials) return;
    last_burial_ = now();
    outbox_->start_retain(now() - options_.keep_dead,
                          lane_->completion<store::outbox::done_handler>([](error_code) {
                              // The next time will do it.
                          }));
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
        const auto owed = in_flight_ + ready_.size();
        const auto text = std::to_string(owed) + " deliveries are still owed";
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

void sender_state::stop() noexcept {
    release();
    lane_->post([self = shared_from_this()] { self->end(errc::closed); });
}

// Endpoints own the sender, and hooks may own anything: what the sender owns of both is released.
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
