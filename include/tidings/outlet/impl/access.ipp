// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/outlet/impl/access.hpp>

namespace tidings::http {

access::access(access_options options)
    : who_(options.authenticator ? std::move(options.authenticator) : loopback_only()),
      may_(std::move(options.authorizer)),
      questions_(std::make_shared<questions>(options.max_pending, options.timeout)) {}

bool access::undecided(const error_code& ec) noexcept {
    return ec == condition::retryable || ec == errc::too_many || ec.category() != errc_category();
}

std::shared_ptr<question> access::identify(
    const std::shared_ptr<lane>& home, owned_credentials c, questions::when_full full,
    unique_function<void(error_code, principal)> done) const {
    if (!who_.is_asynchronous()) {
        error_code ec;
        auto who = who_(c.view(), ec);
        done(ec, std::move(who));
        return nullptr;
    }
    auto shared = std::make_shared<unique_function<void(error_code, principal)>>(std::move(done));
    auto q = questions_->ask<principal>(
        home, full,
        [ask = who_, c = std::move(c)](decision_handler<principal> handler) mutable {
            ask.ask(std::move(c), std::move(handler));
        },
        [shared](error_code ec, principal who) { (*shared)(ec, std::move(who)); });
    if (!q) (*shared)(errc::too_many, {});
    return q;
}

std::shared_ptr<access::permit_run> access::permit(const std::shared_ptr<lane>& home,
                                                   permissions_wanted wanted,
                                                   unique_function<void(permissions)> done) const {
    permissions found;
    if (may_ && may_.is_asynchronous() && !wanted.topics.empty()) {
        auto run = std::make_shared<permit_run>(questions_, may_, home, std::move(wanted),
                                                std::move(done));
        run->step();
        return run;
    }
    for (auto& topic : wanted.topics) {
        const auto p = may_ ? may_(wanted.principal, wanted.action, topic) : permission(true);
        if (p)
            found.expires = earlier(found.expires, p.expires);
        else
            found.denied.push_back(std::move(topic));
        if (!p && !wanted.all) break;
    }
    done(std::move(found));
    return nullptr;
}

void access::permit_run::step() {
    const bool waits = wanted_.full == questions::when_full::wait;
    const std::weak_ptr<permit_run> weak = shared_from_this();
    const auto kept = waits ? nullptr : shared_from_this();
    const auto q = questions_->ask<permission>(
        lane_, wanted_.full,
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
    end();
}

void access::permit_run::on_answer(error_code ec, const permission& p) {
    if (!ec && next_ + 1 < wanted_.topics.size() && wanted_.full == questions::when_full::refuse &&
        lane_->timers().clock().now() - began_ > questions_->timeout())
        ec = errc::undecided;  // the deadline is that of all of them
    if (ec && undecided(ec)) {
        found_.error = ec;
        return end();
    }
    auto& topic = wanted_.topics[next_++];
    const bool granted = p.granted && !ec;
    if (granted)
        found_.expires = earlier(found_.expires, p.expires);
    else
        found_.denied.push_back(std::move(topic));
    if (next_ == wanted_.topics.size() || (!granted && !wanted_.all)) return end();
    step();
}

void access::permit_run::end() {
    if (auto done = std::move(done_)) done(std::move(found_));
}

void access::permit_run::refuse_soon(error_code ec) {
    if (const auto q = open_.lock()) q->refuse_soon(ec);
}

void access::permit_run::cancel() noexcept {
    done_ = nullptr;
    if (const auto q = open_.lock()) q->cancel();
    waiting_.reset();
}

}  // namespace tidings::http
