// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/hook_wishes.hpp>
#include <tidings/rest_hook/impl/proof_round.hpp>
#include <tidings/rest_hook/impl/websub_round.hpp>
#include <tidings/text/impl/hex.hpp>

#include <span>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

namespace {

std::string make_token(io::random& random) {
    std::string bytes(32, '\0');
    random.fill(std::as_writable_bytes(std::span(bytes.data(), bytes.size())));
    return hex_encode(bytes);
}

std::string list_of_names(const std::vector<proof>& all) {
    std::string list;
    for (const auto p : all) list += (list.empty() ? "" : ", ") + in_quotes(spell(p));
    return list;
}

}  // namespace

// What the owner has asked for has to be enough; what it has not is the usual.
refusal proof_round::choose(const hook_record* before, hook_record& h) const {
    const auto& taken = terms.taken(h.owner, h.target_url);
    const bool kept = before != nullptr && h.shown_by == before->shown_by;
    if (!h.shown_by || (kept && !terms.permits(taken, *h.shown_by))) h.shown_by = taken.front();
    if (terms.permits(taken, *h.shown_by)) return std::nullopt;
    return refused("proof", "this target has to show one of " + list_of_names(taken));
}

void proof_round::begin(hook_record& h, hook_state then) const {
    h.state = hook_state::pending;
    h.reason.clear();
    h.per_minute = 0;
    open(h, then, terms.options().within);
}

void proof_round::open(hook_record& h, hook_state then, std::chrono::seconds within) const {
    h.question = {.token = make_token(random), .then = then, .asked = 1};
    h.question.until = now + within;
    h.question.next = terms.next_after(h.question, now);
}

void proof_round::deny(hook_record& h, std::string reason) const {
    h.state = hook_state::pending;
    h.websub->wish = {
        .mode = websub_mode::denied, .pattern = h.topics.front(), .reason = std::move(reason)};
    open(h, hook_state::active, terms.options().within);
}

refusal proof_round::settle(const hook_record* before, hook_record& h, bool& asks) const {
    asks = false;
    const bool waited = before != nullptr && before->state == hook_state::pending;
    if (!h.shown_by && before != nullptr && before->shown_by)
        h.shown_by = terms.taken(h.owner, h.target_url).front();
    const bool same =
        before != nullptr && before->target_url == h.target_url && before->shown_by == h.shown_by;
    if (same && !waited) return std::nullopt;  // it has shown that already
    const bool said = h.state != hook_state::pending;
    auto then = said || !waited ? h.state : before->question.then;
    if (!is_of_owner(then)) then = hook_state::active;
    const bool again = waited && before->question.ended && said && then == hook_state::active;
    if (same && !again) {
        h.state = hook_state::pending;
        h.reason = before->reason;
        h.question.then = then;
        return std::nullopt;
    }
    if (auto no = choose(before, h)) return no;
    if (*h.shown_by != proof::none) {
        begin(h, then);
        asks = true;
        return std::nullopt;
    }
    h.per_minute = 0;
    h.question = {};
    if (waited) h.state = then;
    return std::nullopt;
}

void confirm(hook_record& h, std::uint32_t per_minute, io::system_time now) {
    if (h.websub) return grant_wish(h, now);
    h.state = h.question.then;
    h.question = {};
    h.reason.clear();
    h.per_minute = per_minute;
    h.updated_at = to_text(now);
}

bool end_question(hook_record& h, const std::string& why) {
    if (h.question.ended) return false;
    if (h.websub) return drop_wish(h), true;
    h.question.ended = true;
    if (!why.empty()) h.reason = why;
    return true;
}

}  // namespace tidings::rest_hook::detail
