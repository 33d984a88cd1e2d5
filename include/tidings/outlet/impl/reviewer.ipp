// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/finds_memory.hpp>
#include <tidings/impl/guarded.hpp>
#include <tidings/outlet/impl/reviewer.hpp>

namespace tidings::http::detail {

void reviewer::recheck(unique_function<void()> done) {
    if (review_) {
        review_->waiting.push_back(std::move(done));
        review_->again = true;
        return;
    }
    auto begun = std::make_unique<asking>();
    begun->waiting.push_back(std::move(done));
    review_ = std::move(begun);
    ask();
}

void reviewer::ask() noexcept {
    review_->again = false;
    subject s;
    if (!tidings::detail::finds_memory([&] { s = review_subject(); }))
        return finish({.ended = errc::out_of_memory});
    if (!s.license) return stop_review();
    attempt(s.license->access->policy().log, [&] {
        auto asked = s.license->access->identify(s.home, s.license->credentials, s.license->from,
                                                 when_full::wait_in_turn,
                                                 [this, s](error_code ec, const principal& who) {
                                                     if (const auto alive = s.owner.lock())
                                                         on_identity(s, ec, who);
                                                 });
        if (review_) review_->question = std::move(asked);
    });
}

// A function of the user's that throws has answered nothing.
template <class F>
void reviewer::attempt(const log_sink& log, F f) {
    if (!tidings::detail::guarded(log, "access", f) && review_) finish({.ended = errc::undecided});
}

void reviewer::on_identity(const subject& s, error_code ec, const principal& who) {
    if (!review_) return;
    if (!ec && has_expired(who.expires, s.home->timers().clock())) ec = errc::unauthorized;
    if (ec) return finish({.ended = ec});
    attempt(s.license->access->policy().log, [&] {
        auto asked = s.license->access->permit(
            s.home,
            {.principal = who,
             .topics = s.patterns,
             .all = true,
             .full = when_full::wait_in_turn,
             .from = s.license->from},
            [this, owner = s.owner, asked = s.patterns.size(), who](permissions p) {
                if (const auto alive = owner.lock()) on_permissions(asked, who, std::move(p));
            });
        if (review_) review_->permissions = std::move(asked);
    });
}

void reviewer::on_permissions(std::size_t asked, const principal& who, permissions p) {
    if (!review_) return;
    if (p.error) return finish({.ended = p.error});
    if (asked != 0 && p.denied.size() == asked) return finish({.ended = errc::forbidden});
    review found{.lost = std::move(p.denied), .expires = earlier(who.expires, p.expires)};
    if (!tidings::detail::finds_memory([&] { found.principal = who; }))
        found.ended = errc::out_of_memory;
    finish(std::move(found));
}

void reviewer::finish(review found) noexcept {
    const bool again = review_->again && !found.ended;
    apply(std::move(found));
    if (!review_) return;  // ended by that
    if (again) return ask();
    stop_review();
}

// What is called may ask again.
void reviewer::stop_review() noexcept {
    const auto ended = std::exchange(review_, nullptr);
    if (!ended) return;
    if (const auto& q = ended->question) q->cancel();
    if (const auto& p = ended->permissions) p->cancel();
    for (auto& done : ended->waiting) done();
}

void reviewer::drop_review() noexcept {
    const auto dropped = std::exchange(review_, nullptr);
}

}  // namespace tidings::http::detail
