// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/websub_round.hpp>

#include <string>
#include <utility>

namespace tidings::rest_hook::detail {

namespace {

// At the epoch: another manager's clock, or this one once it was set back, may be behind `now`.
void end(hook_record& h) {
    h.state = hook_state::active;
    h.lease_until = io::system_time();
}

}  // namespace

void grant_wish(hook_record& h, io::system_time now) {
    auto wish = std::exchange(h.websub->wish, {});
    h.question = {};
    h.reason.clear();
    h.updated_at = to_text(now);
    if (wish.mode != websub_mode::subscribe) return end(h);
    if (h.state == hook_state::pending)
        h.websub->since = std::to_string(now.time_since_epoch().count());
    h.state = hook_state::active;
    h.resumed_at = h.updated_at;  // its callback is there: one that was disabled is tried again
    h.topics = {std::move(wish.pattern)};
    h.secret = std::move(wish.secret);
    h.websub->hub = std::move(wish.hub);
    h.websub->function = wish.function;
    h.lease_until = now + wish.lease;
    h.permitted_until = wish.permitted_until;
}

void drop_wish(hook_record& h) {
    h.websub->wish = {};
    h.question = {};
    h.reason.clear();
    if (h.state == hook_state::pending) end(h);
}

http::detail::expiry_time lapse_of(const hook_record& h) {
    const bool renews = h.websub && h.websub->wish.mode == websub_mode::subscribe;
    return renews && h.state != hook_state::pending ? h.ends() : std::nullopt;
}

}  // namespace tidings::rest_hook::detail
