// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/inlet/impl/reconnector.hpp>
#include <tidings/rest_hook/impl/subscriber_state.hpp>

#include <algorithm>
#include <utility>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

namespace {

using client_phase = subscriber_client_state;

constexpr unsigned most_in_a_row = 8;           // steps without a pause
constexpr std::chrono::hours longest_look(24);  // a wall clock may be set meanwhile
constexpr std::chrono::hours unsaid_lease(24);  // where a hub gives none
constexpr std::chrono::milliseconds shortest_renewal(1000);

// When so much of the lease is left, or at random up to half as much more.
io::system_time renewal_of(const subscriber_record& r, io::system_time now, double left,
                           std::uint64_t random) {
    constexpr std::uint64_t parts = 1024;
    const auto lease = r.lease.count() != 0 ? std::chrono::duration<double>(r.lease)
                                            : std::chrono::duration<double>(*r.until - now);
    const double more = static_cast<double>(random % parts) / (2 * parts);
    const auto before = lease * left * (1 + more);
    return *r.until - std::chrono::duration_cast<io::system_time::duration>(before);
}

}  // namespace

subscriber_state::subscriber_state(std::shared_ptr<lane> home, std::shared_ptr<subscriber> sink,
                                   subscriber_client_options options)
    : subscriber_base(std::move(home), std::move(sink), std::move(options)),
      backoff_(options_.reconnect) {
    again_.emplace([this] { step([this] { on_due(); }); });
    stop_deadline_.emplace([this] { finish(errc::timed_out, true); });
}

void subscriber_state::start() {
    lane_->post([this, self = shared_from_this()] {
        if (life_ == life::idle) step([this] { begin(); });
    });
}

void subscriber_state::begin() {
    life_ = life::running;
    ++asked_.number;
    asked_.open = false;
    in_a_row_ = 0;
    due_step_.reset();
    renews_at_.reset();
    tried_until_.reset();
    backoff_.reset();
    again_->cancel();
    load();
    tell({.state = client_phase::loading});
}

void subscriber_state::load() {
    const auto weak = weak_from_this();
    row_.load(
        lane_, options_,
        [this, weak](error_code ec, std::string_view why) {
            const auto self = weak.lock();
            if (!self || life_ != life::running) return;
            step([&] {
                if (ec == errc::out_of_memory) throw std::bad_alloc();  // tried again
                if (ec) return give_up(client_phase::failed, ec, std::string(why));
                enter();
            });
        },
        [this, weak] {
            const auto self = weak.lock();
            if (!self) return;
            if (life_ == life::ending) return finish(errc::store_conflict, true);
            give_up(client_phase::failed, errc::store_conflict, "another client uses the row");
        });
}

void subscriber_state::enter() {
    auto& r = record();
    in_doubt_ = row_.is_old() && server_->is_polled();
    const auto callback = options_.public_url + '/' + r.path;
    const bool moved = !r.callback.empty() && r.callback != callback;
    r.callback = callback;
    const bool websub = options_.api_url.empty();
    if (websub && r.topic.empty()) r.topic = options_.topic_url;
    const bool other_hub = !options_.hub_url.empty() && r.hub != options_.hub_url;
    if (other_hub) r.hub = options_.hub_url;
    if (websub && (moved || other_hub)) r.until.reset();
    if (const auto ec = open_door())
        return give_up(client_phase::failed, ec, "the row's secret cannot be used");
    expect(expected_question::kind::subscribe);
    const auto next = server_->first(r, now());
    if (!next) return granted();
    if (stands()) tell({.state = client_phase::active, .until = r.until});
    if (life_ != life::running) return;
    run(moved && *next == server_step::check ? server_step::renew : *next);
}

void subscriber_state::run(server_step s) {
    if (++in_a_row_ > most_in_a_row) {
        in_a_row_ = 0;
        return later(s, {}, {.error = errc::too_many_redirects});
    }
    due_step_ = s;
    if (s == server_step::subscribe) in_doubt_ = true;
    again_->cancel();
    const bool ends = s == server_step::unsubscribe;
    expect(ends ? expected_question::kind::unsubscribe : expected_question::kind::subscribe);
    const auto state = status().state;
    const bool shown = ends || state == client_phase::pending || state == client_phase::active;
    if (!shown || (state == client_phase::active && !ends && !stands()))
        tell({.state = client_phase::subscribing});
    if (life_ == life::running || life_ == life::ending) send(s);
}

void subscriber_state::on_answer(const server_answer& a, const http::response& r) {
    due_step_ = asked_.step;
    const bool refused = a.what == server_answer::kind::refused && r.status >= 400;
    if (asked_.step == server_step::subscribe && refused) in_doubt_ = false;
    if (life_ == life::ending) return act_ending(a, r);
    if (life_ == life::running) act(a, r);
}

void subscriber_state::act(const server_answer& a, const http::response& r) {
    using kind = server_answer::kind;
    // What the server has verified it has taken, whatever became of its answer.
    if (asked_.confirmed && a.what != kind::next) return granted();
    switch (a.what) {
        case kind::next:
            if (record().way.pages != 0) in_a_row_ = 0;  // which are counted themselves
            return run(a.then);
        case kind::active:
            return granted();
        case kind::pending:
            return wait_for_proof();
        case kind::again:
            return later(asked_.step, asked_wait(r, *options_.environment.clock), a);
        case kind::gone:
            record().id.clear();
            record().until.reset();
            record().pending = false;
            return run(server_step::subscribe);
        case kind::unwanted:
            if (asked_.step != server_step::revive) return run(server_step::revive);
            return give_up(client_phase::denied, a.error, a.reason);
        case kind::refused:
        case kind::ended:
            if (stands()) return later(asked_.step, {}, a);
            if (const auto other = server_->after_failure(asked_.step, record(), now());
                other != asked_.step && !record().just_found)
                return run(other);
            return give_up(client_phase::failed, a.error, a.reason);
    }
}

// What the server has asked for, or said, at the callback.
void subscriber_state::on_heard(const webhook::websub_intent& asked) {
    if (life_ == life::ending && asked.mode == "unsubscribe") {
        asked_.open = false;
        return erase();
    }
    if (life_ != life::running) return;
    if (asked.mode == "denied") {
        asked_.open = false;
        record().until.reset();
        row_.save();
        return give_up(client_phase::denied, errc::forbidden, reason_of(asked.reason));
    }
    if (asked.mode == "subscribe") on_verified(asked);
}

// An API does not say what it makes of it: it is asked soon.
void subscriber_state::on_verified(const webhook::websub_intent& asked) {
    if (server_->is_polled()) {
        if (asked_.open || !record().pending) return;
        backoff_.reset();
        return again_->arm(lane_->timers(), options_.reconnect.initial);
    }
    const std::chrono::seconds unsaid =
        options_.lease.count() != 0 ? options_.lease : std::chrono::seconds(unsaid_lease);
    record().lease = std::min(asked.lease.value_or(unsaid), longest_granted);
    record().until = now() + record().lease;
    asked_.confirmed = true;
    if (!asked_.open) granted();
}

void subscriber_state::note_answered() {
    if (failing_) log("the server answers again", {}, log_level::info);
    failing_ = {};
}

void subscriber_state::granted() {
    in_a_row_ = 0;
    note_answered();
    if (const auto ec = open_door()) return give_up(client_phase::failed, ec, {});
    expect(expected_question::kind::subscribe);
    record().pending = false;
    record().just_found = false;
    row_.save();
    arm_renewal();
    tell({.state = client_phase::active, .until = record().until});
}

// A hub asks at the callback; an API is asked whether it is content.
void subscriber_state::wait_for_proof() {
    in_a_row_ = 0;
    note_answered();
    renews_at_.reset();
    if (const auto ec = open_door()) return give_up(client_phase::failed, ec, {});
    expect(expected_question::kind::subscribe);
    const bool polled = server_->is_polled();
    record().pending = polled;
    row_.save();
    due_step_ = polled ? server_step::check : server_step::subscribe;
    again_->arm(lane_->timers(), polled ? backoff_.next(drawn()) : options_.verification_timeout);
    if (polled || !stands()) tell({.state = client_phase::pending, .until = record().until});
}

void subscriber_state::arm_renewal() {
    renews_at_.reset();
    const auto until = record().until;
    const bool in_vain = until && (*until <= now() || until == tried_until_);
    if (!in_vain) backoff_.reset();
    if (!until) return again_->cancel();
    due_step_ = server_->renewal();
    renews_at_ =
        in_vain ? next_try(*until) : renewal_of(record(), now(), options_.renew_before, drawn());
    watch_renewal();
}

// A renewal that was in vain is repeated with a quarter less to go, and once more behind the end.
io::system_time subscriber_state::next_try(io::system_time until) {
    const auto begin = now();
    const io::system_time waited = begin + backoff_.next(drawn());
    if (until <= begin) return waited;
    return std::min(std::max(waited, begin + (until - begin) / 4), until + shortest_renewal);
}

// The wall clock may be set while the timer runs.
void subscriber_state::watch_renewal() {
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(*renews_at_ - now());
    again_->arm(lane_->timers(),
                std::clamp<std::chrono::milliseconds>(wait, shortest_renewal, longest_look));
}

void subscriber_state::later(server_step s, std::chrono::milliseconds asked,
                             const server_answer& why) {
    auto state = stands() ? client_phase::active : client_phase::subscribing;
    if (record().pending) state = client_phase::pending;
    if (!options_.reconnect.enabled && state != client_phase::active && life_ == life::running)
        return give_up(client_phase::failed, why.error, why.reason);
    due_step_ = server_->after_failure(s, record(), now());
    record().way = {};
    renews_at_.reset();
    again_->arm(lane_->timers(), backoff_.next(drawn(), asked));
    in_a_row_ = 0;
    if (why.error != failing_)
        log("the server is asked again: " + (why.reason.empty() ? why.error.message() : why.reason),
            why.error);
    failing_ = why.error;
    if (life_ == life::running)
        tell({.state = state, .until = record().until, .error = why.error, .reason = why.reason});
}

void subscriber_state::on_due() {
    if (life_ != life::running && life_ != life::ending) return;
    if (life_ == life::running && !due_step_) {  // memory was missing
        if (row_.is_loaded()) return enter();
        return load();
    }
    if (asked_.open) return;
    if (renews_at_ && now() < *renews_at_) return watch_renewal();
    const bool renews = std::exchange(renews_at_, std::nullopt).has_value();
    if (life_ == life::ending) return leave();
    run(renews ? renewal() : *due_step_);
}

// What has not moved the end before does not do so behind it.
server_step subscriber_state::renewal() {
    const auto until = record().until;
    const bool anew = until && *until <= now() && until == tried_until_;
    tried_until_ = until;
    return anew ? server_step::subscribe : server_->renewal();
}

void subscriber_state::give_up(client_phase s, error_code why, std::string reason) {
    if (life_ != life::running) return;
    life_ = life::idle;
    asked_.open = false;
    again_->cancel();
    door().expect({});
    log("the subscription has ended: " + (reason.empty() ? why.message() : reason), why);
    tell({.state = s, .error = why, .reason = std::move(reason)});
}

}  // namespace tidings::rest_hook::detail
