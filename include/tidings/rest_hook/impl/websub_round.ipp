// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/websub_round.hpp>

#include <utility>

namespace tidings::rest_hook::detail {

namespace {

void end(hook_record& h, io::system_time now) {
    h.state = hook_state::active;
    h.lease_until = now;
}

}  // namespace

void grant_wish(hook_record& h, io::system_time now) {
    auto wish = std::exchange(h.websub->wish, {});
    h.question = {};
    h.reason.clear();
    h.updated_at = to_text(now);
    if (wish.mode != websub_mode::subscribe) return end(h, now);
    h.state = hook_state::active;
    h.topics = {std::move(wish.pattern)};
    h.secret = std::move(wish.secret);
    h.lease_until = now + wish.lease;
    h.permitted_until = wish.permitted_until;
}

void drop_wish(hook_record& h, io::system_time now) {
    h.websub->wish = {};
    h.question = {};
    h.reason.clear();
    if (h.state == hook_state::pending) end(h, now);
}

http::detail::expiry_time lapse_of(const hook_record& h) {
    const bool renews = h.websub && h.websub->wish.mode == websub_mode::subscribe;
    return renews && h.state != hook_state::pending ? h.ends() : std::nullopt;
}

}  // namespace tidings::rest_hook::detail
