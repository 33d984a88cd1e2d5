// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/server/local_request.hpp>
#include <tidings/impl/guarded.hpp>
#include <tidings/outlet/impl/authenticate.hpp>
#include <tidings/outlet/impl/origin.hpp>

namespace tidings::http {

bool is_local(const exchange& x) {
    if (!x.loopback() || detail::is_forwarded(x.request())) return false;
    return x.remote_address() == "unix" || detail::names_this_machine(x.request());
}

std::string asker_of(const exchange& x) {
    return detail::asker_at(x.remote_address(), x.loopback());
}

request_credentials::request_credentials(const exchange& x)
    : cookie(x.request().fields.joined("Cookie")),
      remote_address(x.remote_address()) {
    const auto& r = x.request();
    const bool one = r.fields.count("Authorization") == 1;
    view = {.authorization = one ? r.fields.get("Authorization") : std::string_view(),
            .cookie = cookie,
            .query = r.query(),
            .origin = r.fields.get("Origin"),
            .remote_address = remote_address,
            .loopback = is_local(x)};
}

response undecided(error_code ec) {
    auto refusal = problem(503, "Undecided", ec.message());
    refusal.fields.set("Retry-After", "1");
    return refusal;
}

response refusal_of(const exchange& x, error_code ec) {
    if (detail::access_state::undecided(ec)) return undecided(ec);
    const auto& r = x.request();
    const bool foreign = ec == errc::address_not_loopback && x.loopback();
    if (foreign && detail::is_forwarded(r))
        return problem(403, "Forbidden",
                       "without an authenticator only this machine's own requests are served, and "
                       "this one came through a proxy: set an authenticator, or allow_anonymous()");
    // DNS rebinding: for a browser, a rebound name is the page's own site.
    if (foreign)
        return problem(421, "Misdirected Request",
                       "without an authenticator only requests to localhost or a loopback address "
                       "are served, and the Host is neither");
    auto refusal = problem(401, "Unauthorized", ec.message());
    // RFC 6750 3.1: an invalid token is distinguished from none.
    const bool one = r.fields.count("Authorization") == 1 && !r.fields.get("Authorization").empty();
    refusal.fields.set("WWW-Authenticate", one ? "Bearer error=\"invalid_token\"" : "Bearer");
    return refusal;
}

std::optional<response> authenticate(const exchange& x, const authenticator& a, principal& who) {
    const request_credentials c(x);
    error_code ec;
    who = a ? a(c.view, ec) : loopback_only()(c.view, ec);
    if (!ec && detail::has_expired(who.expires, *x.environment().clock)) ec = errc::unauthorized;
    if (!ec) return std::nullopt;
    who = {};
    return refusal_of(x, ec);
}

namespace {

template <class Done>
void ask_for(exchange& x, const detail::access_state& a, detail::permissions_wanted wanted,
             Done done) {
    wanted.from = asker_of(x);
    if (!a.authorizer().is_asynchronous()) {
        a.permit(x.lane(), std::move(wanted), [&](const detail::permissions& p) { done(x, p); });
        return;
    }
    const auto home = x.lane();
    const auto held = std::make_shared<exchange>(std::move(x));
    const auto run = a.permit(
        home, std::move(wanted),
        [held, done = std::move(done), log = a.policy().log](const detail::permissions& p) mutable {
            // An exchange that is destroyed unanswered answers 500.
            tidings::detail::guarded(log, "access", [&] { done(*held, p); });
        });
    if (!run || !*held) return;
    const std::weak_ptr<detail::access_state::permit_run> weak = run;
    held->on_drain([weak] {
        if (const auto here = weak.lock()) here->refuse_soon(errc::shutting_down);
    });
}

}  // namespace

void ask(exchange& x, const detail::access_state& a, detail::permissions_wanted wanted,
         unique_function<void(exchange&, const detail::permissions&)> done) {
    ask_for(x, a, std::move(wanted), std::move(done));
}

void permit(exchange& x, const detail::access_state& a, detail::permissions_wanted wanted,
            unique_function<void(exchange&, detail::expiry_time)> go_on) {
    static constexpr std::string_view names[] = {"subscribe ", "publish ", "manage subscriptions"};
    const std::string what(names[static_cast<std::size_t>(wanted.action)]);
    const auto until = wanted.principal.expires;
    ask_for(x, a, std::move(wanted),
            [what, until, go_on = std::move(go_on)](exchange& here,
                                                    const detail::permissions& p) mutable {
                if (p.error) return here.respond(undecided(p.error));
                if (detail::has_expired(until, *here.environment().clock))
                    return here.respond(refusal_of(here, errc::unauthorized));
                if (!p.denied.empty())
                    return here.respond(problem(403, "Not granted", what + p.denied.front()));
                go_on(here, p.expires);
            });
}

}  // namespace tidings::http
