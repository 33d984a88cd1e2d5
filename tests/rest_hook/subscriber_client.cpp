// SPDX-License-Identifier: BSL-1.0
// A subscriber's client at the API of a manager.
#include "support/proof_bed.hpp"
#include "support/subscriber_bed.hpp"

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using rest_hook::proof;
using rest_hook::stop_action;
using state = subscriber_bed::state;

struct rest_pair {
    explicit rest_pair(world& w, rest_hook::manager_options o = {})
        : there(w, std::move(o)),
          here(w) {}
    rest_hook::subscriber_client_options options() {
        auto o = here.options();
        o.api_url = there.url("/");
        o.event = "orders.>";
        return o;
    }
    json hooks() { return json::parse(there.get().body); }

    proof_bed there;
    subscriber_bed here;
};

}  // namespace

TEST_CASE("a client subscribes, receives, and unsubscribes when it is stopped",
          "[rest_hook][subscriber]") {
    world w;
    rest_pair p(w);
    p.here.begin(p.options());
    REQUIRE(p.here.now() == state::active);
    CHECK_FALSE(p.here.client().status().until);
    CHECK(p.here.states.size() == 3);  // loading, subscribing, active
    p.there.publish("orders.1", "a");
    p.there.publish("carts.1", "b");
    p.there.publish("orders.2", "c");
    CHECK(p.here.seen == "a c ");
    const auto path = p.here.path();
    CHECK(p.hooks().at(0).at("target_url") == p.here.url(path));

    CHECK(p.here.stop() == error_code());
    CHECK(p.here.now() == state::stopped);
    CHECK(p.hooks().empty());
    CHECK(p.here.row().empty());
    CHECK(w.request("POST", p.here.url(path)).status == 410);
    // It begins anew, by another path.
    p.here.client().start();
    w.run_ready();
    CHECK(p.here.now() == state::active);
    CHECK(p.here.path() != path);
    p.there.publish("orders.3", "d");
    CHECK(p.here.seen == "a c d ");
}

TEST_CASE("a client agrees to the proof that it is asked for, and to nobody else's",
          "[rest_hook][subscriber][proof]") {
    world w;
    const auto kind = GENERATE(proof::echo, proof::consent, proof::challenge);
    CAPTURE(static_cast<int>(kind));
    rest_pair p(w, asking_for(kind));
    p.here.begin(p.options());
    w.advance(2s);
    w.advance(2s);
    CHECK(p.here.now() == state::active);
    CHECK(p.here.count(state::pending) >= 1);
    p.there.publish("orders.1", "a");
    CHECK(p.here.seen == "a ");

    // At another path, and at its own for another subscription.
    const http::fields asks{{"X-Hook-Secret", "s"}, {"X-Hook-Subscription", "theirs"}};
    CHECK(w.request("POST", p.here.url("/guessed"), {}, asks).status == 404);
    CHECK(w.request("POST", p.here.url(p.here.path()), {}, asks).status == 404);
    const std::string query = "?hub.mode=subscribe&hub.challenge=c&hub.lease_seconds=9&hub.topic=";
    CHECK(w.request("GET", p.here.url(p.here.path() + query + "theirs")).status == 404);
    CHECK(w.request("GET", p.here.url("/guessed" + query + "orders.%3E")).status == 404);
    CHECK(w.request("GET", p.here.url(p.here.path() + query + "orders.%3E")).body == "c");
    CHECK(w.request("POST", p.here.url(p.here.path()), "x").status == 401);
    // Nothing is agreed to any more.
    CHECK(p.here.stop(true) == error_code());
    CHECK(w.request("GET", p.here.url(query + "orders.%3E")).status != 200);
    CHECK(p.here.seen == "a ");
}

TEST_CASE("a client renews the lease before its end", "[rest_hook][subscriber]") {
    world w;
    rest_pair p(w, {.max_lease = 24h});
    auto o = p.options();
    o.lease = 1h;
    p.here.begin(o);
    REQUIRE(p.here.now() == state::active);
    const auto first = p.here.client().status().until;
    REQUIRE(first == w.clock().wall_now() + 1h);
    // With 0.25 to 0.375 of it left, and not sooner.
    w.advance(37min);
    CHECK(p.here.client().status().until == first);
    w.advance(9min);
    CHECK(p.here.client().status().until > first);
    CHECK(p.hooks().size() == 1);
    for (int i = 0; i < 60; ++i) w.advance(10min);
    CHECK(p.here.now() == state::active);
    CHECK(p.here.count(state::subscribing) == 1);
    CHECK(p.hooks().size() == 1);
    p.there.publish("orders.1", "a");
    CHECK(p.here.seen == "a ");
    CHECK(p.here.stop() == error_code());
}

TEST_CASE("a client subscribes anew where its subscription is no more", "[rest_hook][subscriber]") {
    world w;
    rest_pair p(w, {.max_lease = 24h});
    auto o = p.options();
    o.lease = 1h;
    p.here.begin(o);
    const std::string id = p.hooks().at(0).at("id");
    const auto path = p.here.path();
    CHECK(p.there.del(id).status == 204);
    w.advance(46min);
    REQUIRE(p.hooks().size() == 1);
    CHECK(p.hooks().at(0).at("id") != id);
    CHECK(p.here.path() == path);
    CHECK(p.here.now() == state::active);
    p.there.publish("orders.1", "a");
    CHECK(p.here.seen == "a ");
}

TEST_CASE("a client that is started again goes on by its row", "[rest_hook][subscriber]") {
    world w;
    rest_pair p(w, {.max_lease = 24h});
    auto o = p.options();
    o.lease = GENERATE(0h, 1h);
    o.at_stop = stop_action::keep;
    p.here.begin(o);
    const auto row = p.here.row();
    const auto hooks = p.hooks();
    SECTION("behind a stop") {
        CHECK(p.here.stop() == error_code());
        CHECK(w.request("POST", p.here.url(p.here.path()), "x").status == 503);
    }
    SECTION("behind an end without one") {}
    p.here.end();
    p.there.publish("orders.1", "a");  // which is repeated
    w.advance(2min);
    const auto before = p.here.states.size();
    p.here.begin(o);
    CHECK(p.here.now() == state::active);
    CHECK(p.here.states.at(before).state == state::loading);
    CHECK(p.here.states.at(before + 1).state == state::active);  // before it is confirmed
    CHECK(p.here.row() == row);
    CHECK(p.hooks() == hooks);
    w.advance(1h);
    CHECK(p.here.seen == "a ");
    CHECK(p.hooks().size() == 1);
}

TEST_CASE("a client subscribes anew where its lease ended while it was away",
          "[rest_hook][subscriber]") {
    world w;
    rest_pair p(w, {.max_lease = 24h});
    auto o = p.options();
    o.lease = 1h;
    p.here.begin(o);
    const auto path = p.here.path();
    p.here.end();
    w.advance(2h);
    CHECK(p.hooks().empty());
    p.here.begin(o);
    CHECK(p.here.now() == state::active);
    CHECK(p.here.path() == path);
    CHECK(p.hooks().size() == 1);
}

TEST_CASE("a client takes its subscription to where it is mounted now", "[rest_hook][subscriber]") {
    world w;
    rest_pair p(w);
    auto o = p.options();
    p.here.begin(o);
    p.here.end();
    const auto id = p.hooks().at(0).at("id");
    o.public_url = url_of(p.here.server, "/in/") + "/";  // the same place by another name
    p.here.begin(o);
    CHECK(p.here.now() == state::active);
    p.here.end();
    o.public_url =
        "http://localhost:" + std::to_string(p.here.server.local_endpoint().port) + "/in";
    p.here.begin(o);
    CHECK(p.here.now() == state::active);
    CHECK(p.hooks().size() == 1);
    CHECK(p.hooks().at(0).at("id") == id);
    CHECK(std::string(p.hooks().at(0).at("target_url")).starts_with("http://localhost"));
}

TEST_CASE("a client finds the subscription whose answer was lost", "[rest_hook][subscriber]") {
    world w;
    rest_pair p(w);
    auto o = p.options();
    p.here.begin(o);
    auto row = json::parse(p.here.row());
    const std::string id = row.at("id");
    p.here.end();
    // The process ended before it knew the id.
    row.erase("id");
    row.erase("callback");
    p.here.table = store::make_memory_table();
    p.here.put_row(row.dump());
    o.table = p.here.table;
    p.here.begin(o);
    CHECK(p.here.now() == state::active);
    REQUIRE(p.hooks().size() == 1);
    CHECK(json::parse(p.here.row()).at("id") == id);
    p.there.publish("orders.1", "a");
    CHECK(p.here.seen == "a ");
}

TEST_CASE("a client finds its subscription on any page of the list", "[rest_hook][subscriber]") {
    world w;
    subscriber_bed here(w);
    world_sink server(w);
    world_sink other(w);
    struct row {
        std::string link;
        std::size_t pages;  // that are read
        std::size_t has_it;
    };
    const auto r = GENERATE(values<row>({
        {"</hook?page=N>; rel=\"next\"", 13, 12},
        {"<?page=N>; rel=next", 3, 2},
        {"<HERE?page=N>; rel=\"prev next\"", 3, 2},
        {"<OTHER?page=N>; rel=next", 1, 2},
        {"<//127.0.0.1/hook?page=N>; rel=next", 1, 2},
        {"</hook?page=N>; rel=prev", 1, 2},
        {"</hook?page=N>; rel=next", 100, 1000},
    }));
    CAPTURE(r.link);
    std::string target;
    std::size_t pages = 0;
    server.answer = [&](http::exchange& x) {
        if (x.request().method == "POST") {
            target = json::parse(x.request().body).at("target_url");
            return x.respond({.status = 409});
        }
        if (x.request().query().empty()) return x.respond({.status = 200, .body = R"({"id":"i"})"});
        auto link = r.link;
        const auto put = [&](std::string_view name, const std::string& text) {
            if (const auto at = link.find(name); at != link.npos)
                link.replace(at, name.size(), text);
        };
        put("HERE", server.url());
        put("OTHER", other.url());
        put("N", std::to_string(pages + 1));
        const bool has_it = pages++ == r.has_it;
        x.respond({200,
                   {{"Link", link}},
                   has_it ? json::array({{{"id", "i"}, {"target_url", target}}}).dump() : "[]"});
    };
    auto o = here.options();
    o.api_url = server.url();
    o.event = "orders.>";
    here.begin(o);
    const bool found = r.pages > r.has_it;
    CHECK(pages == r.pages);
    CHECK(other.requests.empty());
    CHECK(here.now() == (found ? state::active : state::failed));
    if (found) return;
    CHECK(here.client().status().error == errc::store_conflict);
}

TEST_CASE("a subscription that the server has disabled is taken up again",
          "[rest_hook][subscriber]") {
    world w;
    rest_pair p(w, asking_for(proof::echo));
    auto o = p.options();
    p.here.make(o);
    // It is not there when it is asked.
    p.here.client().start();
    w.run_until([&] { return p.here.count(state::pending) == 1; });
    p.here.end();
    w.advance(25h);
    REQUIRE(p.there.state_of(p.hooks().at(0).at("id")) == "disabled");
    p.here.begin(o);
    w.advance(2s);
    w.advance(2s);
    CHECK(p.here.now() == state::active);
    CHECK(p.hooks().size() == 1);
}

}  // namespace tidings::test
