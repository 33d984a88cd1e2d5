// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/control_event.hpp>
#include <tidings/impl/finds_memory.hpp>
#include <tidings/impl/matches_any.hpp>
#include <tidings/outlet/impl/live_state.hpp>
#include <tidings/topic.hpp>

#include <algorithm>

namespace tidings::detail {

live_access::live_access(live_state& session) : session_(session) {}

live_access::expiry::expiry(live_access& access) : timer([&access] { access.on_expiry(); }) {}

void live_access::begin(live_start what) {
    watch(what.asked.expires);
    license_ = std::move(what.asked.license);
    if (!license_ || !license_->is_stale()) return session_.go_on(std::move(what));
    start_ = std::make_unique<live_start>(std::move(what));
    recheck([s = session_.self(), this] { go_on(); });
}

void live_access::go_on() noexcept {
    if (!start_ || session_.has_ended()) return;
    const auto what = std::move(start_);
    if (!finds_memory([&] { session_.go_on(std::move(*what)); })) session_.end(errc::out_of_memory);
}

const principal& live_access::caller() const noexcept {
    return rechecked_ ? *rechecked_ : session_.stream().caller();
}

void live_access::stop_watching() noexcept {
    if (expiry_) expiry_->timer.cancel();
}

void live_access::stop() noexcept {
    stop_watching();
    stop_review();
}

void live_access::drop() noexcept {
    drop_review();
    start_.reset();
    license_.reset();
}

http::detail::reviewer::subject live_access::review_subject() {
    std::vector<std::string> patterns;
    if (start_)
        patterns = start_->asked.patterns;
    else if (const auto& feed = session_.feed_)
        patterns = feed->patterns();
    return {session_.self(), session_.stream().home, session_.has_ended() ? nullptr : license_,
            std::move(patterns)};
}

void live_access::apply(http::detail::review found) noexcept {
    if (session_.has_ended()) return;
    if (found.ended) return revoke_all(found.ended);
    const bool kept = finds_memory([&] {
        watch(found.expires);
        if (rechecked_)
            *rechecked_ = std::move(found.principal);  // one of its callers may have asked
        else
            rechecked_ = std::make_unique<tidings::principal>(std::move(found.principal));
        if (!found.lost.empty()) narrow(found.lost);
    });
    if (!kept) revoke_all(errc::out_of_memory);
}

// A frame that has begun cannot be taken back, so it is cut off with its connection.
void live_access::narrow(const std::vector<std::string>& lost) {
    const auto is_lost = [&](std::string_view pattern) {
        return std::find(lost.begin(), lost.end(), pattern) != lost.end();
    };
    if (start_) std::erase_if(start_->asked.patterns, is_lost);
    const auto& feed = session_.feed_;
    if (!feed) return;
    auto left = feed->patterns();
    std::erase_if(left, is_lost);
    feed->narrow(lost);
    const bool clean = session_.queue().discard([&](const publication& e) {
        return matches_any(lost, e.topic()) && !matches_any(left, e.topic());
    });
    if (!clean) session_.end(errc::forbidden);
}

void live_access::revoke_all(error_code why) noexcept {
    if (const auto& feed = session_.feed_) feed->stop();
    const bool told = finds_memory([&] {
        const bool clean =
            session_.queue().discard([](const publication& e) { return !is_control(e.topic()); });
        clean ? session_.finish(why) : session_.end(why);
    });
    if (!told) session_.end(why);
}

void live_access::watch(const http::detail::expiry_time& end) {
    if (!expiry_ && !end) return;
    if (!expiry_) expiry_ = std::make_unique<expiry>(*this);
    expiry_->at = end;
    watch_expiry();
}

void live_access::watch_expiry() noexcept {
    http::detail::arm_expiry(expiry_->timer, session_.lane().timers(),
                             session_.is_open() ? expiry_->at : std::nullopt);
}

void live_access::on_expiry() {
    if (http::detail::has_expired(expiry_->at, session_.lane().timers().clock()))
        return revoke_all(errc::unauthorized);
    watch_expiry();
}

}  // namespace tidings::detail
