// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/guarded.hpp>
#include <tidings/lane/impl/lane_handler.hpp>
#include <tidings/rest_hook/impl/hook_editor.hpp>
#include <tidings/rest_hook/impl/hook_step.hpp>

// How a request pauses, resumes and ends a subscription.

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

void hook_editor::set_state(const call_ptr& c, std::string id, hook_state state) {
    if (auto no = read_nothing(c->exchange.request(), parts_.options->max_body_bytes))
        return c->respond(std::move(*no));
    const auto object = R"({"state":")" + std::string(spell(state)) + "\"}";
    run(make_edit(c, std::move(id), [this, object](const hook_view& before, auto& h) {
        return read_hook(object, reading_of(reading::kind::merge, &before), h);
    }));
}

void hook_editor::remove(const call_ptr& c, const std::string& id) {
    const auto before = parts_.hooks->find(c->viewer, id);
    if (!before) return c->respond(not_there());
    const auto if_match = c->exchange.request().fields.joined("if-match");
    if (!if_match.empty() && !tag_matches(if_match, before->revision))
        return c->respond(changed_meanwhile());
    const auto& hub = before->record.websub;
    if (hub && hub->wish.mode != websub_mode::denied) return deny(c, id);
    const auto lane = c->exchange.lane();
    const auto waiting = wait_for_store(c, parts_.options->table_timeout);
    auto on_done =
        lane_handler<>(lane, errc::store_failed,
                       [hooks = parts_.hooks, waiting, id, was = before->revision](error_code ec) {
                           waiting->end();
                           const bool gone = !ec || ec == errc::not_found;
                           if (gone) hooks->drop(id, was);
                           if (ec == errc::store_conflict)
                               return waiting->call->respond(changed_meanwhile());
                           if (!gone) return waiting->call->respond(try_again(ec.message()));
                           waiting->call->respond(ec ? not_there() : http::response{.status = 204});
                       });
    const auto revision = if_match.empty() ? 0 : before->revision;
    guarded(parts_.options->log, "rest_hook",
            [&] { parts_.hooks->table().start_erase(id, revision, std::move(on_done)); });
}

void hook_editor::deny(const call_ptr& c, const std::string& id) {
    const auto home = c->exchange.lane();
    const auto waiting = wait_for_store(c, parts_.options->table_timeout);
    const auto other_revision = std::make_shared<bool>(false);
    auto change = [self = shared_from_this(), other_revision,
                   if_match = c->exchange.request().fields.joined("if-match")](
                      std::uint64_t revision, hook_record& h) -> error_code {
        if (revision == 0) return errc::not_found;
        *other_revision = !if_match.empty() && !tag_matches(if_match, revision);
        if (*other_revision) return errc::store_conflict;
        self->round().deny(h, "the subscription was ended");
        return {};
    };
    auto on_done = [asker = parts_.asker, waiting, other_revision](
                       error_code ec, const hook_record& h, std::uint64_t revision) {
        if (!ec) finds_memory([&] { asker->ask_now(h, revision); });
        if (!waiting->end()) return;
        if (ec == errc::store_conflict)
            return waiting->call->respond(*other_revision ? changed_meanwhile()
                                                          : changed_all_the_time());
        waiting->call->respond(ec ? answer_to(ec) : http::response{.status = 204});
    };
    std::make_shared<hook_step>(home, parts_.hooks, parts_.options->log, id, std::move(change),
                                std::move(on_done))
        ->start();
}

}  // namespace tidings::rest_hook::detail
