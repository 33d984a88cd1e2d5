// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/guarded.hpp>
#include <tidings/outlet/impl/reviewer.hpp>

namespace tidings::http::detail {

void reviewer::recheck(unique_function<void()> done) {
    waiting_.push_back(std::move(done));
    if (stage_ != stage::idle) {
        stage_ = stage::asking_again;
        return;
    }
    ask();
}

void reviewer::ask() {
    stage_ = stage::asking;
    const auto s = review_subject();
    if (!s.license) return stop_review();
    attempt(s.license->access->policy().log, [&] {
        question_ = s.license->access->identify(s.home, s.license->credentials, s.license->from,
                                                when_full::wait_in_turn,
                                                [this, s](error_code ec, const principal& who) {
                                                    if (const auto alive = s.owner.lock())
                                                        on_identity(s, ec, who);
                                                });
    });
}

// A function of the user's that throws has answered nothing.
template <class F>
void reviewer::attempt(const log_sink& log, F f) {
    if (!tidings::detail::guarded(log, "access", f) && stage_ != stage::idle)
        finish({.ended = errc::undecided});
}

void reviewer::on_identity(const subject& s, error_code ec, const principal& who) {
    if (stage_ == stage::idle) return;
    if (!ec && has_expired(who.expires, s.home->timers().clock())) ec = errc::unauthorized;
    if (ec) return finish({.ended = ec});
    attempt(s.license->access->policy().log, [&] {
        permissions_ = s.license->access->permit(
            s.home,
            {.principal = who,
             .topics = s.patterns,
             .all = true,
             .full = when_full::wait_in_turn,
             .from = s.license->from},
            [this, owner = s.owner, asked = s.patterns.size(), who](permissions p) {
                if (const auto alive = owner.lock()) on_permissions(asked, who, std::move(p));
            });
    });
}

void reviewer::on_permissions(std::size_t asked, const principal& who, permissions p) {
    if (stage_ == stage::idle) return;
    if (p.error) return finish({.ended = p.error});
    if (asked != 0 && p.denied.size() == asked) return finish({.ended = errc::forbidden});
    finish({.lost = std::move(p.denied),
            .expires = earlier(who.expires, p.expires),
            .principal = who});
}

void reviewer::finish(review found) {
    const bool again = stage_ == stage::asking_again && !found.ended;
    apply(std::move(found));
    if (stage_ == stage::idle) return;  // ended by that
    if (again) return ask();
    stop_review();
}

// What is called may ask again.
void reviewer::stop_review() noexcept {
    stage_ = stage::idle;
    if (const auto q = std::exchange(question_, nullptr)) q->cancel();
    if (const auto p = std::exchange(permissions_, nullptr)) p->cancel();
    for (auto& done : std::exchange(waiting_, {})) done();
}

void reviewer::drop_review() noexcept {
    stage_ = stage::idle;
    const auto q = std::exchange(question_, nullptr);
    const auto p = std::exchange(permissions_, nullptr);
    const auto w = std::exchange(waiting_, {});
}

}  // namespace tidings::http::detail
