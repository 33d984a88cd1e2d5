// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/percent.hpp>
#include <tidings/impl/guarded.hpp>
#include <tidings/outlet/impl/authenticate.hpp>
#include <tidings/rest_hook/impl/manager_state.hpp>
#include <tidings/rest_hook/impl/openapi.hpp>
#include <tidings/topic.hpp>

#include <algorithm>
#include <array>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

namespace {

constexpr std::size_t max_key_bytes = 255;
constexpr std::string_view openapi_name = "openapi.json";
constexpr std::string_view types_name = "event-types";

std::shared_ptr<rate_limit> pace_of_creations(std::size_t per_minute) {
    constexpr std::size_t max_owners = 10'000;  // with a bucket each
    const auto burst = static_cast<double>(per_minute);
    return std::make_shared<rate_limit>(burst / 60, burst, max_owners);
}

bool is_hook_id(std::string_view text) noexcept {
    for (const std::string_view prefix : {"hook_", "websub_"})
        if (text.starts_with(prefix))
            return text.find_first_not_of("0123456789abcdef", prefix.size()) == text.npos;
    return false;
}

http::response wrong_method(std::string_view allowed) {
    auto r = http::problem(405, "Method not allowed", allowed);
    r.fields.set("Allow", allowed);
    return r;
}

bool reads(const api_call& c) noexcept {
    const auto& method = c.exchange.request().method;
    return method == "GET" || method == "HEAD";
}

// A slash at the end means nothing; what is encoded is part of a name, a slash, too.
std::vector<std::string> split_path(std::string_view suffix, error_code& ec) {
    std::vector<std::string> parts;
    if (suffix.starts_with('/')) suffix.remove_prefix(1);
    if (suffix.ends_with('/')) suffix.remove_suffix(1);
    while (!suffix.empty() && !ec) {
        const auto end = std::min(suffix.find('/'), suffix.size());
        parts.push_back(http::percent_decode(suffix.substr(0, end), ec));
        if (end == suffix.size()) break;
        suffix.remove_prefix(end + 1);
        if (suffix.empty()) parts.emplace_back();
    }
    return parts;
}

// What has a query of its own.
bool is_list(const std::vector<std::string>& path, bool reads) noexcept {
    if (path.empty() || !reads) return reads;
    if (path.size() == 1) return path[0] == types_name;
    return path.size() == 2 && path[0] != types_name &&
           (path[1] == "deliveries" || path[1] == "attempts" || path[1] == "attempt-counts");
}

api_parts make_parts(std::shared_ptr<bus_state> b, std::shared_ptr<webhook::detail::sender_state> s,
                     manager_options o) {
    auto types = std::make_shared<const event_catalogue>(o);
    const auto options = std::make_shared<const manager_options>(std::move(o));
    auto terms = std::make_shared<const proof_terms>(options->proof, s->options().guard);
    const hook_means means{std::move(b), s, options};
    auto asker = std::make_shared<hook_asker>(means, terms);
    auto hooks = std::make_shared<hook_list>(means, asker);
    asker->begin(hooks);
    return {.options = options,
            .access = http::access({.authenticator = options->authenticator,
                                    .authorizer = options->authorizer,
                                    .allowed_origins = options->allowed_origins,
                                    .auth_timeout = options->auth_timeout,
                                    .max_pending_auth = options->max_pending_auth,
                                    .log = options->log}),
            .sender = std::move(s),
            .terms = std::move(terms),
            .types = std::move(types),
            .asker = std::move(asker),
            .hooks = std::move(hooks),
            .answers = std::make_shared<answer_memory>(
                options->max_remembered_bytes, options->remember_for, *options->environment.clock),
            .creations = pace_of_creations(options->max_creates_per_minute)};
}

}  // namespace

manager_state::manager_state(std::shared_ptr<bus_state> b,
                             std::shared_ptr<webhook::detail::sender_state> s,
                             manager_options options)
    : parts_(make_parts(std::move(b), std::move(s), std::move(options))),
      editor_(std::make_shared<hook_editor>(parts_)),
      deliveries_(std::make_shared<delivery_api>(parts_)),
      confirmations_(parts_) {}

void manager_state::close() noexcept {
    parts_.access.refuse_pending();
    parts_.asker->close();
    parts_.hooks->close();
}

void manager_state::admit(http::exchange& x) const {
    if (!confirmed_id(x).empty()) return x.accept_any_host();
    parts_.access.admit(x, methods);
}

void manager_state::handle(http::exchange& x) {
    if (const auto id = confirmed_id(x); !id.empty()) return confirmations_.serve(x, id);
    parts_.access.handle(x, methods,
                         [self = shared_from_this()](http::exchange& here) { self->serve(here); });
}

// By a target, which has no credentials here, with what only it was given.
std::string manager_state::confirmed_id(const http::exchange& x) {
    const auto& method = x.request().method;
    if (method != "GET" && method != "POST") return {};
    error_code ec;
    auto path = split_path(x.suffix(), ec);
    if (ec || path.size() != 2 || path[1] != "confirm" || path[0] == types_name) return {};
    return std::move(path[0]);
}

void manager_state::serve(http::exchange& x) {
    known_caller caller{.suffix = x.suffix()};
    if (auto no = http::read_stream_caller(x, caller.asked)) return x.respond(std::move(*no));
    serve_known(x, std::move(caller));
}

void manager_state::serve_visitor(http::exchange& x, portal_visitor v, std::size_t mount) {
    known_caller caller{.viewer = hook_viewer{.owner = v.who.name, .all = v.is_operator},
                        .suffix = x.suffix().substr(mount)};
    x.caller(std::move(v.who));
    if (auto no = http::read_stream_caller(x, caller.asked)) return x.respond(std::move(*no));
    serve_known(x, std::move(caller));
}

void manager_state::serve_known(http::exchange& x, known_caller caller) {
    // A service cannot see where its server listens: the request tells.
    if (!parts_.options->authorizer && !http::is_local(x))
        return x.respond(http::problem(403, "Not granted",
                                       "beyond this machine, subscriptions are managed only where "
                                       "the server's program has set an authorizer"));
    auto who = caller.asked.principal;
    http::permit(x, parts_.access.state(),
                 {.principal = std::move(who), .action = action::manage, .topics = {""}},
                 [self = shared_from_this(), caller = std::move(caller)](
                     http::exchange& here, const auto&) { self->serve_granted(here, caller); });
}

hook_viewer manager_state::viewer_of(const principal& who) const {
    const auto& o = *parts_.options;
    hook_viewer v{.owner = who.anonymous ? "" : who.name};
    if (o.is_operator)
        guarded(o.log, "rest_hook", [&] { v.all = o.is_operator(who); });
    else
        v.all = !o.authenticator;  // all callers are on this machine
    return v;
}

// Whether the request is to be done: the key is free, or there is none.
bool manager_state::begin_once(http::exchange& x, const principal& who,
                               answer_memory::claim& key) const {
    const auto& r = x.request();
    const auto given = r.fields.find("idempotency-key");
    if (!given || r.method != "POST") return true;
    if (given->empty() || given->size() > max_key_bytes) {
        x.respond(problem_of("Idempotency-Key", 400, "Bad key",
                             "a key has 1 to " + std::to_string(max_key_bytes) + " bytes"));
        return false;
    }
    std::string name = std::to_string(who.name.size()) + (who.anonymous ? "-" : ":") + who.name;
    name.append(r.path()).append(1, '\n').append(*given);
    http::response known;
    using seen = answer_memory::seen;
    switch (parts_.answers->begin(name, r.body, key, known)) {
        case seen::fresh:
            return true;
        case seen::known:
            x.respond(std::move(known));
            return false;
        case seen::pending: {
            auto no = http::problem(409, "Under way", "a request with this key has no answer yet");
            no.fields.set("Retry-After", "1");
            x.respond(std::move(no));
            return false;
        }
        case seen::other:
            break;
    }
    x.respond(problem_of("Idempotency-Key", 422, "Bad key", "it was that of another request"));
    return false;
}

void manager_state::serve_granted(http::exchange& x, const known_caller& caller) {
    const auto phase = parts_.hooks->now();
    if (phase == hook_list::phase::closed)
        return x.respond(try_again(make_error_code(errc::closed).message()));
    if (phase == hook_list::phase::loading)
        return x.respond(try_again("the subscriptions are being loaded"));
    error_code ec;
    const auto path = split_path(caller.suffix, ec);
    if (ec) return x.respond(http::problem(400, "Bad path", http::bad_escape(caller.suffix)));
    answer_memory::claim key;
    const auto& who = caller.asked.principal;
    const auto& query = caller.asked.query;
    if (!begin_once(x, who, key)) return;
    auto at = std::string(x.request().path());
    at.resize(at.size() - caller.suffix.size());
    const auto c = std::make_shared<api_call>(std::move(x), who,
                                              caller.viewer ? *caller.viewer : viewer_of(who),
                                              std::move(key), std::move(at));
    if (!is_list(path, reads(*c)))
        if (auto no = api_query::refuse_any(query)) return c->respond(std::move(*no));
    if (path.empty()) return serve_collection(c, query);
    if (path.front() == types_name) return serve_types(c, path, query);
    path.size() == 1 ? serve_hook(c, path.front()) : serve_part(c, path, query);
}

void manager_state::serve_collection(const call_ptr& c, const http::query_parameters& query) {
    if (reads(*c)) return list(c, query);
    if (c->exchange.request().method == "POST") return editor_->create(c);
    c->respond(wrong_method("GET, HEAD, POST"));
}

void manager_state::serve_hook(const call_ptr& c, const std::string& id) {
    const auto& method = c->exchange.request().method;
    if (id == openapi_name)
        return reads(*c) ? c->respond(200, openapi_document(c->collection))
                         : c->respond(wrong_method("GET, HEAD"));
    if (method == "PUT") return editor_->change(c, id, reading::kind::replace);
    if (method == "PATCH") return editor_->change(c, id, reading::kind::merge);
    if (method == "DELETE") return editor_->remove(c, id);
    if (!reads(*c)) return c->respond(wrong_method("DELETE, GET, HEAD, PATCH, PUT"));
    const auto found = parts_.hooks->find(c->viewer, id);
    if (!found) return c->respond(not_there());
    auto answer = json_answer(200, to_json(*found, parts_.options->form));
    answer.fields.set("ETag", tag_of(found->revision));
    c->respond(std::move(answer));
}

void manager_state::serve_part(const call_ptr& c, const path_parts& path,
                               const http::query_parameters& query) {
    const auto& id = path[0];
    const auto& part = path[1];
    const auto is_post = c->exchange.request().method == "POST";
    static constexpr std::array<std::string_view, 6> actions{"pause", "resume", "rotate",
                                                             "ping",  "test",   "redeliver"};
    const bool acts = std::find(actions.begin(), actions.end(), part) != actions.end();
    const bool shows = part == "deliveries" || part == "attempts" || part == "attempt-counts";
    const bool is_attempt = path.size() == 3 && part == "attempts";
    if ((path.size() > 2 && !is_attempt) || (!acts && !shows)) return c->respond(not_there());
    if (acts && !is_post) return c->respond(wrong_method("POST"));
    if (shows && !reads(*c)) return c->respond(wrong_method("GET, HEAD"));
    if (part == "pause") return editor_->set_state(c, id, hook_state::paused);
    if (part == "resume") return editor_->set_state(c, id, hook_state::active);
    if (part == "rotate") return editor_->rotate(c, id);
    if (part == "ping") return deliveries_->ping(c, id);
    if (part == "test") return deliveries_->test(c, id);
    if (part == "redeliver") return deliveries_->redeliver(c, id);
    if (is_attempt) return deliveries_->show_attempt(c, id, path[2]);
    if (part == "deliveries") return deliveries_->list_deliveries(c, id, query);
    if (part == "attempt-counts") return deliveries_->list_counts(c, id, query);
    deliveries_->list_attempts(c, id, query);
}

// Of a page the limit may be less than what was asked for.
void manager_state::serve_types(const call_ptr& c, const path_parts& path,
                                const http::query_parameters& query) const {
    if (path.size() > 2) return c->respond(not_there());
    if (!reads(*c)) return c->respond(wrong_method("GET, HEAD"));
    const auto& types = *parts_.types;
    http::response answer;
    auto tag = '"' + types.hash();
    if (path.size() == 2) {
        const auto* const type = types.find(path[1]);
        if (type == nullptr) return c->respond(not_there());
        answer = json_answer(200, to_json(*type));
    } else {
        api_query q;
        if (auto no = q.read(query, {}, parts_.options->max_page))
            return c->respond(std::move(*no));
        if (!q.after().empty() && types.find(q.after()) == nullptr)
            return c->respond(api_query::bad_after());
        const auto found = types.list(q.after(), q.limit());
        answer = json_answer(200, '[' + found.items + ']');
        const auto self = c->collection + '/' + std::string(types_name);
        if (found.more) answer.fields.set("Link", q.next(self, found.last));
        tag += '-' + std::to_string(q.limit());
    }
    tag += '"';
    if (is_known_tag(c->exchange.request().fields.joined("if-none-match"), tag))
        answer = {.status = 304};
    answer.fields.set("ETag", tag);
    answer.fields.set("Cache-Control", "private, no-cache");
    c->respond(std::move(answer));
}

void manager_state::list(const call_ptr& c, const http::query_parameters& query) const {
    static constexpr std::array<std::string_view, 3> names{"owner", "state", "topic"};
    api_query q;
    if (auto no = q.read(query, names, parts_.options->max_page)) return c->respond(std::move(*no));
    if (!q.after().empty() && !is_hook_id(q.after())) return c->respond(api_query::bad_after());
    hook_list::selection of{.who = c->viewer, .after = q.after(), .max = q.limit()};
    of.owner = q.get("owner");
    of.topic = q.get("topic").value_or("");
    if (of.owner && !of.who.all && *of.owner != of.who.owner)
        return c->respond(
            http::problem(403, "Not granted", "the subscriptions of others are not shown"));
    if (!of.topic.empty() && check_pattern(of.topic))
        return c->respond(problem_of("topic", 400, "Bad query",
                                     check_pattern(of.topic).message() + ": " + of.topic));
    if (const auto state = q.get("state")) {
        of.state = read_spelling<hook_state>(*state);
        if (!of.state)
            return c->respond(problem_of("state", 400, "Bad query",
                                         "state is one of " + all_spellings<hook_state>()));
    }
    const auto found = parts_.hooks->list(of);
    auto answer = json_answer(200, '[' + found.items + ']');
    if (found.more) answer.fields.set("Link", q.next(c->collection, found.last));
    c->respond(std::move(answer));
}

}  // namespace tidings::rest_hook::detail
