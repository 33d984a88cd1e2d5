// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/url.hpp>
#include <tidings/impl/finds_memory.hpp>
#include <tidings/outlet/impl/access.hpp>
#include <tidings/outlet/impl/origin.hpp>
#include <tidings/rest_hook/impl/api_call.hpp>
#include <tidings/rest_hook/impl/hook_body.hpp>
#include <tidings/rest_hook/impl/portal/portal_state.hpp>
#include <tidings/rest_hook/impl/websub_request.hpp>
#include <tidings/text/impl/json_text.hpp>
#include <tidings/text/impl/json_writer.hpp>
#include <tidings/text/utf8.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

namespace {

constexpr std::string_view cookie_name = "tidings_portal";
constexpr std::string_view api_prefix = "/api";
constexpr std::string_view session_path = "/session";
constexpr std::string_view session_methods = "DELETE, GET, HEAD, POST";

[[noreturn]] void refuse_portal(const std::string& why) {
    throw std::invalid_argument("tidings::rest_hook::portal_options: " + why);
}

// As browsers write it: in lower case, without the port of the scheme.
std::string origin_of(const std::string& url) {
    error_code ec;
    const auto u = http::url::parse(url, ec);
    return u.scheme + "://" + u.authority();
}

const portal_options& checked(const portal_options& o) {
    if (o.ticket_lifetime.count() <= 0 || o.session_lifetime.count() <= 0)
        refuse_portal("ticket_lifetime and session_lifetime are at least a second");
    if (o.max_tickets == 0 || o.max_sessions == 0 || o.max_per_principal == 0)
        refuse_portal("max_tickets, max_sessions and max_per_principal are at least 1");
    if (!o.origin.empty() && (!is_web_url(o.origin) || origin_of(o.origin) != o.origin))
        refuse_portal("origin is no http or https URL as a browser writes it, without a path");
    return o;
}

std::vector<std::string> origins_of(const portal_options& o) {
    if (o.origin.empty()) return {};
    return {o.origin};
}

bool is_at(std::string_view path, std::string_view prefix) {
    return path == prefix || (path.starts_with(prefix) && path[prefix.size()] == '/');
}

// The values of a cookie, which may be there for several paths (RFC 6265 5.4). Fields that are
// several were joined with commas, which stand in no token.
std::vector<std::string_view> cookies_of(std::string_view fields, std::string_view name) {
    std::vector<std::string_view> values;
    while (!fields.empty()) {
        const auto end = fields.find_first_of(";,");
        auto one = fields.substr(0, end);
        fields = end == std::string_view::npos ? std::string_view() : fields.substr(end + 1);
        one.remove_prefix(std::min(one.find_first_not_of(" \t"), one.size()));
        if (one.size() > name.size() && one.starts_with(name) && one[name.size()] == '=')
            values.push_back(one.substr(name.size() + 1));
    }
    return values;
}

// Without a Path a browser takes what is before the last slash of the URL that it asked
// (RFC 6265 5.1.4): the mount point, also where a proxy has moved it.
std::string cookie_of(std::string_view token, std::chrono::seconds age, bool by_https) {
    std::string cookie(cookie_name);
    cookie.append("=").append(token);
    cookie += "; Max-Age=" + std::to_string(age.count()) + "; HttpOnly; SameSite=Strict";
    if (by_https) cookie += "; Secure";
    return cookie;
}

http::response no_session() {
    auto no = http::problem(401, "No session", "it has ended, or the page was never entered");
    no.fields.set("WWW-Authenticate", "Cookie cookie-name=\"" + std::string(cookie_name) + '"');
    no.fields.set("Cache-Control", "no-store");
    return no;
}

http::response ticket_refused() {
    auto no = http::problem(403, "Ticket not taken", "it was used, or is too old, or is none");
    no.fields.set("Cache-Control", "no-store");
    return no;
}

http::response session_closed() {
    return http::problem(503, "Closed", make_error_code(errc::closed).message());
}

bool is_same(const portal_visitor& a, const portal_visitor& b) {
    return a.who.name == b.who.name && a.is_operator == b.is_operator;
}

/// What a browser asks for that is to be let in.
struct entry_request {
    std::string ticket{};
    bool replaces = false;  ///< the session of another visitor that it has
};

refusal read_entry(std::string_view object, entry_request& out) {
    for (const auto& [name, raw] : json_members(object)) {
        if (name == "replace") {
            out.replaces = raw == "true";
            if (!out.replaces && raw != "false")
                return malformed(name, in_quotes(name) + " is neither true nor false");
            continue;
        }
        if (name != "ticket") return refused(name, "a session has no " + in_quotes(name));
        if (!raw.starts_with('"')) return malformed(name, in_quotes(name) + " is not a string");
        out.ticket = read_json_string(raw);
    }
    return std::nullopt;
}

}  // namespace

portal_state::portal_state(const api_parts& p, const portal_options& o)
    : origins_(origins_of(checked(o))),
      sender_(p.sender),
      max_body_bytes_(p.options->max_body_bytes),
      session_lifetime_(o.session_lifetime),
      files_(o),
      clock_(*p.options->environment.clock),
      tickets_({o.ticket_lifetime, o.max_tickets, o.max_per_principal}, p.options->environment),
      sessions_({o.session_lifetime, o.max_sessions, o.max_per_principal}, p.options->environment) {
}

std::string portal_state::make_ticket(portal_visitor v, error_code& ec) noexcept {
    ec.clear();
    std::string ticket;
    v.who.anonymous = v.who.name.empty();
    if (v.who.name.empty() && !v.is_operator)
        ec = errc::invalid_argument;
    else if (http::detail::has_expired(v.who.expires, clock_))
        ec = errc::unauthorized;
    else if (!finds_memory([&] { ticket = tickets_.issue(std::move(v), ec); }))
        ec = errc::out_of_memory;
    return ticket;
}

void portal_state::end_sessions(std::string_view principal_name) noexcept {
    tickets_.end_all_of(principal_name);
    sessions_.end_all_of(principal_name);
}

void portal_state::close() noexcept {
    tickets_.clear();
    sessions_.clear();
}

// False when it is answered. What a browser that was led here by another name of this machine can
// see are the files, which anybody may have: the cookie is of the true name.
bool portal_state::begin(http::exchange& x) const {
    x.accept_any_host();
    x.answer_fields() = portal_files::fields();
    if (origin_allowed(x.request(), origins_)) return true;
    x.respond(http::problem(403, "Origin not allowed", x.request().fields.get("Origin")));
    return false;
}

void portal_state::admit(http::exchange& x) const {
    if (!begin(x)) return;
    const bool calls_api = is_at(x.suffix(), api_prefix);
    if (!calls_api && x.suffix() != session_path) return;
    if (auto found = session_of(x.request()))
        x.caller(std::move(found->visitor.who));
    else if (calls_api)
        x.respond(no_session());
}

void portal_state::handle(http::exchange& x, const std::shared_ptr<manager_state>& hooks) {
    if (!begin(x)) return;
    const auto& path = x.suffix();
    if (path == session_path) return serve_session(x);
    if (!is_at(path, api_prefix)) return x.respond(files_.answer(x));
    auto found = session_of(x.request());
    if (!found) return x.respond(no_session());
    if (!hooks) return x.respond(session_closed());
    hooks->serve_visitor(x, std::move(found->visitor), api_prefix.size());
}

// None where two are named: a neighbour under the same domain can add its own to a browser's.
std::optional<portal_state::session> portal_state::session_of(const http::request& r) const {
    const auto cookies = r.fields.joined("Cookie");
    std::optional<session> found;
    for (const auto token : cookies_of(cookies, cookie_name)) {
        auto visitor = sessions_.find(token);
        if (!visitor || (found && found->token == token)) continue;
        if (found) return std::nullopt;
        found.emplace(session{std::move(*visitor), std::string(token)});
    }
    return found;
}

void portal_state::serve_session(http::exchange& x) {
    const auto& method = x.request().method;
    if (method == "POST") return redeem(x);
    if (method != "GET" && method != "HEAD" && method != "DELETE") {
        auto no = http::problem(405, "Method not allowed", session_methods);
        no.fields.set("Allow", session_methods);
        return x.respond(std::move(no));
    }
    const auto found = session_of(x.request());
    if (!found) return x.respond(no_session());
    if (method != "DELETE") return x.respond(json_answer(200, describe(found->visitor)));
    sessions_.end(found->token);
    http::response gone{.status = 204};
    gone.fields.set("Set-Cookie", cookie_of("", std::chrono::seconds(0), false));
    x.respond(std::move(gone));
}

// With what the page has to know of the log: whether it has attempts that succeeded.
std::string portal_state::describe(const portal_visitor& v) const {
    json_writer out;
    if (is_valid_utf8(v.who.name)) out.add_any("name", v.who.name);
    out.flag("operator", v.is_operator);
    out.flag("logs_successes", sender_->options().attempts.successes);
    return out.end();
}

// A link that somebody else made must not change unseen in whose name the browser works.
http::response portal_state::ask_to_replace(const portal_visitor& present,
                                            const portal_visitor& next) const {
    auto no =
        http::problem(409, "Signed in as another visitor",
                      "the ticket is still good; with \"replace\": true it ends that session");
    no.body.pop_back();
    no.body += ",\"present\":" + describe(present) + ",\"next\":" + describe(next) + '}';
    no.fields.set("Cache-Control", "no-store");
    return no;
}

void portal_state::redeem(http::exchange& x) {
    std::string object;
    entry_request asked;
    if (auto no = read_body(x.request(), max_body_bytes_, object)) return x.respond(std::move(*no));
    if (auto no = read_entry(object, asked)) return x.respond(std::move(*no));
    const auto visitor = tickets_.find(asked.ticket);
    const bool by_https = x.request().fields.get("Origin").starts_with("https://");
    if (!visitor) return x.respond(ticket_refused());
    const auto before = session_of(x.request());
    if (before && !asked.replaces && !is_same(before->visitor, *visitor))
        return x.respond(ask_to_replace(before->visitor, *visitor));
    auto answer = let_in(*visitor, asked.ticket, by_https);
    if (before && answer.status == 200) sessions_.end(before->token);
    x.respond(std::move(answer));
}

// The session comes before the ticket's end, so that one that finds no place may come again.
http::response portal_state::let_in(const portal_visitor& v, std::string_view ticket,
                                    bool by_https) {
    error_code ec;
    const auto token = sessions_.issue(v, ec);
    if (ec) return try_again("there are as many sessions as there may be");
    if (!tickets_.end(ticket)) {
        sessions_.end(token);
        return ticket_refused();
    }
    auto answer = json_answer(200, describe(v));
    answer.fields.set("Set-Cookie", cookie_of(token, session_lifetime_, by_https));
    return answer;
}

}  // namespace tidings::rest_hook::detail
