// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/retry_after.hpp>
#include <tidings/webhook/detail/sender_core.hpp>

#include <boost/asio/bind_executor.hpp>

namespace tidings::webhook {

namespace detail {

namespace {

http::client_options http_options(const sender_options& o,
                                  std::function<bool(const net::ip::address&)> filter) {
    http::client_options h;
    h.tls = o.tls;
    h.connect_timeout = o.connect_timeout;
    h.request_timeout = o.request_timeout;
    h.max_response_bytes = o.max_response_bytes;
    h.user_agent = o.user_agent;
    h.environment = o.environment;
    h.address_filter = std::move(filter);
    return h;
}

}  // namespace

sender_core::sender_core(net::any_io_executor executor, sender_options options)
    : options_(std::move(options)),
      outbox_(options_.outbox ? options_.outbox : store::make_memory_outbox()),
      schedule_(options_.retry),
      guard_(options_.guard),
      lane_(lane::make(executor, *options_.environment.clock)),
      http_(executor, http_options(options_, [guard = guard_](const net::ip::address& a) {
                return guard.allows(a);
            })),
      again_([this] { claim(); }),
      drain_deadline_([this] {
          if (auto done = std::exchange(drained_, nullptr)) done();
      }) {}

std::shared_ptr<endpoint_state> sender_core::add(endpoint_options options, error_code& ec) {
    if (!taking_) {
        ec = errc::closed;
        return nullptr;
    }
    const auto target = http::url::parse(options.url, ec);
    if (ec) return nullptr;
    if ((ec = guard_.check_url(target))) return nullptr;
    std::vector<secret> secrets;
    if (!options.secret.empty() || options.secrets.empty())
        secrets.push_back(secret::parse(options.secret, ec));
    for (const auto& text : options.secrets)
        if (!ec) secrets.push_back(secret::parse(text, ec));
    if (ec) return nullptr;
    if (options.id.empty()) options.id = options.url;
    if (options.max_in_flight == 0) options.max_in_flight = 1;
    auto state = std::make_shared<endpoint_state>(shared_from_this(), std::move(options),
                                                  standard_signer(secrets));
    {
        const std::lock_guard lock(mutex_);
        endpoints_[state->id()] = state;
    }
    // A durable outbox may hold deliveries for it from before.
    net::post(lane_->executor(), [self = shared_from_this()] { self->claim(); });
    return state;
}

void sender_core::forget(const std::string& id) noexcept {
    const std::lock_guard lock(mutex_);
    const auto it = endpoints_.find(id);
    if (it != endpoints_.end() && it->second.expired()) endpoints_.erase(it);
}

std::shared_ptr<endpoint_state> sender_core::find(const std::string& id) const {
    const std::lock_guard lock(mutex_);
    const auto it = endpoints_.find(id);
    return it == endpoints_.end() ? nullptr : it->second.lock();
}

void sender_core::append(std::vector<store::outbox_entry> entries,
                         unique_function<void(error_code)> done) {
    const auto& io = lane_->executor();
    net::post(io, [self = shared_from_this(), list = std::move(entries),
                   done = std::move(done)]() mutable {
        ++self->appending_;
        const auto& executor = self->lane_->executor();
        self->outbox_->start_append(
            std::move(list),
            store::outbox::done_handler(
                executor, net::bind_executor(executor, [self, done = std::move(done)](
                                                           error_code ec) mutable {
                    --self->appending_;
                    done(ec);
                    self->claim();
                })));
    });
}

// One claim at a time; what happens meanwhile asks for another.
void sender_core::claim() {
    if (stopped_) return;
    const auto busy = in_flight_ + queued_;
    if (claiming_ || busy >= options_.max_in_flight * 4) {
        claim_again_ = true;
        return;
    }
    claiming_ = true;
    claim_again_ = false;
    const auto& io = lane_->executor();
    outbox_->start_claim(
        now(), options_.max_in_flight * 4 - busy,
        store::outbox::claim_handler(
            io, net::bind_executor(io, [self = shared_from_this()](error_code ec,
                                                                   store::outbox_claim c) {
                self->claiming_ = false;
                self->on_claimed(ec, std::move(c));
            })));
}

void sender_core::on_claimed(error_code ec, store::outbox_claim c) {
    if (stopped_) return;
    if (ec) {
        if (options_.log) options_.log({log_level::error, "webhook", "claim failed", ec});
        return wake_at(now() + std::chrono::seconds(1));
    }
    more_due_ = c.next_due && *c.next_due <= now();
    for (auto& e : c.entries) enqueue(std::move(e));
    if (c.next_due && !more_due_) wake_at(*c.next_due);
    if (claim_again_) claim();
    finish_round();
    check_drained();
}

void sender_core::enqueue(store::outbox_entry e) {
    const auto endpoint = find(e.endpoint);
    if (!endpoint || !endpoint->active()) {
        // Nobody to deliver to: given up, but kept for looking.
        if (endpoint) ++endpoint->dead;
        return settle({e.key, store::outbox_result::state::dead, e.attempts, now(), errc::closed});
    }
    endpoint->queue.push_back(std::move(e));
    ++queued_;
    run(*endpoint);
}

void sender_core::run(endpoint_state& e) {
    while (!e.queue.empty() && e.in_flight < e.options().max_in_flight &&
           in_flight_ < options_.max_in_flight && !stopped_) {
        auto entry = std::move(e.queue.front());
        e.queue.pop_front();
        --queued_;
        send(e, std::move(entry));
    }
}

void sender_core::send(endpoint_state& e, store::outbox_entry entry) {
    http::request r;
    ++e.in_flight;
    ++in_flight_;
    const auto ec = e.make_request(entry, now(), r);
    const auto endpoint = e.shared_from_this();
    auto on_done = [self = shared_from_this(), endpoint, entry = std::move(entry)](
                       error_code failed, const http::response& answer) {
        self->on_answer(static_cast<endpoint_state&>(*endpoint).id(), entry, failed, answer);
    };
    if (ec)
        return net::post(lane_->executor(), [f = std::move(on_done), ec] { f(ec, {}); });
    http_.async_request(e.options().url, std::move(r),
                        net::bind_executor(lane_->executor(), std::move(on_done)));
}

void sender_core::on_answer(const std::string& id, const store::outbox_entry& entry, error_code ec,
                            const http::response& r) {
    --in_flight_;
    if (stopped_) return;
    const auto e = find(id);
    if (!e) {
        settle({entry.key, store::outbox_result::state::dead, entry.attempts, now(), errc::closed});
        return finish_round();
    }
    --e->in_flight;
    attempt a{id, entry.message_id, entry.attempts + 1, r.status, ec, verdict::retry, {}};
    if (!ec) a.result = schedule_.classify(r.status);
    if (!ec && a.result != verdict::success) a.error = errc::http_status;
    if (a.result == verdict::retry || a.result == verdict::throttled) {
        std::optional<std::chrono::seconds> after;
        if (const auto field = r.fields.find("retry-after"))
            after = http::parse_retry_after(*field, now());
        a.next = schedule_.next(a.number, after, options_.environment.random->next());
    }
    conclude(*e, entry, a);
    if (a.result == verdict::gone) gone(*e);
    run(*e);
    if (claim_again_ || more_due_) claim();
    finish_round();
    check_drained();
}

void sender_core::conclude(endpoint_state& e, const store::outbox_entry& entry, const attempt& a) {
    store::outbox_result result{entry.key, store::outbox_result::state::done, a.number, now(),
                                a.error};
    if (a.result == verdict::success) {
        ++e.delivered;
    } else {
        ++e.failed_attempts;
        result.outcome = a.next ? store::outbox_result::state::retry
                                : store::outbox_result::state::dead;
        if (a.next) result.due = now() + *a.next;
        if (!a.next) {
            ++e.dead;
            result.last_error =
                a.result == verdict::gone ? errc::webhook_gone : errc::webhook_exhausted;
        }
    }
    settle(result);
    report(a);
}

void sender_core::report(const attempt& a) {
    if (options_.metrics)
        options_.metrics->count("webhook_attempts",
                                {{"result", a.result == verdict::success ? "success" : "failure"}},
                                1);
    if (options_.log && a.result != verdict::success)
        options_.log({a.next ? log_level::info : log_level::warning, "webhook", a.endpoint,
                      a.error});
    if (options_.on_attempt) options_.on_attempt(a);
}

// 410: the endpoint wants nothing any more (REST hooks; Standard Webhooks 1.0.0).
void sender_core::gone(endpoint_state& e) {
    e.close();
    for (auto& entry : e.queue) {
        --queued_;
        ++e.dead;
        settle({entry.key, store::outbox_result::state::dead, entry.attempts, now(),
                errc::webhook_gone});
    }
    e.queue.clear();
    if (e.options().on_gone) e.options().on_gone();
}

void sender_core::settle(store::outbox_result r) { results_.push_back(r); }

// One transaction a round: everything that was settled since the last.
void sender_core::finish_round() {
    if (finishing_ || results_.empty()) return;
    finishing_ = true;
    const auto& io = lane_->executor();
    outbox_->start_finish(
        std::exchange(results_, {}),
        store::outbox::done_handler(
            io, net::bind_executor(io, [self = shared_from_this()](error_code ec) {
                self->finishing_ = false;
                if (ec && self->options_.log)
                    self->options_.log({log_level::error, "webhook", "finish failed", ec});
                if (self->stopped_) return;
                self->finish_round();
                self->claim();
                self->check_drained();
            })));
}

void sender_core::wake_at(io::system_time due) {
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(due - now());
    again_.arm(lane_->timers(), std::max(wait, std::chrono::milliseconds(1)));
}

void sender_core::start_drain(unique_function<void()> done) {
    taking_ = false;
    net::post(lane_->executor(), [self = shared_from_this(), done = std::move(done)]() mutable {
        self->drained_ = std::move(done);
        self->drain_deadline_.arm(self->lane_->timers(), self->options_.drain_timeout);
        self->check_drained();
    });
}

// What is due later stays in the outbox; a memory outbox loses it, as it said.
void sender_core::check_drained() {
    if (!drained_ || in_flight_ != 0 || queued_ != 0 || appending_ != 0 || claiming_ ||
        finishing_ || more_due_)
        return;
    drain_deadline_.cancel();
    again_.cancel();
    stopped_ = true;
    auto done = std::exchange(drained_, nullptr);
    done();
}

void sender_core::stop() noexcept {
    taking_ = false;
    net::post(lane_->executor(), [self = shared_from_this()] {
        self->stopped_ = true;
        self->again_.cancel();
        self->drain_deadline_.cancel();
    });
}

}  // namespace detail

sender::sender(net::any_io_executor executor, sender_options options)
    : core_(std::make_shared<detail::sender_core>(std::move(executor), std::move(options))) {}

sender& sender::operator=(sender&& o) noexcept {
    if (this != &o) {
        if (core_) core_->stop();
        core_ = std::move(o.core_);
    }
    return *this;
}

sender::~sender() {
    if (core_) core_->stop();
}

webhook::endpoint sender::endpoint(endpoint_options options, error_code& ec) {
    return webhook::endpoint(core_->add(std::move(options), ec));
}

webhook::endpoint sender::endpoint(endpoint_options options) {
    error_code ec;
    auto result = endpoint(std::move(options), ec);
    if (ec) throw boost::system::system_error(ec, "tidings::webhook::sender::endpoint");
    return result;
}

std::shared_ptr<tidings::detail::drainable> sender::drain_state() const { return core_; }
std::size_t sender::in_flight() const noexcept { return core_->in_flight(); }

}  // namespace tidings::webhook
