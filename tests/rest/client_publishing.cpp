// SPDX-License-Identifier: BSL-1.0
// A client of topics: what it publishes, and sends on as an outlet.
#include "support/topic_bed.hpp"

namespace tidings::test {

TEST_CASE("an event is published, and its receipt comes back", "[rest]") {
    world w;
    topic_bed bed(w);
    const auto seen = std::make_shared<recorder>();
    const auto watch = bed.hub.subscribe(">", seen);
    rest::client client(w.io(), bed.client());
    client.start();
    const auto [ec, r] = publish(w, client, "orders.\xc3\xb6/1", made("hello").id("x"));
    CHECK_FALSE(ec);
    CHECK(r.matched == 1);
    CHECK(r.delivered == 1);
    REQUIRE(r.position);
    CHECK(*r.position == bed.hub.head());
    CHECK(show(*seen) == texts{"orders.\xc3\xb6/1=hello"});
    CHECK(seen->events()[0]->id() == "x");

    // Known already: published no second time.
    const auto [again, known] = publish(w, client, "orders.\xc3\xb6/1", made("hello").id("x"));
    CHECK_FALSE(again);
    CHECK(known.matched == 0);
    CHECK(known.position == r.position);
    CHECK(seen->count() == 1);
}

TEST_CASE("data of every kind arrives byte for byte", "[rest]") {
    world w;
    topic_bed bed(w);
    const auto seen = std::make_shared<recorder>();
    const auto watch = bed.hub.subscribe(">", seen);
    rest::client client(w.io(), bed.client());
    client.start();
    const std::string bytes("\0\xff\r\n\x80", 5);
    publish(w, client, "a", event("t", "/s", bytes_of(bytes), "application/octet-stream"));
    publish(w, client, "a", event{"t", "/s", {{"total", 99}}});
    publish(w, client, "a", event("t", "/s"));
    publish(w, client, "a", event("t", "/s", "{}", "application/cloudevents+json"));
    REQUIRE(seen->count() == 4);
    CHECK(seen->events()[0]->text() == bytes);
    CHECK(seen->events()[1]->text() == R"({"total":99})");
    CHECK_FALSE(seen->events()[2]->has_data());
    CHECK(seen->events()[3]->content_type() == "application/cloudevents+json");
}

TEST_CASE("what cannot be published is said", "[rest]") {
    world w;
    topic_bed bed(w, {.authenticator = bearer_token("key"),
                      .authorizer = [](const principal&, action,
                                       std::string_view topic) { return topic != "secret"; },
                      .max_body_bytes = 1000});
    auto o = bed.client();
    rest::client stranger(w.io(), o);
    stranger.start();
    CHECK(publish(w, stranger, "a", made("x")).first == errc::unauthorized);
    o.token = "key";
    rest::client client(w.io(), o);
    client.start();
    CHECK_FALSE(publish(w, client, "a", made("x")).first);
    CHECK(publish(w, client, "secret", made("x")).first == errc::forbidden);
    CHECK(publish(w, client, "a", made(std::string(1000, 'x'))).first == errc::too_large);
    CHECK(publish(w, client, "a..b", made("x")).first == errc::bad_topic);
    CHECK(publish(w, client, "tidings.a", made("x")).first == errc::reserved_topic);
    CHECK(publish(w, client, "a", event("", "/s")).first == errc::event_without_type);
    CHECK(publish(w, client, "a", event("tidings.gap", "/s")).first == errc::event_reserved_type);
    CHECK(publish(w, client, "a", event::of("t", "/s", 7)).first == errc::event_no_wire_form);
    bed.shut();
    CHECK(publish(w, client, "a", made("x")).first == net::error::connection_refused);
    client.stop();
    CHECK(publish(w, client, "a", made("x")).first == errc::closed);
}

TEST_CASE("an outlet publishes what it is given, in order", "[rest]") {
    world w;
    topic_bed bed(w);
    const auto seen = std::make_shared<recorder>();
    const auto watch = bed.hub.subscribe(">", seen);
    rest::client client(w.io(), bed.client());
    client.start();
    bus here(w.io());
    const auto hook = here.subscribe(">", client);
    texts expected;
    for (int i = 0; i < 100; ++i) {
        here.publish("a." + std::to_string(i % 7), made(std::to_string(i)));
        expected.push_back("a." + std::to_string(i % 7) + '=' + std::to_string(i));
    }
    w.run_ready();
    CHECK(show(*seen) == expected);
    CHECK(client.counters().sent == 100);
    CHECK(client.counters().dropped == 0);
}

TEST_CASE("an outlet waits for a server that is away, within its bounds", "[rest]") {
    world w;
    topic_bed bed(w);
    const auto seen = std::make_shared<recorder>();
    const auto watch = bed.hub.subscribe(">", seen);
    auto o = bed.client();
    o.limits.max_events = 3;
    o.overflow = GENERATE(overflow::drop_oldest, overflow::drop_newest);
    rest::client client(w.io(), o);
    client.start();
    bus here(w.io());
    const auto hook = here.subscribe(">", client);
    bed.shut();
    for (int i = 0; i < 6; ++i) {
        here.publish("a", made(std::to_string(i)));
        w.run_ready();
    }
    w.advance(1s);
    w.advance(1min);
    CHECK(client.counters().sent == 0);
    CHECK(client.counters().failed == 0);
    CHECK(client.counters().dropped == 2);
    bed.open();
    w.advance(1min);
    // The first was on its way; what was dropped leaves no trace on the other side.
    CHECK(show(*seen) == (o.overflow == overflow::drop_oldest ? texts{"a=0", "a=3", "a=4", "a=5"}
                                                              : texts{"a=0", "a=1", "a=2", "a=3"}));
    CHECK(client.counters().sent == 4);
}

TEST_CASE("an outlet that must not drop is closed instead", "[rest]") {
    world w;
    topic_bed bed(w);
    auto o = bed.client();
    o.limits.max_events = 1;
    o.overflow = overflow::disconnect;
    rest::client client(w.io(), o);
    client.start();
    bus here(w.io());
    const auto hook = here.subscribe(">", client);
    bed.shut();
    for (int i = 0; i < 3; ++i) {
        here.publish("a", made("x"));
        w.run_ready();
    }
    CHECK_FALSE(hook.active());
}

TEST_CASE("an outlet gives up what is refused for good, and goes on", "[rest]") {
    world w;
    world_sink server(w);
    struct row {
        unsigned status;
        bool for_good;
    };
    const auto r = GENERATE(values<row>({{400, true},
                                         {401, true},
                                         {403, true},
                                         {413, true},
                                         {302, true},
                                         {408, false},
                                         {429, false},
                                         {500, false},
                                         {503, false}}));
    CAPTURE(r.status);
    server.answer = [&, first = true](http::exchange& x) mutable {
        const bool refuse = std::exchange(first, false);
        http::response answer{.status = refuse ? r.status : 202};
        if (refuse) answer.fields.set("Retry-After", "100");
        x.respond(std::move(answer));
    };
    rest::client client(w.io(), {.url = server.url(), .environment = w.environment()});
    client.start();
    bus here(w.io());
    const auto hook = here.subscribe(">", client);
    here.publish("1", made("x"));
    here.publish("2", made("x"));
    w.run_ready();
    // Only what `/hook/...` names comes to the sink.
    const auto targets = [&] {
        texts t;
        for (const auto& q : server.requests) t.push_back(q.target);
        return t;
    };
    if (r.for_good) {
        CHECK(targets() == texts{"/hook/1", "/hook/2"});
        CHECK(client.counters().failed == 1);
        CHECK(client.counters().sent == 1);
        return;
    }
    CHECK(targets() == texts{"/hook/1"});
    w.advance(99s);
    CHECK(targets() == texts{"/hook/1"});
    w.advance(2s);
    CHECK(targets() == texts{"/hook/1", "/hook/1", "/hook/2"});
    CHECK(client.counters().failed == 0);
    CHECK(client.counters().sent == 2);
}

TEST_CASE("an event without a wire form is given up, control events are passed over", "[rest]") {
    world w;
    topic_bed bed(w);
    rest::client client(w.io(), bed.client());
    client.start();
    bus here(w.io());
    const auto hook = here.subscribe(">", client);
    CHECK(client.as_subscriber()->deliver(make_lagged_event(3)) == outcome::delivered);
    here.publish("a", event::of("t", "/s", 7));
    here.publish("a", made("x"));
    w.run_ready();
    CHECK(client.counters().failed == 1);
    CHECK(client.counters().sent == 1);
    client.stop();
    CHECK(client.as_subscriber()->deliver(make_lagged_event(3)) == outcome::closed);
}

}  // namespace tidings::test
