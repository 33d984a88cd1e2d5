// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/crypto/impl/sha256.hpp>
#include <tidings/http/impl/message/percent.hpp>
#include <tidings/impl/finds_memory.hpp>
#include <tidings/impl/guarded.hpp>
#include <tidings/outlet/impl/authenticate.hpp>
#include <tidings/rest_hook/impl/websub_hub_state.hpp>
#include <tidings/topic.hpp>

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <utility>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

namespace {

constexpr std::chrono::seconds longest_at_hub(std::numeric_limits<std::uint32_t>::max());

[[noreturn]] void refuse_hub(const std::string& why) {
    throw std::invalid_argument("tidings::rest_hook::websub_hub_options: " + why);
}

websub_hub_options checked(websub_hub_options o) {
    if (!is_web_url(o.public_url)) refuse_hub("public_url is no http or https URL");
    if (o.topic_prefix.empty() == !o.pattern_of)
        refuse_hub("one of topic_prefix and pattern_of is needed");
    if (!o.topic_prefix.empty() && !is_web_url(o.topic_prefix))
        refuse_hub("topic_prefix is no http or https URL");
    if (o.min_lease.count() <= 0 || o.verify_within.count() <= 0)
        refuse_hub("min_lease and verify_within are at least a second");
    if (o.min_lease > o.default_lease || o.default_lease > o.max_lease ||
        o.max_lease > longest_at_hub)
        refuse_hub("min_lease, default_lease, max_lease and 136 years are not in this order");
    if (o.verify_within > longest_at_hub) refuse_hub("verify_within is more than 136 years");
    return o;
}

http::access access_of(const websub_hub_options& o, const log_sink& log) {
    return http::access({.authenticator = o.authenticator,
                         .authorizer = o.authorizer,
                         .auth_timeout = o.auth_timeout,
                         .max_pending_auth = o.max_pending_auth,
                         .log = log});
}

// The key of a subscription is its topic and its callback (5.1).
std::string id_of(const websub_request& r) {
    return "websub_" + sha256_hex(std::to_string(r.topic.size()) + ':' + r.topic + r.callback);
}

std::string owner_of(const http::exchange& x) {
    const auto* who = x.caller();
    return who == nullptr || who->anonymous ? std::string() : who->name;
}

http::response text_again(std::string_view why) {
    auto r = text_answer(503, why);
    r.fields.set("Retry-After", "1");
    return r;
}

http::response no_such_topic() {
    return text_answer(404, "there is no such topic at this hub");
}

}  // namespace

websub_hub_state::websub_hub_state(api_parts parts, websub_hub_options options)
    : parts_(std::move(parts)),
      options_(checked(std::move(options))),
      access_(access_of(options_, parts_.options->log)) {}

void websub_hub_state::handle(http::exchange& x) {
    access_.handle(x, methods,
                   [self = shared_from_this()](http::exchange& here) { self->serve(here); });
}

std::string websub_hub_state::pattern_of(const std::string& topic_url) const {
    std::string pattern;
    error_code ec;
    if (options_.pattern_of) {
        guarded(parts_.options->log, "websub", [&] { pattern = options_.pattern_of(topic_url); });
        ec = check_pattern(pattern);
    } else if (topic_url.starts_with(options_.topic_prefix)) {
        pattern = http::percent_decode(
            std::string_view(topic_url).substr(options_.topic_prefix.size()), ec);
        if (!ec) ec = check_topic(pattern);
    }
    return ec ? std::string() : pattern;
}

std::chrono::seconds websub_hub_state::lease_of(const websub_request& r) const {
    return std::clamp(r.lease.value_or(options_.default_lease), options_.min_lease,
                      options_.max_lease);
}

void websub_hub_state::serve(http::exchange& x) {
    if (x.request().method != "POST") {
        auto no = text_answer(405, "a hub takes POST");
        no.fields.set("Allow", methods);
        return x.respond(std::move(no));
    }
    websub_request r;
    if (auto no = read_websub(x.request(), max_body_bytes(), r)) return x.respond(std::move(*no));
    // A service cannot see where its server listens: the request tells.
    if (!options_.authorizer && !http::is_local(x))
        return x.respond(text_answer(403,
                                     "beyond this machine, subscriptions are taken only where the "
                                     "hub's program has set an authorizer"));
    const auto phase = parts_.hooks->now();
    if (phase == hook_list::phase::closed) return x.respond(text_again("the hub is closed"));
    if (phase == hook_list::phase::loading)
        return x.respond(text_again("the subscriptions are being loaded"));
    using kind = websub_request::kind;
    if (r.what == kind::publish) return publish(x, r);
    if (const auto ec = parts_.sender->check_target(r.callback))
        return x.respond(
            text_answer(400, "hub.callback is a URL that this hub does not call: " + ec.message()));
    auto pattern = pattern_of(r.topic);
    if (r.what == kind::subscribe && !pattern.empty() && parts_.types->takes(pattern))
        return ask_permission(x, r, std::move(pattern));
    // What stands can be ended, also where the application has the topic no more.
    const auto v = pattern.empty() ? parts_.hooks->find({.all = true}, id_of(r)) : std::nullopt;
    if (v) pattern = v->record.topics.front();
    if (r.what == kind::subscribe || pattern.empty()) return x.respond(no_such_topic());
    store(x, r, {.mode = websub_mode::unsubscribe, .pattern = std::move(pattern)});
}

void websub_hub_state::publish(http::exchange& x, const websub_request& r) {
    if (!options_.on_publish)
        return x.respond(text_answer(
            501, "this hub is not asked to publish: its application publishes on its bus"));
    std::vector<std::string> patterns;
    for (const auto& topic : r.published) {
        patterns.push_back(pattern_of(topic));
        if (patterns.back().empty()) return x.respond(no_such_topic());
    }
    http::ask(x, access_.state(),
              {.principal = *x.caller(), .action = action::publish, .topics = std::move(patterns)},
              [self = shared_from_this(), r](http::exchange& here, const permissions& p) {
                  if (p.error) return here.respond(http::undecided(p.error));
                  const auto until = here.caller()->expires;
                  if (until && *until <= self->now())
                      return here.respond(http::refusal_of(here, errc::unauthorized));
                  if (!p.denied.empty())
                      return here.respond(text_answer(403, "publishing is not granted"));
                  self->publish_permitted(here, r);
              });
}

void websub_hub_state::publish_permitted(http::exchange& x, const websub_request& r) const {
    for (const auto& topic : r.published)
        if (!guarded(parts_.options->log, "websub", [&] { options_.on_publish(topic); }))
            return x.respond(text_answer(500, "publishing has failed"));
    x.respond({.status = 204});
}

// A refusal is for the callback, which may be another's than the caller's: it gets a denial.
void websub_hub_state::ask_permission(http::exchange& x, const websub_request& r,
                                      std::string pattern) {
    websub_wish wish{.mode = websub_mode::subscribe,
                     .pattern = pattern,
                     .secret = r.secret,
                     .lease = lease_of(r)};
    http::ask(x, access_.state(), {.principal = *x.caller(), .topics = {std::move(pattern)}},
              [self = shared_from_this(), r, wish](http::exchange& here, const permissions& p) {
                  if (p.error) return here.respond(http::undecided(p.error));
                  auto what = wish;
                  // The end of what the caller has shown is none of the subscription's.
                  what.permitted_until = p.expires;
                  const auto first = http::detail::earlier(p.expires, here.caller()->expires);
                  if (first && *first <= self->now())
                      return here.respond(http::refusal_of(here, errc::unauthorized));
                  if (!p.denied.empty()) {
                      what.mode = websub_mode::denied;
                      what.reason = "the subscription is not granted";
                  }
                  self->store(here, r, std::move(what));
              });
}

// What the row becomes. A stranger's request that is not granted denies nobody what stands: its
// callback would believe that.
error_code websub_hub_state::apply(bool exists, const std::string& owner, const websub_request& r,
                                   const websub_wish& wish, hook_record& h) const {
    const auto at = now();
    const bool over = exists && h.ends() && *h.ends() <= at;
    const bool stands = exists && !over && h.state != hook_state::pending;
    if (wish.mode == websub_mode::denied && exists && !over) return errc::forbidden;
    if (wish.mode == websub_mode::subscribe && stands && h.owner != owner) return errc::forbidden;
    if (!stands) {
        h = {.id = h.id, .topics = {wish.pattern}, .target_url = r.callback};
        h.state = hook_state::pending;
        h.created_at = to_text(at);
        h.owner = owner;
        h.form = webhook::body_form::raw;
        h.shown_by = proof::challenge;
        h.websub.emplace().topic = r.topic;
    }
    h.websub->wish = wish;
    h.websub->wish.hub = options_.public_url;
    h.websub->wish.function = options_.signature;
    proof_round{*parts_.terms, at, *parts_.options->environment.random}.open(
        h, hook_state::active, options_.verify_within);
    return {};
}

void websub_hub_state::store(http::exchange& x, const websub_request& r, websub_wish wish) {
    const auto home = x.lane();
    auto owner = owner_of(x);
    const auto c = std::make_shared<api_call>(std::move(x), principal(), hook_viewer(),
                                              answer_memory::claim());
    const auto waiting = wait_for_store(c, parts_.options->table_timeout);
    auto change = [self = shared_from_this(), owner = std::move(owner), r, wish = std::move(wish)](
                      std::uint64_t revision, hook_record& h) {
        return self->apply(revision != 0, owner, r, wish, h);
    };
    auto on_done = [self = shared_from_this(), waiting](error_code ec, const hook_record& h,
                                                        std::uint64_t revision) {
        if (!ec) finds_memory([&] { self->parts_.asker->ask_now(h, revision); });
        if (waiting->end()) self->answer(waiting->call, ec);
    };
    std::make_shared<hook_step>(home, parts_.hooks, parts_.options->log, id_of(r),
                                std::move(change), std::move(on_done))
        ->start();
}

void websub_hub_state::answer(const call_ptr& c, error_code ec) const {
    if (!ec) return c->respond({.status = 202});
    if (ec == errc::forbidden) return c->respond(text_answer(403, "that is not granted"));
    if (ec == errc::too_many)
        return c->respond(text_answer(429, "this hub takes no more subscriptions for now"));
    c->respond(text_again("the request could not be stored: " + ec.message()));
}

}  // namespace tidings::rest_hook::detail
