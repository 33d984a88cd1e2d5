// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/crypto/impl/hmac.hpp>
#include <tidings/http/impl/message/percent.hpp>
#include <tidings/rest_hook/impl/confirm_api.hpp>
#include <tidings/rest_hook/impl/hook_step.hpp>
#include <tidings/rest_hook/impl/proof_round.hpp>
#include <tidings/webhook/impl/consent_question.hpp>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

namespace {

// The field of an echo, or the query of a callback.
std::string token_of(const http::request& r) {
    if (r.fields.count("x-hook-secret") == 1) return std::string(r.fields.get("x-hook-secret"));
    error_code ec;
    for (auto& [name, value] : http::parse_query(r.query(), ec))
        if (name == "token") return std::move(value);
    return {};
}

}  // namespace

// Whether it agrees to this subscription.
bool confirm_api::read(const http::request& r, const hook_record& h,
                       std::uint32_t& per_minute) const {
    const auto& q = h.question;
    if (h.state != hook_state::pending || q.ended || q.token.empty()) return false;
    if (h.shown_by != proof::echo && h.shown_by != proof::consent) return false;
    if (parts_.options->environment.clock->wall_now() >= q.until) return false;
    if (!equal_in_constant_time(token_of(r), q.token)) return false;
    if (h.shown_by == proof::echo) return true;
    // The callback may say a rate; the origin is the one that was asked for.
    const auto asked = parts_.terms->consent_of(h.id, q.token);
    http::response said{.fields = {{"WebHook-Allowed-Origin", asked.origin}}};
    if (const auto rate = r.fields.find("webhook-allowed-rate"))
        said.fields.set("WebHook-Allowed-Rate", *rate);
    const auto given = webhook::detail::read_consent(asked, said);
    if (given) per_minute = given->per_minute;
    return given.has_value();
}

void confirm_api::serve(http::exchange& x, const std::string& id) const {
    const auto phase = parts_.hooks->now();
    if (phase != hook_list::phase::ready)
        return x.respond(try_again("the subscriptions are not there"));
    const auto v = parts_.hooks->find({.all = true}, id);
    std::uint32_t per_minute = 0;
    if (!v || !read(x.request(), v->record, per_minute)) return x.respond(not_there());
    const auto home = x.lane();
    const auto c = std::make_shared<api_call>(std::move(x), principal(), hook_viewer(),
                                              answer_memory::claim());
    const auto waiting = wait_for_store(c, parts_.options->table_timeout);
    const auto at = parts_.options->environment.clock->wall_now();
    std::make_shared<hook_step>(home, parts_.hooks, parts_.options->log, id,
                                of_question(v->record.question.token,
                                            [at, per_minute](hook_record& h) {
                                                if (h.question.ended || at >= h.question.until)
                                                    return false;
                                                confirm(h, per_minute, at);
                                                return true;
                                            }),
                                [waiting](error_code ec, const hook_record&, std::uint64_t) {
                                    if (!waiting->end()) return;
                                    if (ec) return waiting->call->respond(answer_to(ec));
                                    waiting->call->respond(http::response{.status = 204});
                                })
        ->start();
}

}  // namespace tidings::rest_hook::detail
