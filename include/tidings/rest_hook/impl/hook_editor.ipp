// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/url.hpp>
#include <tidings/impl/finds_memory.hpp>
#include <tidings/impl/guarded.hpp>
#include <tidings/lane/impl/lane_handler.hpp>
#include <tidings/outlet/impl/authenticate.hpp>
#include <tidings/rest_hook/impl/end_announcer.hpp>
#include <tidings/rest_hook/impl/hook_editor.hpp>
#include <tidings/rest_hook/impl/hook_rotation.hpp>
#include <tidings/text/impl/hex.hpp>
#include <tidings/text/impl/json_text.hpp>
#include <tidings/webhook/make_secret.hpp>
#include <tidings/webhook/secret.hpp>

#include <algorithm>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

namespace {

constexpr int most_tries = 5;
constexpr std::size_t most_retired = 10;

http::response too_many(const std::string& detail) {
    return http::problem(429, "Too many subscriptions", detail);
}

// Of patterns that match an event the first brings it: those that stand go on as they were, also
// after a restart.
void keep_order(const std::vector<std::string>& before, std::vector<std::string>& topics) {
    const auto rank = [&](const std::string& t) {
        return std::find(before.begin(), before.end(), t) - before.begin();
    };
    std::stable_sort(topics.begin(), topics.end(),
                     [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
}

http::response same_exists(const std::string& id) {
    return http::problem(409, "Subscribed already", "the target has the same subscription, " + id);
}

// Rises with time, so that the order of ids is that of age.
std::string make_id(io::system_time at, io::random& random) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(at.time_since_epoch());
    auto time = static_cast<std::uint64_t>(ms.count());
    std::string bytes(14, '\0');
    random.fill(std::as_writable_bytes(std::span(bytes.data(), bytes.size())));
    for (std::size_t i = 6; i-- > 0; time >>= 8) bytes[i] = static_cast<char>(time & 0xff);
    return "hook_" + hex_encode(bytes);
}

}  // namespace

reading hook_editor::reading_of(reading::kind kind, const hook_view* before) const {
    const auto& o = *parts_.options;
    return {kind,        now(),  before,     o.default_lease,
            o.max_lease, o.form, o.max_rate, parts_.types.get()};
}

proof_round hook_editor::round() const {
    return {*parts_.terms, now(), *parts_.options->environment.random};
}

refusal hook_editor::check_phase() const {
    const auto phase = parts_.hooks->now();
    if (phase == hook_list::phase::ready) return std::nullopt;
    return try_again(phase == hook_list::phase::loading ? "the subscriptions are being loaded"
                                                        : make_error_code(errc::closed).message());
}

refusal hook_editor::check_target(const std::string& url) const {
    error_code ec;
    if (!http::url::parse(url, ec).user_info.empty())
        return problem_of("target_url", 422, bad_target_title,
                          "it has credentials before its host: they go into \"headers\", as "
                          "Authorization");
    ec = parts_.sender->check_target(url);
    if (!ec) return std::nullopt;
    return problem_of(
        "target_url", 422, bad_target_title,
        make_error_code(errc::hook_bad_target).message() + ": " +
            (ec == errc::address_refused ? "its port or address is not one that may be called"
                                         : ec.message()));
}

void hook_editor::create(const call_ptr& c) {
    hook_record h;
    std::string object;
    if (auto no = read_body(c->exchange.request(), parts_.options->max_body_bytes, object))
        return c->respond(std::move(*no));
    if (auto no = read_hook(object, reading_of(reading::kind::create, nullptr), h))
        return c->respond(std::move(*no));
    if (auto no = check_target(h.target_url)) return c->respond(std::move(*no));
    auto topics = h.topics;
    http::permit(c->exchange, parts_.access.state(),
                 {.principal = c->caller, .topics = std::move(topics)},
                 [self = shared_from_this(), c, h](http::exchange& here,
                                                   const http::detail::expiry_time& until) mutable {
                     if (&here != &c->exchange) c->exchange = std::move(here);
                     h.permitted_until = until;
                     self->create_granted(c, std::move(h));
                 });
}

void hook_editor::create_granted(const call_ptr& c, hook_record h) {
    if (auto no = check_phase()) return c->respond(std::move(*no));
    h.id = make_id(now(), *parts_.options->environment.random);
    h.created_at = to_text(now());
    h.owner = c->viewer.owner;
    const bool made = h.secret.empty();
    if (made) h.secret = webhook::make_secret(*parts_.options->environment.random);
    note_end(h, std::nullopt, now(), parts_.options->expiring_lead);
    bool asks = false;
    if (auto no = round().settle(nullptr, h, asks)) return c->respond(std::move(*no));
    auto value = to_row_value(h);
    if (auto no = refusal_of(parts_.hooks->reserve(h))) return c->respond(std::move(*no));
    refusal no;
    const bool known = finds_memory([&] { no = check_pace(h.owner); });
    if (!known || no) parts_.hooks->drop(h.id, 0);
    if (!known) no = try_again(make_error_code(errc::out_of_memory).message());
    if (no) return c->respond(std::move(*no));

    const auto lane = c->exchange.lane();
    // After a timeout the reservation is dropped, so that the client can repeat the request.
    const auto waiting = wait_for_store(c, parts_.options->table_timeout,
                                        [weak = std::weak_ptr(parts_.hooks), id = h.id] {
                                            if (const auto hooks = weak.lock()) hooks->drop(id);
                                        });
    auto on_done = lane_handler<std::uint64_t>(
        lane, errc::store_failed,
        [self = shared_from_this(), waiting, h, made](error_code ec, std::uint64_t revision) {
            waiting->end();
            self->on_created(waiting->call, h, made, ec, revision);
        });
    guarded(parts_.options->log, "rest_hook", [&] {
        parts_.hooks->table().start_put(h.id, std::move(value), 0, std::move(on_done));
    });
}

refusal hook_editor::refusal_of(const hook_list::reservation& r) const {
    using result = hook_list::reservation::result;
    const auto& o = *parts_.options;
    switch (r.what) {
        case result::made:
            return std::nullopt;
        case result::same_exists:
            return same_exists(r.existing);
        case result::closed:
            return try_again(make_error_code(errc::closed).message());
        case result::list_full:
            return too_many("no more are taken");
        case result::owner_holds_much:
            return too_many("yours may hold at most " + std::to_string(o.max_bytes_per_principal) +
                            " bytes; delete some, or make them shorter");
        case result::owner_full:
            break;
    }
    return too_many("at most " + std::to_string(o.max_hooks_per_principal) +
                    " of yours are taken; delete some");
}

refusal hook_editor::check_pace(const std::string& owner) const {
    const auto wait = parts_.creations->take(owner, parts_.options->environment.clock->now());
    if (wait.count() == 0) return std::nullopt;
    auto no = too_many("at most " + std::to_string(parts_.options->max_creates_per_minute) +
                       " are made in a minute");
    no.fields.set("Retry-After",
                  std::to_string(std::chrono::ceil<std::chrono::seconds>(wait).count()));
    return no;
}

void hook_editor::on_created(const call_ptr& c, const hook_record& h, bool shows_secret,
                             error_code ec, std::uint64_t revision) {
    auto& hooks = *parts_.hooks;
    // Answered 503 already: the client repeats the request, and will not know of this one.
    if (!c->exchange && ec != errc::store_conflict) return hooks.erase_later(h.id);
    if (ec) {
        hooks.drop(h.id);
        const auto& log = parts_.options->log;
        if (log && hooks.now() != hook_list::phase::closed)
            log({log_level::error, "rest_hook", "a subscription could not be stored", ec});
        // The answer may be all that was lost: the client repeats the request, and will not know of
        // this one.
        if (ec != errc::store_conflict) hooks.erase_later(h.id);
        return c->respond(ec == errc::store_conflict ? http::problem(409, "Conflict", ec.message())
                                                     : try_again(ec.message()));
    }
    ec = hooks.serve(h, revision);
    if (!ec && h.state == hook_state::pending) parts_.asker->ask_now(h, revision);
    if (ec) {
        hooks.erase_later(h.id);
        return c->respond(try_again("subscribing failed: " + ec.message()));
    }
    const auto erase = [weak = std::weak_ptr(parts_.hooks), id = h.id] {
        if (const auto list = weak.lock()) list->erase_later(id);
    };
    once_placed(c, h.id, erase,
                [self = shared_from_this(), c, h, shows_secret, revision, erase](bool placed) {
                    if (placed) return self->answer_created(c, h, shows_secret, revision);
                    erase();
                    c->respond(try_again("where it begins could not be stored"));
                });
}

void hook_editor::answer_created(const call_ptr& c, const hook_record& h, bool shows_secret,
                                 std::uint64_t revision) const {
    const auto v = parts_.hooks->find(c->viewer, h.id);
    auto answer = json_answer(201, to_json(v.value_or(hook_view{h, revision, {}, nullptr}),
                                           parts_.options->form, shows_secret));
    answer.fields.set("Location", c->collection + '/' + h.id);
    answer.fields.set("ETag", tag_of(revision));
    c->respond(std::move(answer));
}

hook_editor::edit_ptr hook_editor::make_edit(const call_ptr& c, std::string id,
                                             edit::function apply) const {
    auto e = std::make_shared<edit>();
    e->call = c;
    e->id = std::move(id);
    e->if_match = c->exchange.request().fields.joined("if-match");
    e->apply = std::move(apply);
    return e;
}

void hook_editor::change(const call_ptr& c, std::string id, reading::kind kind) {
    std::string object;
    if (auto no = read_body(c->exchange.request(), parts_.options->max_body_bytes, object))
        return c->respond(std::move(*no));
    const auto e =
        make_edit(c, std::move(id), [this, object, kind](const hook_view& before, auto& h) {
            auto no = read_hook(object, reading_of(kind, &before), h);
            return no || h.target_url == before.record.target_url ? no : check_target(h.target_url);
        });
    e->asks = kind == reading::kind::replace;
    run(e);
}

void hook_editor::rotate(const call_ptr& c, std::string id) {
    std::string object;
    rotation r{.overlap = std::min(parts_.options->secret_overlap, rotation::longest_overlap)};
    if (auto no = read_body(c->exchange.request(), parts_.options->max_body_bytes, object))
        return c->respond(std::move(*no));
    if (auto no = read_rotation(object, r)) return c->respond(std::move(*no));
    const bool made = r.secret.empty();
    if (made) r.secret = webhook::make_secret(*parts_.options->environment.random);
    const auto e = make_edit(c, std::move(id), [this, r](const hook_view&, auto& h) -> refusal {
        if (h.secret == r.secret)
            return problem_of("secret", 422, bad_secret_title, "it is the present one");
        std::erase_if(h.retired, [&](const auto& s) { return s.until <= now(); });
        if (h.retired.size() >= most_retired)
            return http::problem(
                409, "Too many secrets",
                std::to_string(most_retired) + " secrets before this one are still in use");
        if (r.overlap.count() != 0) h.retired.push_back({h.secret, now() + r.overlap});
        h.secret = r.secret;
        return std::nullopt;
    });
    e->shows_secret = made;
    run(e);
}

void hook_editor::run(const edit_ptr& e) {
    const auto& c = e->call;
    if (auto no = check_phase()) return c->respond(std::move(*no));
    const auto before = parts_.hooks->find(c->viewer, e->id);
    if (!before) return c->respond(not_there());
    if (!e->if_match.empty() && !tag_matches(e->if_match, before->revision))
        return c->respond(changed_meanwhile());
    auto h = before->record;
    if (h.websub) return c->respond(of_a_hub());
    if (auto no = e->apply(*before, h)) return c->respond(std::move(*no));
    keep_order(before->record.topics, h.topics);
    bool begins = false;
    if (auto no = round().settle(&before->record, h, begins)) return c->respond(std::move(*no));
    e->question = begins ? h.question.token : std::string();
    const bool asks = e->asks || h.topics != before->record.topics;
    if (asks && e->permitted != h.topics) return ask(e, h.topics);
    if (asks) h.permitted_until = e->permitted_until;
    const bool keeps = before->endpoint && before->endpoint->keeps_place();
    if (keeps && h.filters != before->record.filters && !e->is_placed)
        return store_places(e, before->endpoint);
    auto reserved = parts_.hooks->reserve_change(before->record, h);
    if (auto no = refusal_of(reserved)) return c->respond(std::move(*no));
    e->reserved = std::move(reserved.held);
    note_end(h, before->record.ends(), now(), parts_.options->expiring_lead);
    h.updated_at = to_text(now());
    write(e, *before, std::move(h));
}

void hook_editor::ask(const edit_ptr& e, std::vector<std::string> topics) {
    const auto& c = e->call;
    e->permitted = topics;
    http::permit(c->exchange, parts_.access.state(),
                 {.principal = c->caller, .topics = std::move(topics)},
                 [self = shared_from_this(), e](http::exchange& here,
                                                const http::detail::expiry_time& until) {
                     if (&here != &e->call->exchange) e->call->exchange = std::move(here);
                     e->permitted_until = until;
                     self->run(e);
                 });
}

void hook_editor::write(const edit_ptr& e, const hook_view& before, hook_record h) {
    const auto lane = e->call->exchange.lane();
    const auto waiting = wait_for_store(e->call, parts_.options->table_timeout);
    auto value = to_row_value(h);
    auto on_done = lane_handler<std::uint64_t>(
        lane, errc::store_failed,
        [self = shared_from_this(), waiting, e, h](error_code ec, std::uint64_t revision) {
            waiting->end();
            self->on_written(e, h, ec, revision);
        });
    guarded(parts_.options->log, "rest_hook", [&] {
        parts_.hooks->table().start_put(e->id, std::move(value), before.revision,
                                        std::move(on_done));
    });
}

void hook_editor::on_written(const edit_ptr& e, const hook_record& h, error_code ec,
                             std::uint64_t revision) {
    const auto& c = e->call;
    auto& hooks = *parts_.hooks;
    if (!ec) hooks.serve(h, revision);
    e->reserved.reset();
    if (!ec && !e->question.empty()) parts_.asker->ask_now(h, revision);
    if (!c->exchange) return;
    if (ec == errc::store_conflict && !e->if_match.empty() && e->if_match != "*")
        return c->respond(changed_meanwhile());
    if (ec == errc::store_conflict && ++e->tries < most_tries) return read_again(e);
    if (ec == errc::store_conflict) return c->respond(changed_all_the_time());
    if (ec) return c->respond(try_again(ec.message()));
    once_placed(c, e->id, nullptr, [self = shared_from_this(), e, h, revision](bool placed) {
        if (placed) return self->answer_changed(e, h, revision);
        e->call->respond(try_again("where it begins could not be stored"));
    });
}

void hook_editor::answer_changed(const edit_ptr& e, const hook_record& h,
                                 std::uint64_t revision) const {
    const auto& c = e->call;
    const auto now = parts_.hooks->find(c->viewer, e->id);
    if (!now) return c->respond(not_there());
    const hook_view made{h, revision, now->now};
    auto answer = json_answer(200, to_json(made, parts_.options->form, e->shows_secret));
    answer.fields.set("ETag", tag_of(revision));
    c->respond(std::move(answer));
}

// Somebody else was quicker, here or in another process.
void hook_editor::read_again(const edit_ptr& e) {
    const auto lane = e->call->exchange.lane();
    const auto waiting = wait_for_store(e->call, parts_.options->table_timeout);
    auto by = std::make_shared<const hook_list::reading>(parts_.hooks);
    auto on_done =
        lane_handler<store::row>(lane, errc::store_failed,
                                 [self = shared_from_this(), waiting, e, by = std::move(by)](
                                     error_code ec, const store::row& r) {
                                     waiting->end();
                                     if (!ec) self->parts_.hooks->apply(r, by);
                                     if (ec == errc::not_found) self->parts_.hooks->drop(e->id);
                                     if (!e->call->exchange) return;
                                     if (ec && ec != errc::not_found)
                                         return e->call->respond(try_again(ec.message()));
                                     self->run(e);
                                 });
    guarded(parts_.options->log, "rest_hook",
            [&] { parts_.hooks->table().start_get(e->id, std::move(on_done)); });
}

}  // namespace tidings::rest_hook::detail
