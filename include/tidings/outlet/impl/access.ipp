// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/guarded.hpp>
#include <tidings/outlet/impl/access.hpp>
#include <tidings/outlet/impl/authenticate.hpp>
#include <tidings/outlet/impl/origin.hpp>
#include <tidings/topic.hpp>

namespace tidings::http::detail {

namespace {

stream_policy with_default(stream_policy p) {
    if (!p.authenticator) p.authenticator = loopback_only();
    return p;
}

}  // namespace

void arm_expiry(wheel_timer& t, tidings::detail::timer_wheel& wheel,
                const expiry_time& when) noexcept {
    t.cancel();
    if (!when) return;
    constexpr std::chrono::milliseconds least(0);
    constexpr std::chrono::milliseconds most = std::chrono::hours(1);
    // A time that never comes, such as `max()`, or is long past must not overflow.
    const auto now = wheel.clock().wall_now();
    auto left = least;
    if (*when > now + most)
        left = most;
    else if (*when > now)
        left = std::chrono::ceil<std::chrono::milliseconds>(*when - now);
    t.arm(wheel, std::clamp(left, least, most));
}

access_state::access_state(stream_policy policy)
    : asks_(policy.authenticator || policy.authorizer),
      policy_(with_default(std::move(policy))),
      questions_(std::make_shared<questions>(policy_.max_pending_auth, policy_.auth_timeout,
                                             policy_.log)) {}

bool access_state::undecided(const error_code& ec) noexcept {
    return ec == condition::retryable || ec == errc::too_many || ec.category() != errc_category();
}

std::shared_ptr<question> access_state::identify(
    const std::shared_ptr<lane>& home, owned_credentials c, const std::string& from, when_full full,
    unique_function<void(error_code, principal)> done) const {
    if (!policy_.authenticator.is_asynchronous()) {
        error_code ec;
        auto who = policy_.authenticator(c.view(), ec);
        done(ec, std::move(who));
        return nullptr;
    }
    auto shared = std::make_shared<unique_function<void(error_code, principal)>>(std::move(done));
    auto q = questions_->ask<principal>(
        home, from, full,
        [ask = policy_.authenticator,
         c = std::move(c)](decision_handler<principal> handler) mutable {
            ask.ask(std::move(c), std::move(handler));
        },
        [shared](error_code ec, principal who) { (*shared)(ec, std::move(who)); });
    if (!q) (*shared)(errc::too_many, {});
    return q;
}

std::shared_ptr<access_state::permit_run> access_state::permit(
    const std::shared_ptr<lane>& home, permissions_wanted wanted,
    unique_function<void(permissions)> done) const {
    permissions found;
    const auto& may = policy_.authorizer;
    if (may && may.is_asynchronous() && !wanted.topics.empty()) {
        auto run =
            std::make_shared<permit_run>(questions_, may, home, std::move(wanted), std::move(done));
        run->step();
        return run;
    }
    for (auto& topic : wanted.topics) {
        const auto p = may ? may(wanted.principal, wanted.action, topic)
                           : permission(!is_library_topic(topic));
        const bool granted = p && !has_expired(p.expires, home->timers().clock());
        if (granted)
            found.expires = earlier(found.expires, p.expires);
        else
            found.denied.push_back(std::move(topic));
        if (!granted && !wanted.all) break;
    }
    done(std::move(found));
    return nullptr;
}

void access_state::permit_run::step() {
    const bool waits = wanted_.full != when_full::refuse;
    const auto& who = wanted_.principal;
    const std::weak_ptr<permit_run> weak = shared_from_this();
    const auto kept = waits ? nullptr : shared_from_this();
    const auto q = questions_->ask<permission>(
        lane_, who.anonymous ? wanted_.from : '=' + who.name, wanted_.full,
        [weak](decision_handler<permission> handler) {
            const auto self = weak.lock();
            if (!self) return;
            self->may_.ask(self->wanted_.principal, self->wanted_.action,
                           self->wanted_.topics[self->next_], std::move(handler));
        },
        [weak, kept](error_code ec, const permission& p) {
            if (const auto self = weak.lock()) self->on_answer(ec, p);
        });
    open_ = q;
    if (waits) waiting_ = q;
    if (q) return;
    found_.error = errc::too_many;
    if (!waits) return end();
    lane_->post([self = shared_from_this()] { self->end(); });
}

void access_state::permit_run::on_answer(error_code ec, const permission& p) {
    if (!ec && next_ + 1 < wanted_.topics.size() && wanted_.full == when_full::refuse &&
        lane_->timers().clock().now() - began_ > questions_->timeout())
        ec = errc::undecided;  // the deadline is that of all of them
    if (ec && undecided(ec)) {
        found_.error = ec;
        return end();
    }
    auto& topic = wanted_.topics[next_++];
    const bool granted = p.granted && !ec && !has_expired(p.expires, lane_->timers().clock());
    if (granted)
        found_.expires = earlier(found_.expires, p.expires);
    else
        found_.denied.push_back(std::move(topic));
    if (next_ == wanted_.topics.size() || (!granted && !wanted_.all)) return end();
    step();
}

void access_state::permit_run::end() {
    if (auto done = std::move(done_)) done(std::move(found_));
}

void access_state::permit_run::refuse_soon(error_code ec) {
    if (const auto q = open_.lock()) q->refuse_soon(ec);
}

void access_state::permit_run::cancel() noexcept {
    done_ = nullptr;
    if (const auto q = open_.lock()) q->cancel();
    waiting_.reset();
}

}  // namespace tidings::http::detail

namespace tidings::http {

using namespace detail;

access::access(stream_policy policy) : state_(std::make_shared<access_state>(std::move(policy))) {}

// Every service's work on a request by its header. False when it is answered, or has moved away:
// `f` is called with it once the authenticator has answered.
bool access::begin(exchange& x, std::string_view methods, admitted f) const {
    if (knows(x)) return true;
    const auto& policy = state_->policy();
    x.answer_fields() = cors_fields(x.request(), policy.allowed_origins);
    x.asked_in_ = state_->rechecks();
    const auto refuse = [&](response r) {
        x.respond(std::move(r));
        return false;
    };
    if (x.request().method == "OPTIONS")
        return refuse(preflight(x.request(), policy.allowed_origins, methods));
    if (!origin_allowed(x.request(), policy.allowed_origins))
        return refuse(problem(403, "Origin not allowed", x.request().fields.get("Origin")));
    if (policy.authenticator.is_asynchronous()) {
        ask_later(x, std::move(f));
        return false;
    }
    principal who;
    if (auto refused = authenticate(x, policy.authenticator, who))
        return refuse(std::move(*refused));
    x.caller(std::move(who));
    return true;
}

// Whether the caller that the header named is one still: its credential may have ended, or been
// revoked, while the body came.
bool access::knows(const exchange& x) const {
    const auto* who = x.caller();
    return who != nullptr && x.asked_in_ == state_->rechecks() &&
           !has_expired(who->expires, *x.environment().clock);
}

void access::ask_later(exchange& x, admitted f) const {
    const auto home = x.lane();
    owned_credentials c(request_credentials(x).view);
    const auto from = asker_of(x);
    const auto held = std::make_shared<exchange>(std::move(x));
    auto done = [held, f = std::move(f), log = state_->policy().log](error_code ec,
                                                                     principal who) mutable {
        if (!ec && has_expired(who.expires, *held->environment().clock)) ec = errc::unauthorized;
        if (ec) return held->respond(refusal_of(*held, ec));
        held->caller(std::move(who));
        // An exchange that is destroyed unanswered answers 500.
        tidings::detail::guarded(log, "access", [&] { f(*held); });
    };
    const auto q = state_->identify(home, std::move(c), from, when_full::refuse, std::move(done));
    if (!q) return;
    held->on_drain([weak = std::weak_ptr(q)] {
        if (const auto here = weak.lock()) here->refuse_soon(errc::shutting_down);
    });
}

bool access::admit(exchange& x, std::string_view methods) const {
    return begin(x, methods, [](exchange& here) { here.proceed(); });
}

void access::handle(exchange& x, std::string_view methods, admitted f) const {
    if (!knows(x) && state_->authenticator().is_asynchronous()) {
        begin(x, methods, std::move(f));
        return;
    }
    if (begin(x, methods, nullptr)) f(x);
}

void access::open(exchange& x, std::string_view methods, opened f) const {
    handle(x, methods, [self = *this, f = std::move(f)](exchange& here) mutable {
        self.read(here, {}, std::move(f));
    });
}

void access::read(exchange& x, std::vector<std::string> patterns, opened f) const {
    stream_request asked;
    asked.patterns = std::move(patterns);
    if (auto refused = read_stream_request(x, state_->policy().max_patterns, asked))
        return x.respond(std::move(*refused));
    note_license(x, asked);
    permissions_wanted wanted{.principal = asked.principal, .topics = asked.patterns};
    permit(x, *state_, std::move(wanted),
           [asked = std::move(asked), f = std::move(f)](exchange& here, expiry_time first) mutable {
               asked.expires = earlier(asked.expires, first);
               f(here, std::move(asked));
           });
}

void access::read_raw(exchange& x, opened f) const {
    stream_request asked;
    if (auto refused = read_stream_caller(x, asked)) return x.respond(std::move(*refused));
    note_license(x, asked);
    f(x, std::move(asked));
}

void access::note_license(const exchange& x, stream_request& asked) const {
    asked.expires = asked.principal.expires;
    if (!state_->asks()) return;
    asked.license = std::make_shared<const stream_license>(stream_license{
        state_, owned_credentials(request_credentials(x).view), asker_of(x), x.asked_in_});
}

void access::begin_recheck() const noexcept {
    state_->begin_recheck();
}

void access::refuse_pending() const {
    state_->refuse_all();
}

}  // namespace tidings::http
