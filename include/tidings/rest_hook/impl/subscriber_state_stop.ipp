// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/finds_memory.hpp>
#include <tidings/inlet/impl/reconnector.hpp>
#include <tidings/rest_hook/impl/subscriber_state.hpp>

#include <utility>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

void subscriber_state::stop(std::optional<stop_action> how, stop_handler h) {
    auto done = std::make_shared<stopping>(std::move(h), lane_);
    lane_->post([this, self = shared_from_this(), how, done = std::move(done)] {
        if (life_ == life::closed) return done->complete(errc::closed);
        if (!finds_memory([&] { stopping_.push_back(done); }))
            return done->complete(errc::out_of_memory);
        begin_end(how);
    });
}

void subscriber_state::begin_end(std::optional<stop_action> how) {
    const auto wanted = how.value_or(options_.at_stop);
    if (life_ == life::ending) {
        // The stronger wish counts, unless the weaker one is done with.
        if (wanted == stop_action::unsubscribe && how_ == stop_action::keep) {
            how_ = wanted;
            if (!asked_.open) step([this] { leave(); });
        }
        return;
    }
    const bool nothing = life_ == life::idle && !row_.is_loaded();
    how_ = wanted;
    life_ = life::ending;
    again_->cancel();
    renews_at_.reset();
    if (row_.is_lost()) return finish(errc::store_conflict, true);
    if (!row_.is_loaded()) {
        error_code why;
        if (how_ == stop_action::unsubscribe && !nothing) why = errc::store_failed;
        if (how == stop_action::unsubscribe && nothing) why = errc::not_found;
        return finish(why, true);
    }
    stop_deadline_->arm(lane_->timers(), options_.stop_timeout);
    // A subscription that is being made is waited for: its id is needed to end it.
    if (asked_.open && asked_.step == server_step::subscribe && how_ == stop_action::unsubscribe)
        return;
    asked_.open = false;
    in_a_row_ = 0;
    record().way = {};
    step([this] { leave(); });
}

// Where an earlier stop has failed the door is shut. A secret that is of no use hinders no end.
void subscriber_state::leave() {
    if (how_ == stop_action::unsubscribe) {
        const bool known = server_->may_stand(record());
        if (!known && !in_doubt_) return erase();
        static_cast<void>(open_door());
        return run(known ? server_step::unsubscribe : server_step::find);
    }
    row_.when_idle([this, weak = weak_from_this()] {
        const auto self = weak.lock();
        if (self && life_ == life::ending && how_ == stop_action::keep) finish({}, true);
    });
}

void subscriber_state::act_ending(const server_answer& a, const http::response& r) {
    using kind = server_answer::kind;
    const bool finds = asked_.step == server_step::find;
    if (asked_.step != server_step::unsubscribe && !finds) return leave();
    if (record().way.pages != 0) in_a_row_ = 0;
    if (finds && a.what == kind::next) return leave();
    switch (a.what) {
        case kind::ended:
            return erase();
        case kind::next:
            return run(a.then);
        case kind::pending:  // the hub asks at the callback
            return;
        case kind::again:
            return later(asked_.step, asked_wait(r, *options_.environment.clock), a);
        default:
            return finish(a.error ? a.error : make_error_code(errc::http_status), true);
    }
}

void subscriber_state::erase() {
    again_->cancel();
    row_.erase();
    row_.when_idle([this, weak = weak_from_this()] {
        const auto self = weak.lock();
        if (self && life_ == life::ending) finish({}, false);
    });
}

void subscriber_state::finish(error_code why, bool stands) {
    const auto keep = shared_from_this();
    life_ = life::idle;
    asked_.open = false;
    again_->cancel();
    stop_deadline_->cancel();
    if (why)
        row_.pause();  // so that the stop can be repeated
    else
        row_.stop();
    shut_door(stands);
    for (const auto& each : std::exchange(stopping_, {})) each->complete(why);
    tell({.state = subscriber_client_state::stopped, .error = why});
}

}  // namespace tidings::rest_hook::detail
