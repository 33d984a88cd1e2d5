// SPDX-License-Identifier: BSL-1.0
// A subscriber's client at a hub of W3C WebSub.
#include "support/subscriber_bed.hpp"
#include "support/websub_bed.hpp"

#include <tidings/rest_hook/impl/hub_links.hpp>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using rest_hook::stop_action;
using state = subscriber_bed::state;

const std::string topic_of_hub = "https://hub.example/topics/orders";

struct websub_pair {
    explicit websub_pair(world& in, rest_hook::websub_hub_options o = hub_options())
        : w(in),
          others(in),
          there(in, others, std::move(o)),
          here(in) {}
    std::string hub() const { return url_of(*there.server, "/hub"); }
    rest_hook::subscriber_client_options options() {
        auto o = here.options();
        o.topic_url = topic_of_hub;
        o.hub_url = hub();
        return o;
    }

    world& w;
    callbacks others;
    websub_bed there;
    subscriber_bed here;
};

}  // namespace

TEST_CASE("a client subscribes at a hub, is verified, receives and unsubscribes",
          "[rest_hook][subscriber][websub]") {
    world w;
    websub_pair p(w);
    auto o = p.options();
    o.lease = 1h;
    p.here.begin(o);
    REQUIRE(p.here.now() == state::active);
    CHECK(p.here.client().status().until == w.clock().wall_now() + 1h);
    p.there.publish("orders", "a");
    p.there.publish("orders", "a");  // the same content again
    p.there.publish("carts", "b");
    CHECK(p.here.seen == "a a ");
    const auto path = p.here.path();

    CHECK(p.here.stop() == error_code());
    CHECK(p.there.shown().empty());
    CHECK(p.here.row().empty());
    p.there.publish("orders", "c");
    CHECK(p.here.seen == "a a ");
    CHECK(w.request("POST", p.here.url(path)).status == 410);
}

TEST_CASE("a client finds the hub and the topic's own URL", "[rest_hook][subscriber][websub]") {
    world w;
    websub_pair p(w);
    world_sink topic(w);
    struct row {
        std::string link;
        state then;
    };
    const auto r = GENERATE(values<row>({
        {"<HUB>; rel=\"hub\", <TOPIC>; rel=self", state::active},
        {"<HUB>; rel=\"hub\"", state::failed},  // which has no such topic
        {"<ftp://x/>; rel=\"hub\", <TOPIC>; rel=self", state::failed},
        {"</hub>; rel=\"hub\", <TOPIC>; rel=self", state::failed},
        {"<TOPIC>; rel=self", state::failed},
        {"", state::failed},
    }));
    CAPTURE(r.link);
    auto link = r.link;
    const auto put = [&](std::string_view name, const std::string& url) {
        if (const auto at = link.find(name); at != link.npos) link.replace(at, name.size(), url);
    };
    put("HUB", p.hub());
    put("TOPIC", topic_of_hub);
    bool moved = false;
    topic.answer = [&](http::exchange& x) {
        CHECK(x.request().method == "GET");
        if (!std::exchange(moved, true))
            return x.respond({.status = 302, .fields = {{"Location", topic.url("/hook/b")}}});
        CHECK(x.request().target == "/hook/b");
        x.respond({200, {{"Link", link}}, std::string(1024 * 1024, 'x')});
    };
    auto o = p.options();
    o.topic_url = topic.url();
    o.hub_url.clear();
    p.here.begin(o);
    CHECK(p.here.now() == r.then);
    if (r.then != state::active) return;
    p.there.publish("orders", "a");
    CHECK(p.here.seen == "a ");
    // It is not looked for again.
    topic.requests.clear();
    p.here.end();
    p.here.begin(o);
    CHECK(p.here.now() == state::active);
    CHECK(topic.requests.empty());
}

TEST_CASE("a topic that never stops moving is asked no further for a while",
          "[rest_hook][subscriber][websub]") {
    world w;
    subscriber_bed here(w);
    world_sink topic(w);
    topic.answer = [&](http::exchange& x) {
        x.respond({.status = 302, .fields = {{"Location", topic.url()}}});
    };
    auto o = here.options();
    o.topic_url = topic.url();
    here.begin(o);
    CHECK(topic.requests.size() == 8);
    CHECK(here.client().status().error == errc::too_many_redirects);
    CHECK(here.now() == state::subscribing);
}

TEST_CASE("the lease is the hub's, and is renewed", "[rest_hook][subscriber][websub]") {
    world w;
    auto hub = hub_options();
    hub.max_lease = hub.default_lease = 10min;
    websub_pair p(w, hub);
    auto o = p.options();
    o.lease = 1h;
    p.here.begin(o);
    const auto begun = w.clock().wall_now();
    CHECK(p.here.client().status().until == begun + 10min);
    for (int i = 0; i < 120; ++i) {
        w.advance(1min);
        REQUIRE(p.here.now() == state::active);
    }
    CHECK(p.here.count(state::pending) <= 1);
    p.there.publish("orders", "a");
    CHECK(p.here.seen == "a ");
    CHECK(p.there.shown().size() == 1);
}

TEST_CASE("a client goes on at a hub by its row", "[rest_hook][subscriber][websub]") {
    world w;
    websub_pair p(w);
    world_sink counts(w);
    auto o = p.options();
    o.at_stop = stop_action::keep;
    p.here.begin(o);
    const auto row = p.here.row();
    CHECK(p.here.stop() == error_code());
    p.here.end();
    w.advance(1h);
    p.here.states.clear();
    p.here.begin(o);
    CHECK(p.here.now() == state::active);
    CHECK(p.here.states.size() == 2);  // nothing was asked
    CHECK(p.here.row() == row);
    p.there.publish("orders", "a");
    CHECK(p.here.seen == "a ");
    p.here.end();
    w.advance(24h * 11);
    p.here.begin(o);
    CHECK(p.here.count(state::subscribing) == 1);
    CHECK(p.here.now() == state::active);
}

TEST_CASE("a denial is a state with the hub's reason", "[rest_hook][subscriber][websub]") {
    world w;
    auto hub = hub_options();
    bool granted = false;
    hub.authorizer = [&](const principal&, action, std::string_view) { return granted; };
    websub_pair p(w, hub);
    p.here.begin(p.options());
    w.advance(1s);
    REQUIRE(p.here.now() == state::denied);
    CHECK(p.here.client().status().error == errc::forbidden);
    CHECK(p.here.client().status().reason == "the subscription is not granted");
    w.advance(24h);
    CHECK(p.here.now() == state::denied);
    granted = true;
    p.here.client().start();
    w.advance(1s);
    CHECK(p.here.now() == state::active);
    // Also of one that stands.
    const std::string id = p.there.shown().at(0).at("id");
    CHECK(w.request("DELETE", url_of(*p.there.server, "/hooks/" + id)).status == 204);
    w.advance(1s);
    CHECK(p.here.now() == state::denied);
    CHECK_FALSE(p.here.client().status().until);
    CHECK(p.here.stop() == error_code());
    CHECK(p.here.row().empty());
    CHECK(p.here.stop() == error_code());
    CHECK(p.here.stop(true) == make_error_code(errc::not_found));
}

TEST_CASE("a client confirms to a hub what it has asked for, and nothing else",
          "[rest_hook][subscriber][websub]") {
    world w;
    websub_pair p(w);
    p.here.begin(p.options());
    const auto ask = [&](std::string mode, std::string topic, std::string lease = "60") {
        return w
            .request("GET", p.here.url(p.here.path() + "?hub.mode=" + mode + "&hub.challenge=c" +
                                       "&hub.topic=" + http::percent_encode(topic) +
                                       "&hub.lease_seconds=" + lease))
            .status;
    };
    CHECK(ask("subscribe", "https://hub.example/topics/carts") == 404);
    CHECK(ask("unsubscribe", topic_of_hub) == 404);
    CHECK(ask("subscribe", topic_of_hub, "0") == 404);
    CHECK(ask("denied", "https://hub.example/topics/carts") == 200);
    CHECK(p.here.now() == state::active);
    CHECK(ask("subscribe", topic_of_hub, "60") == 200);
    w.run_ready();
    CHECK(p.here.client().status().until == w.clock().wall_now() + 60s);
    // Not signed, signed by somebody else, and no echo.
    http::fields f{{"Content-Type", "text/plain"}};
    CHECK(w.request("POST", p.here.url(p.here.path()), "x", f).status == 401);
    f.set("X-Hub-Signature", "sha256=" + std::string(64, '0'));
    CHECK(w.request("POST", p.here.url(p.here.path()), "x", f).status == 401);
    CHECK(w.request("POST", p.here.url(p.here.path()), "", {{"X-Hook-Secret", "s"}}).status == 401);
    CHECK(p.here.seen.empty());
}

TEST_CASE("a hub that verifies nothing is asked again", "[rest_hook][subscriber][websub]") {
    world w;
    subscriber_bed here(w);
    world_sink hub(w);
    std::string challenged;
    hub.answer = [](http::exchange& x) { x.respond({.status = 202}); };
    auto o = here.options();
    o.topic_url = topic_of_hub;
    o.hub_url = hub.url();
    o.token = "t";
    here.begin(o);
    CHECK(here.now() == state::pending);
    REQUIRE(hub.requests.size() == 1);
    CHECK(hub.requests[0].fields.get("authorization") == "Bearer t");
    CHECK(hub.requests[0].body.find("hub.secret=whsec_") != std::string::npos);
    w.advance(5min + 1s);
    CHECK(hub.requests.size() == 2);
    CHECK(hub.requests[1].body == hub.requests[0].body);
    // One without a lease has the one that counts as usual.
    CHECK(w.request("GET", here.url(here.path() + "?hub.mode=subscribe&hub.challenge=c&hub.topic=" +
                                    http::percent_encode(topic_of_hub)))
              .status == 200);
    w.run_ready();
    CHECK(here.client().status().until == w.clock().wall_now() + 24h);
}

TEST_CASE("a hub may send to another one, which gets no credentials",
          "[rest_hook][subscriber][websub]") {
    world w;
    subscriber_bed here(w);
    world_sink first(w);
    world_sink second(w);
    first.answer = [&](http::exchange& x) {
        x.respond({.status = 307, .fields = {{"Location", second.url()}}});
    };
    second.answer = [](http::exchange& x) { x.respond({.status = 202}); };
    auto o = here.options();
    o.topic_url = topic_of_hub;
    o.hub_url = first.url();
    o.token = "t";
    o.fields = {{"X-Api-Key", "k"}};
    here.begin(o);
    CHECK(here.now() == state::pending);
    REQUIRE(first.requests.size() == 1);
    CHECK(first.requests[0].fields.get("authorization") == "Bearer t");
    CHECK(first.requests[0].fields.get("x-api-key") == "k");
    REQUIRE(second.requests.size() == 1);
    CHECK_FALSE(second.requests[0].fields.find("authorization"));
    CHECK_FALSE(second.requests[0].fields.find("x-api-key"));
    CHECK(second.requests[0].body == first.requests[0].body);
}

TEST_CASE("links of fields are read", "[rest_hook][subscriber][websub]") {
    const auto read = [](std::string_view text) {
        return rest_hook::detail::read_hub_links({{"Link", text}});
    };
    CHECK(read("<a>; rel=hub").hub == "a");
    CHECK(read("<a> ;  REL = \"x Hub self\" ; title=\"<b>; rel=hub\"").self == "a");
    CHECK(read("<c>; title=\"<b>; rel=self, <d>\", <a>;rel=hub,").hub == "a");
    CHECK(read("<a>; rel=next; rel=hub").hub.empty());
    CHECK(read("<a>; rel=hub, <b>; rel=hub").hub == "a");
    CHECK(read("a; rel=hub").hub.empty());
    CHECK(read("<a; rel=hub").hub.empty());
    CHECK(read("<a>; rel=\"hub").hub == "a");
    CHECK(read("<a>; rel").hub.empty());
    CHECK(read("<a>;;;rel=hub").hub == "a");
    CHECK(read("").hub.empty());
    CHECK(read(",,;").hub.empty());
}

}  // namespace tidings::test
