// SPDX-License-Identifier: BSL-1.0
// The portal: tickets, sessions, and what a visitor sees and may change.
#include "support/rest_hook_bed.hpp"

#include <tidings/rest_hook/portal.hpp>

#include <stdexcept>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using rest_hook::portal_visitor;

portal_visitor owner(std::string name) {
    return {.who = {.name = std::move(name)}};
}
portal_visitor admin() {
    return {.is_operator = true};
}

/// The manager's callers have the name that they give, and each may manage; its target answers.
rest_hook::manager_options named_callers() {
    return {.authenticator =
                [](const credentials& c, error_code&) {
                    return principal{.name = std::string(c.authorization), .anonymous = false};
                },
            .authorizer = allow_all()};
}

/// A manager below /hooks, its portal below /portal, and what browsers ask there.
struct portal_bed {
    explicit portal_bed(world& in, rest_hook::portal_options o = {},
                        rest_hook::manager_options m = named_callers())
        : w(in),
          hub(w.io()),
          sender(w.io(), one_attempt(in)),
          hooks(hub, sender, with_environment(std::move(m))),
          page(std::in_place, hooks, o),
          server(w.io(), {.environment = w.environment()}),
          target(w) {
        server.mount("/hooks", hooks);
        server.mount("/portal", *page);
        server.start();
        w.run_ready();
    }
    rest_hook::manager_options with_environment(rest_hook::manager_options m) const {
        m.environment = w.environment();
        return m;
    }
    static webhook::sender_options one_attempt(world& in) {
        auto o = hook_sender_options(in);
        o.retry.delays = {0s};
        return o;
    }
    http::response ask(std::string method, std::string_view path, std::string body = {},
                       http::fields fields = {}) {
        if (!fields.find("Content-Type")) fields.set("Content-Type", "application/json");
        auto r =
            w.request(std::move(method), url_of(server, path), std::move(body), std::move(fields));
        w.run_ready();
        return r;
    }
    std::string ticket(portal_visitor v) {
        error_code ec;
        auto text = page->make_ticket(std::move(v), ec);
        CHECK_FALSE(ec);
        return text;
    }
    http::response redeem(const std::string& ticket, http::fields fields = {}) {
        return ask("POST", "/portal/session", json{{"ticket", ticket}}.dump(), std::move(fields));
    }
    /// The Cookie field of a browser that was let in.
    http::fields enter(portal_visitor v) {
        const auto r = redeem(ticket(std::move(v)));
        REQUIRE(r.status == 200);
        const auto set = std::string(r.fields.get("set-cookie"));
        return {{"Cookie", set.substr(0, set.find(';'))}};
    }
    /// A subscription of this owner, by the API.
    std::string create(std::string name, std::string_view topic = "a", json more = json::object()) {
        more.update({{"topics", topic}, {"target_url", target.url()}});
        const auto r = ask("POST", "/hooks", more.dump(), {{"Authorization", std::move(name)}});
        INFO(r.body);
        REQUIRE(r.status == 201);
        return json::parse(r.body).at("id");
    }

    world& w;
    bus hub;
    webhook::sender sender;
    rest_hook::manager hooks;
    std::optional<rest_hook::portal> page;
    http::server server;
    world_sink target;
};

}  // namespace

TEST_CASE("a ticket lets in once, by a cookie that scripts and other sites do not see",
          "[rest_hook]") {
    world w;
    portal_bed bed(w);
    const auto ticket = bed.ticket(owner("ann"));
    CHECK(bed.ask("GET", "/portal/session").status == 401);
    CHECK(bed.ask("GET", "/portal/api").status == 401);
    const auto r = bed.redeem(ticket);
    REQUIRE(r.status == 200);
    CHECK(json::parse(r.body) ==
          json{{"name", "ann"}, {"operator", false}, {"logs_successes", false}});
    CHECK(r.fields.get("cache-control") == "no-store");
    const auto set = std::string(r.fields.get("set-cookie"));
    REQUIRE(set.starts_with("tidings_portal="));
    CHECK(set.substr(set.find(';')) == "; Max-Age=28800; HttpOnly; SameSite=Strict");
    CHECK(set.find(ticket) == set.npos);

    // A replay changes nothing for the one that was let in.
    const http::fields cookie{{"Cookie", "other=1; " + set.substr(0, set.find(';'))}};
    const auto replayed = bed.redeem(ticket);
    CHECK(replayed.status == 403);
    CHECK(replayed.fields.get("set-cookie").empty());
    CHECK(bed.redeem(ticket, cookie).status == 403);
    CHECK(bed.ask("GET", "/portal/session", {}, cookie).status == 200);
    CHECK(bed.ask("GET", "/portal/api", {}, cookie).body == "[]");

    // The cookie is no ticket, and the ticket no cookie.
    CHECK(bed.redeem(set.substr(15, 64)).status == 403);
    CHECK(bed.ask("GET", "/portal/api", {}, {{"Cookie", "tidings_portal=" + ticket}}).status ==
          401);
}

TEST_CASE("a browser has one session, and none where it names two", "[rest_hook]") {
    world w;
    portal_bed bed(w);
    const auto ann = bed.enter(owner("ann"));
    const auto mallory = bed.enter(owner("mallory"));
    const auto both = std::string(mallory.get("Cookie")) + "; " + std::string(ann.get("Cookie"));
    CHECK(bed.ask("GET", "/portal/api", {}, {{"Cookie", both}}).status == 401);
    const auto twice = std::string(ann.get("Cookie")) + "; " + std::string(ann.get("Cookie"));
    CHECK(bed.ask("GET", "/portal/api", {}, {{"Cookie", twice}}).status == 200);
    // The next ticket of a browser ends the session that it had.
    CHECK(bed.redeem(bed.ticket(owner("ann")), ann).status == 200);
    CHECK(bed.ask("GET", "/portal/api", {}, ann).status == 401);
    CHECK(bed.ask("GET", "/portal/api", {}, mallory).status == 200);
}

TEST_CASE("another visitor's ticket replaces a session only where that is asked for",
          "[rest_hook]") {
    world w;
    portal_bed bed(w);
    const auto ann = bed.enter(owner("ann"));
    const auto [next, name] =
        GENERATE(std::pair(owner("mallory"), "mallory"), std::pair(admin(), ""),
                 std::pair(portal_visitor{.who = {.name = "ann"}, .is_operator = true}, "ann"));
    const auto ticket = bed.ticket(next);
    const auto ask = [&](json replace, const http::fields& cookie) {
        return bed.ask("POST", "/portal/session",
                       json{{"ticket", ticket}, {"replace", replace}}.dump(), cookie);
    };
    for (const auto& no : {bed.redeem(ticket, ann), ask(false, ann)}) {
        CHECK(no.status == 409);
        CHECK(no.fields.get("set-cookie").empty());
        CHECK(no.fields.get("content-type") == "application/problem+json");
        CHECK(no.fields.get("cache-control") == "no-store");
        const auto said = json::parse(no.body);
        CHECK(said.at("present").at("name") == "ann");
        CHECK(said.at("present").at("operator") == false);
        CHECK(said.at("next").value("name", "") == name);
        CHECK(said.at("next").at("operator") == next.is_operator);
    }
    CHECK(bed.ask("GET", "/portal/session", {}, ann).status == 200);
    CHECK(ask("yes", ann).status == 400);
    SECTION("it is asked for") {
        const auto r = ask(true, ann);
        CHECK(r.status == 200);
        CHECK(json::parse(r.body).value("name", "") == name);
        CHECK_FALSE(r.fields.get("set-cookie").empty());
        CHECK(bed.ask("GET", "/portal/session", {}, ann).status == 401);
        CHECK(ask(true, {}).status == 403);
    }
    SECTION("the ticket is still good elsewhere, and where the session has ended") {
        if (GENERATE(false, true)) {
            bed.page->end_sessions("ann");
            if (next.who.name == "ann") return;  // its ticket has ended as well
            CHECK(bed.redeem(ticket, ann).status == 200);
        } else {
            CHECK(bed.redeem(ticket).status == 200);
        }
    }
}

TEST_CASE("a ticket that is too old, or none, lets nobody in", "[rest_hook]") {
    world w;
    portal_bed bed(w, {.ticket_lifetime = 10s});
    const auto ticket = bed.ticket(owner("ann"));
    for (const auto& none : {std::string(), ticket + ticket, std::string(64, 'f')})
        CHECK(bed.redeem(none).status == 403);
    for (const auto* const body : {"[]", R"({"ticket":7})", R"({"ticket":"x","name":"root"})", "{"})
        CHECK(bed.ask("POST", "/portal/session", body).status / 100 == 4);
    CHECK(bed.ask("PUT", "/portal/session", "{}").status == 405);
    w.advance(10s);
    CHECK(bed.redeem(ticket).status == 403);
}

TEST_CASE("a session ends by its time, its visitor, the application, and the portal's end",
          "[rest_hook]") {
    world w;
    portal_bed bed(w, {.session_lifetime = 1h});
    const auto status = [&](const http::fields& cookie) {
        return bed.ask("GET", "/portal/api", {}, cookie).status;
    };
    const auto late = bed.enter(owner("ann"));
    w.advance(1h);
    CHECK(status(late) == 401);

    const auto left = bed.enter(owner("ann")), stays = bed.enter(owner("ann"));
    const auto gone = bed.ask("DELETE", "/portal/session", {}, left);
    CHECK(gone.status == 204);
    CHECK(gone.fields.get("set-cookie").starts_with("tidings_portal=; Max-Age=0;"));
    CHECK(status(left) == 401);
    CHECK(status(stays) == 200);

    const auto other = bed.enter(owner("bob"));
    const auto unused = bed.ticket(owner("ann"));
    bed.page->end_sessions("ann");
    CHECK(status(stays) == 401);
    CHECK(bed.redeem(unused).status == 403);
    CHECK(status(other) == 200);

    auto expiring = owner("cid");
    expiring.who.expires = w.clock().wall_now() + 1min;
    const auto short_lived = bed.enter(expiring);
    CHECK(status(short_lived) == 200);
    w.advance(1min);
    CHECK(status(short_lived) == 401);

    bed.hooks.close();
    CHECK(status(other) == 503);
    bed.page->close();
    CHECK(status(other) == 503);
    error_code ec;
    CHECK(bed.page->make_ticket(owner("ann"), ec).empty());
    CHECK(ec == errc::closed);
}

TEST_CASE("an owner sees and changes only its own, an operator all", "[rest_hook]") {
    world w;
    portal_bed bed(w);
    const auto anns = bed.create("ann"), bobs = bed.create("bob", "b");
    const auto ann = bed.enter(owner("ann")), root = bed.enter(admin());
    const auto listed = bed.ask("GET", "/portal/api", {}, ann);
    REQUIRE(json::parse(listed.body).size() == 1);
    CHECK(json::parse(listed.body)[0].at("id") == anns);
    CHECK(json::parse(bed.ask("GET", "/portal/api/", {}, root).body).size() == 2);
    CHECK(bed.ask("GET", "/portal/api?owner=bob", {}, ann).status == 403);

    const auto theirs = "/portal/api/" + bobs;
    for (const auto* const part : {"", "/deliveries", "/attempts", "/attempts/1"})
        CHECK(bed.ask("GET", theirs + part, {}, ann).status == 404);
    for (const auto* const part : {"/pause", "/ping", "/test", "/rotate", "/redeliver", "/confirm"})
        CHECK(bed.ask("POST", theirs + part, {}, ann).status == 404);
    CHECK(bed.ask("PATCH", theirs, R"({"description":"x"})", ann).status == 404);
    CHECK(bed.ask("DELETE", theirs, {}, ann).status == 404);
    CHECK(bed.ask("PATCH", theirs, R"({"description":"x"})", root).status == 200);
    // The Authorization of the manager's API is none here.
    CHECK(bed.ask("GET", theirs, {}, {{"Authorization", "bob"}}).status == 401);

    const auto made = bed.ask(
        "POST", "/portal/api",
        json{{"topics", {"c", "d"}}, {"target_url", bed.target.url("/hook/2")}}.dump(), ann);
    CHECK(made.status == 201);
    CHECK(json::parse(made.body).at("owner") == "ann");
    CHECK(made.fields.get("location") ==
          "/portal/api/" + json::parse(made.body).at("id").get<std::string>());
    const auto page = bed.ask("GET", "/portal/api?limit=1", {}, ann);
    CHECK(page.fields.get("link").starts_with("</portal/api?limit=1&after="));
    CHECK(bed.ask("POST", "/portal/api/" + anns + "/ping", {}, ann).status == 202);
    CHECK(bed.target.requests.size() == 1);
    CHECK(bed.ask("DELETE", "/portal/api/" + anns, {}, ann).status == 204);
}

TEST_CASE("the manager's authorizer may take away what a ticket gave", "[rest_hook]") {
    world w;
    bool allowed = true;
    auto m = named_callers();
    m.authorizer = [&](const principal& who, action, std::string_view) {
        return allowed && !who.anonymous;
    };
    portal_bed bed(w, {}, std::move(m));
    const auto ann = bed.enter(owner("ann"));
    CHECK(bed.ask("GET", "/portal/api", {}, ann).status == 200);
    CHECK(bed.ask("GET", "/portal/api", {}, bed.enter(admin())).status == 403);
    allowed = false;
    CHECK(bed.ask("GET", "/portal/api", {}, ann).status == 403);
}

TEST_CASE("an attempt is shown with what it sent, and an owner sees no answer of a private address",
          "[rest_hook]") {
    world w;
    portal_bed bed(w);
    const auto id = bed.create("ann");
    bed.target.answer = [](http::exchange& x) {
        x.respond({.status = 500, .fields = {{"X-Who", "me"}}, .body = "an inner answer"});
    };
    bed.hub.publish("a", event("test", "/test", R"({"total":9})"));
    w.run_ready();
    const auto ann = bed.enter(owner("ann")), root = bed.enter(admin());
    const auto path = "/portal/api/" + id + "/attempts";
    const auto listed = bed.ask("GET", path, {}, ann);
    REQUIRE(json::parse(listed.body).size() == 1);
    CHECK_FALSE(json::parse(listed.body)[0].contains("request"));
    const auto one = path + '/' + json::parse(listed.body)[0].at("id").dump();
    const auto shown = bed.ask("GET", one, {}, ann);
    REQUIRE(shown.status == 200);
    const auto sent = json::parse(shown.body).at("request");
    CHECK(sent.at("body") == R"({"total":9})");
    CHECK(sent.at("body_bytes") == 11);
    for (const auto& body : {listed.body, shown.body}) {
        CHECK(body.find("inner") == body.npos);
        CHECK(body.find("127.0.0.1") == body.npos);
    }
    const auto all = json::parse(bed.ask("GET", one, {}, root).body);
    CHECK(all.at("response_body") == "an inner answer");
    CHECK(all.at("address").get<std::string>().starts_with("127.0.0.1:"));
    for (const auto* const none : {"/0", "/x", "/-1", "/1/2", "/18446744073709551616"})
        CHECK(bed.ask("GET", path + none, {}, root).status == 404);
    CHECK(bed.ask("GET", path + "/999", {}, root).status == 410);
    CHECK(bed.ask("POST", one, {}, root).status == 405);
}

TEST_CASE("of a long body an attempt shows whole characters of its beginning", "[rest_hook]") {
    world w;
    portal_bed bed(w);
    const auto id = bed.create("ann");
    bed.target.answer = [](http::exchange& x) { x.respond({.status = 500}); };
    std::string text(64 * 1024 - 1, 'x');
    text += "\xC3\xA9 and more";
    bed.hub.publish("a", event("test", "/test", text));
    w.run_ready();
    const auto root = bed.enter(admin());
    const auto path = "/portal/api/" + id + "/attempts";
    const auto key = json::parse(bed.ask("GET", path, {}, root).body).at(0).at("id").dump();
    const auto sent = json::parse(bed.ask("GET", path + '/' + key, {}, root).body).at("request");
    CHECK(sent.at("body").get<std::string>() == std::string(64 * 1024 - 1, 'x'));
    CHECK(sent.at("body_bytes") == text.size());
}

TEST_CASE("the page runs its own scripts only, and markup of others is text", "[rest_hook]") {
    world w;
    portal_bed bed(w, {.title = "Shop & <b>hooks</b>", .theme = ":root { --accent: red; }"});
    const auto id = bed.create("ann", "a", {{"description", "<script>alert(1)</script>"}});
    const auto page = bed.ask("GET", "/portal/");
    REQUIRE(page.status == 200);
    CHECK(page.fields.get("content-type") == "text/html; charset=utf-8");
    CHECK(page.body.find("Shop &amp; &lt;b>hooks") != page.body.npos);
    CHECK(page.body.find("{title}") == page.body.npos);
    CHECK(page.body.find("://") == page.body.npos);
    CHECK(page.body.find(" style=") == page.body.npos);
    const auto ann = bed.enter(owner("ann"));
    const auto shown = bed.ask("GET", "/portal/api/" + id, {}, ann);
    CHECK(json::parse(shown.body).at("description") == "<script>alert(1)</script>");
    CHECK(shown.fields.get("content-type") == "application/json");
    for (const auto* const path :
         {"/portal/", "/portal/main.js", "/portal/portal.css", "/portal/theme.css", "/portal/none",
          "/portal/api", "/portal/session"}) {
        CAPTURE(path);
        const auto r = bed.ask("GET", path, {}, ann);
        const auto policy = std::string(r.fields.get("content-security-policy"));
        CHECK(policy.find("default-src 'none'; script-src 'self'; style-src 'self'") == 0);
        CHECK(policy.find("unsafe") == policy.npos);
        CHECK(policy.find("frame-ancestors 'none'") != policy.npos);
        CHECK(r.fields.get("x-content-type-options") == "nosniff");
        CHECK(r.fields.get("referrer-policy") == "no-referrer");
        CHECK(r.fields.get("access-control-allow-origin").empty());
    }
    CHECK(bed.ask("GET", "/portal/theme.css").body == ":root { --accent: red; }");
    CHECK(bed.ask("GET", "/portal").status == 308);
    CHECK(bed.ask("GET", "/portal").fields.get("location") == "./portal/");
    CHECK(bed.ask("POST", "/portal/").status == 405);
    const auto tag = std::string(page.fields.get("etag"));
    CHECK(bed.ask("GET", "/portal/", {}, {{"If-None-Match", tag}}).status == 304);
    // The files are anybody's, also where a proxy leaves them the name that it has.
    CHECK(bed.ask("GET", "/portal/main.js", {}, {{"Host", "example.com"}}).status == 200);
}

TEST_CASE("a page of another origin speaks through nobody's session", "[rest_hook]") {
    world w;
    portal_bed bed(w);
    const auto id = bed.create("ann");
    const auto with = [](http::fields fields, std::string_view origin) {
        fields.set("Origin", origin);
        return fields;
    };
    const auto ann = bed.enter(owner("ann"));
    const auto here = url_of(bed.server, "");
    for (const auto* const origin : {"https://evil.example", "null", "http://127.0.0.1:1"}) {
        CAPTURE(origin);
        CHECK(bed.ask("POST", "/portal/api/" + id + "/pause", {}, with(ann, origin)).status == 403);
        CHECK(bed.ask("DELETE", "/portal/session", {}, with(ann, origin)).status == 403);
        CHECK(bed.redeem(bed.ticket(owner("ann")), with({}, origin)).status == 403);
    }
    CHECK(bed.ask("POST", "/portal/api/" + id + "/pause", {}, with(ann, here)).status == 200);

    portal_bed behind(w, {.origin = "https://shop.example"});
    const auto r = behind.redeem(behind.ticket(owner("ann")), {{"Origin", "https://shop.example"}});
    REQUIRE(r.status == 200);
    CHECK(r.fields.get("set-cookie").ends_with("; SameSite=Strict; Secure"));
    CHECK(behind.redeem(behind.ticket(owner("ann")), {{"Origin", url_of(behind.server, "")}})
              .status == 403);
}

TEST_CASE("tickets and sessions are bounded, and one without a place keeps its ticket",
          "[rest_hook]") {
    world w;
    portal_bed bed(
        w, {.session_lifetime = 1min, .max_tickets = 2, .max_sessions = 1, .max_per_principal = 1});
    const auto first = bed.enter(owner("ann"));
    const auto ticket = bed.ticket(owner("bob"));
    const auto full = bed.redeem(ticket);
    CHECK(full.status == 503);
    CHECK_FALSE(full.fields.get("retry-after").empty());
    CHECK(bed.ask("GET", "/portal/api", {}, first).status == 200);
    error_code ec;
    bed.ticket(owner("cid"));
    CHECK(bed.page->make_ticket(owner("dan"), ec).empty());
    CHECK(ec == errc::too_many);
    bed.page->end_sessions("ann");
    CHECK(bed.redeem(ticket).status == 200);

    CHECK(bed.page->make_ticket(owner(""), ec).empty());
    CHECK(ec == errc::invalid_argument);
    auto ended = owner("bob");
    ended.who.expires = w.clock().wall_now();
    CHECK(bed.page->make_ticket(ended, ec).empty());
    CHECK(ec == errc::unauthorized);
}

TEST_CASE("a portal's options that are none are refused", "[rest_hook]") {
    world w;
    portal_bed bed(w);
    for (const rest_hook::portal_options& o :
         {rest_hook::portal_options{.origin = "shop.example"},
          rest_hook::portal_options{.origin = "https://shop.example/"},
          rest_hook::portal_options{.origin = "https://Shop.example"},
          rest_hook::portal_options{.origin = "https://shop.example:443"},
          rest_hook::portal_options{.origin = "https://ann@shop.example"},
          rest_hook::portal_options{.ticket_lifetime = 0s},
          rest_hook::portal_options{.session_lifetime = -1s},
          rest_hook::portal_options{.max_tickets = 0}, rest_hook::portal_options{.max_sessions = 0},
          rest_hook::portal_options{.max_per_principal = 0}})
        CHECK_THROWS_AS(rest_hook::portal(bed.hooks, o), std::invalid_argument);
    bed.hooks.close();
    CHECK_THROWS_AS(rest_hook::portal(bed.hooks), std::invalid_argument);
}

}  // namespace tidings::test
