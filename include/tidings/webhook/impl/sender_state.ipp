// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/url.hpp>
#include <tidings/store/memory_outbox.hpp>
#include <tidings/webhook/impl/batch_plan.hpp>
#include <tidings/webhook/impl/endpoint_check.hpp>
#include <tidings/webhook/impl/sender_state.hpp>
#include <tidings/webhook/impl/target_client.hpp>

#include <boost/asio/bind_executor.hpp>

#include <algorithm>
#include <stdexcept>

namespace tidings::webhook::detail {

using namespace tidings::detail;

namespace {

constexpr std::chrono::hours between_retentions{1};
constexpr std::chrono::milliseconds wait_none{0};

using settled = store::outbox_result::state;

// Limits of batches where there are none would be passed over in silence.
bool has_good_batches(const endpoint_options& o) noexcept {
    constexpr std::chrono::hours longest_delay{24};
    if (o.form != body_form::batch) return o.batch == batch_options();
    return o.batch.max_events != 0 && o.batch.max_bytes != 0 && o.batch.max_delay.count() >= 0 &&
           o.batch.max_delay <= longest_delay;
}

}  // namespace

sender_state::sender_state(net::any_io_executor executor, sender_options options)
    : began_(options.environment.clock->now()),
      wall_began_(options.environment.clock->wall_now()),
      hooks_(std::make_shared<const hooks>(hooks{std::exchange(options.on_attempt, nullptr),
                                                 std::exchange(options.on_endpoint, nullptr)})),
      options_(std::move(options)),
      outbox_(options_.outbox ? options_.outbox : store::make_memory_outbox()),
      schedule_(options_.retry),
      guard_(options_.guard),
      lane_(lane::make(executor, *options_.environment.clock)),
      places_(lane_->make_resident<place_book>(
          lane_, outbox_, [clock = options_.environment.clock] { return clock->wall_now(); },
          options_.log)),
      longest_wait_(schedule_.longest()),
      turns_(options_.max_connections),
      gate_(lane_, *options_.environment.clock, options_.signing, options_.log,
            [this](const auto& ids) { go_on(ids); }),
      operational_(options_.operational),
      circuits_(options_.metrics),
      again_([this] {
          wake_ = io::system_time::max();
          open_endpoints();
          finish();
          claim();
      }),
      drain_deadline_([this] { end(errc::timed_out); }) {
    http_.emplace(http::detail::client_in_lane(lane_, target_client_options(options_, guard_)));
}

error_code sender_state::check_target(const std::string& url) const {
    error_code ec;
    const auto target = http::url::parse(url, ec);
    return ec ? ec : guard_.check_url(target);
}

void sender_state::withdraw(endpoint_target& t) noexcept {
    t.withdraw();
    endpoints_.forget(t);
}

// An order is worth little when one event holds up the others for days.
retry_schedule sender_state::schedule_of(const endpoint_options& o, error_code& ec) const {
    using namespace std::chrono_literals;
    if (!o.retry && o.order == delivery_order::any) return schedule_;
    auto options = o.retry.value_or(options_.retry);
    if (!o.retry) options.delays = {0s, 5s, 30s, 2min, 5min, 10min, 15min, 15min};
    try {
        return retry_schedule(std::move(options));
    } catch (const std::invalid_argument&) {
        ec = errc::invalid_argument;
        return schedule_;
    }
}

std::shared_ptr<endpoint_state> sender_state::add(endpoint_options options, error_code& ec,
                                                  diagnostics* detail) {
    ec = taking_ ? check_target(options.url) : make_error_code(errc::closed);
    if (!ec && !has_good_batches(options)) ec = errc::invalid_argument;
    if (ec) return nullptr;
    auto signs = make_signer(options, ec);
    if (ec) return nullptr;
    std::string what;
    ec = check_endpoint(options, signs.get(), what);
    if (ec && detail != nullptr) *detail = diagnostics(std::move(what));
    if (ec) return nullptr;
    if (options.id.empty()) options.id = options.url;
    options.max_in_flight = std::max<std::size_t>(options.max_in_flight, 1);
    auto schedule = schedule_of(options, ec);
    if (ec) return nullptr;
    auto longest = longest_wait_.load();
    const bool gathers = options.form == body_form::batch;
    const auto wait = schedule.longest() + (gathers ? options.batch.max_delay : wait_none);
    while (longest < wait && !longest_wait_.compare_exchange_weak(longest, wait)) {
    }
    const auto target = std::make_shared<endpoint_target>(std::move(options), std::move(signs),
                                                          std::move(schedule));
    if (!endpoints_.add(target)) ec = errc::webhook_duplicate;
    if (ec) return nullptr;
    auto state = std::make_shared<endpoint_state>(shared_from_this(), target);
    // A durable outbox may hold deliveries for it from before.
    lane_->post([self = shared_from_this(), id = target->id()] {
        self->unopened_.insert(id);
        self->open_endpoints();
    });
    return state;
}

// Lines take turns, so that a long one does not keep the others waiting.
void sender_state::wait_turn(const std::string& id) {
    const auto it = lines_.find(id);
    if (it == lines_.end() || it->second.queue.empty()) return;
    if (it->second.waiting) return;
    turns_.wait(id, group_of(id));
    it->second.waiting = true;
}

void sender_state::run() {
    while (auto turn = turns_.next()) {
        const auto& id = turn->endpoint;
        auto& l = lines_[id];
        l.waiting = false;
        if (l.queue.empty()) continue;  // it was spared since
        const auto t = endpoints_.find(id);
        if (!t) {
            put_back_all(l);  // for when it is added again
            continue;
        }
        if (!t->active()) {
            give_up(l, *t, errc::closed);
            continue;
        }
        const auto most = health_of(*t).max_in_flight();
        if (l.in_flight >= most) continue;  // an answer brings it back
        if (l.queue.front().stored_with() > settled_) {
            storing_.push_back(id);  // the settlement brings it back
            continue;
        }
        if (!sheds_expired(l) && group_of(id) == turn->of) {
            const auto pass = gate_.admit(*t, l.queue, most);
            if (pass == attempt_gate::pass::ask) ask_consent(t, turn->of);
            if (pass != attempt_gate::pass::open) continue;  // it is brought back
            if (health_of(*t).is_probed()) count_state(*t, true);
            send(t, l, turn->of);
        }  // else what it has done since it began to wait has changed its group
        if (l.in_flight < most) wait_turn(id);
    }
}

// They were held up, and are not any more.
void sender_state::go_on(const std::vector<std::string>& ids) {
    if (!running()) return;
    finds_memory([&] {
        for (const auto& id : ids) wait_turn(id);
    });
    end_round();
}

void sender_state::send(const std::shared_ptr<endpoint_target>& t, line& l,
                        connection_turns::group g) {
    const auto what = std::make_shared<const parcel>(std::move(l.queue.front()));
    l.queue.pop_front();
    ++l.in_flight;
    ++in_flight_;
    turns_.begin(g);
    if (finds_memory([&] { ask(t, what, g); })) {
        if (l.more && l.is_short()) claim();
        return;
    }
    --l.in_flight;
    --in_flight_;
    turns_.end(g);
    what->for_each([this](const auto& e) { let_go(e.key); });
}

void sender_state::ask(const std::shared_ptr<endpoint_target>& t, const parcel_ptr& what,
                       connection_turns::group g) {
    http::request r;
    const auto entry = what->is_batch() ? entry_of_batch(*what) : entry_ptr(what, &what->first);
    made_signature made;
    if (t->options().async_signer) made = gate_.take_signature(t->id(), *what);
    const auto ec =
        t->make_request(*entry, options_.environment.clock->wall_now(), std::move(made), r);
    r.idempotent = true;  // by its id
    const auto began = options_.environment.clock->now();
    const auto trace = std::make_shared<attempt_trace>(began, t);
    // Not owned by what is under way: that is owned by the client, which is ours.
    auto on_done = [weak = weak_from_this(), q = asked{t, what, entry, g, trace, began}](
                       error_code failed, const http::response& got) {
        if (const auto self = weak.lock()) self->on_answer(q, failed, got);
    };
    if (ec) return lane_->post([f = std::move(on_done), ec] { f(ec, {.status = 0}); });
    static const auto empty = std::make_shared<const std::string>();
    const auto& body = entry->message->body;
    traces_.add(*trace);
    http::detail::start_request(
        *http_, t->options().url, r,
        {.body = body ? body : empty,
         .trace = trace,
         .tls = t->tls(),
         .unproven = g == connection_turns::group::unproven},
        {lane_->executor(), net::bind_executor(lane_->executor(), std::move(on_done))});
}

void sender_state::end_round() {
    if (!finds_memory([this] { run(); })) claim_later(errc::out_of_memory);
    finish();
    check_drained();
}

// One transaction a round: everything that was settled since the last.
void sender_state::finish() noexcept {
    if (finishing_ || (results_.empty() && changed_.empty())) return;
    finishing_ = true;
    ++settlements_;
    auto results = std::exchange(results_, {});
    if (finds_memory([&] { start_finish(results); })) return;
    finishing_ = false;
    --settlements_;
    results_ = std::move(results);
    wake_at(now() + after_failed_storage);
}

void sender_state::start_finish(std::vector<store::outbox_result>& results) {
    const auto any = [&](settled s) {
        return std::any_of(results.begin(), results.end(),
                           [s](const auto& r) { return r.outcome == s; });
    };
    const bool retries = any(settled::retry) || next_of_order_;
    if (any(settled::dead)) finds_memory([this] { retain(); });
    const auto changed = std::make_shared<std::set<std::string>>(changed_);
    auto health = health_of_changed();
    auto attempts = attempts_;
    auto on_done =
        store_handler([this, results, changed, attempts, retries](error_code ec) mutable {
            if (ec) changed_.merge(*changed);
            if (ec)
                finds_memory(
                    [&] { attempts_.insert(attempts_.begin(), attempts.begin(), attempts.end()); });
            on_finished(ec, std::move(results), retries);
        });
    // Nothing throws from here on.
    next_of_order_ = false;
    changed_.clear();
    attempts_.clear();
    ask_store([&] {
        outbox_->start_finish({.now = now(),
                               .results = std::move(results),
                               .attempts = std::move(attempts),
                               .health = std::move(health)},
                              std::move(on_done));
    });
}

void sender_state::on_finished(error_code ec, std::vector<store::outbox_result> results,
                               bool retries) {
    finishing_ = false;
    if (!running()) return;
    if (failed_.settling.note(ec) && options_.log)
        finds_memory([&] { options_.log({log_level::error, "webhook", "settling failed", ec}); });
    if (ec) {
        const bool kept = finds_memory(
            [&] { results_.insert(results_.begin(), results.begin(), results.end()); });
        if (kept) return wake_at(now() + after_failed_storage);
        drop_unstored();
        for (const auto& r : results) let_go(r.key);
        return;
    }
    settled_ = settlements_;
    for (const auto& r : results)
        if (r.outcome != settled::keep) held_.erase(r.key);
    const bool turned = finds_memory([this] {
        for (const auto& id : std::exchange(storing_, {})) wait_turn(id);
    });
    if (!turned) claim_later(errc::out_of_memory);
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
        if (!finds_memory([&] { self->drained_.push_back(std::move(done)); }))
            done(errc::out_of_memory);
        self->claim();
    });
}

// What is due later stays in the outbox; one in memory loses it.
void sender_state::check_drained() {
    const bool busy = in_flight_ != 0 || gate_.busy() || !turns_.idle() || opening_ ||
                      !unopened_.empty() || appending_ != 0 || claiming_ || claim_lost_ ||
                      finishing_ || !results_.empty();
    if (!drained_.empty() && !busy) end({});
}

void sender_state::end(error_code why) {
    if (!http_) return;
    if (why == errc::timed_out && options_.log)
        finds_memory([&] {
            std::size_t owed = in_flight_;
            for (const auto& [id, l] : lines_) {
                owed += l.loose.size();
                for (const auto& p : l.queue) owed += p.size();
            }
            const auto text = "at least " + std::to_string(owed) + " deliveries are still owed";
            options_.log({log_level::warning, "webhook", text, why});
        });
    http_.reset();
    again_.cancel();
    drain_deadline_.cancel();
    lines_.clear();
    turns_.clear();
    gate_.stop();
    circuits_.clear();
    places_->stop();
    finds_memory([this] { give_back(); });
    release();
    for (auto& done : std::exchange(drained_, {})) finds_memory([&] { done(why); });
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
    std::shared_ptr<const hooks> released;
    {
        const std::lock_guard lock(mutex_);
        ended_ = true;
        released.swap(hooks_);
    }
    endpoints_.end();
}

}  // namespace tidings::webhook::detail
