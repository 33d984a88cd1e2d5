// SPDX-License-Identifier: BSL-1.0
// A client of topics: what it reads, and how it ends.
#include "support/topic_bed.hpp"

namespace tidings::test {

TEST_CASE("reading brings what is published from now on, in order, once", "[rest]") {
    world w;
    topic_bed bed(w);
    bed.hub.publish("a", made("before"));
    const auto seen = std::make_shared<recorder>();
    rest::client client(w.io(), bed.client({"a", "b.>"}), seen);
    client.start();
    CHECK_FALSE(client.last_position());
    w.run_ready();
    CHECK(client.last_position() == bed.hub.head());
    texts expected;
    for (int i = 0; i < 250; ++i) {
        const auto topic = i % 3 == 0 ? "a" : i % 3 == 1 ? "b.c" : "other";
        bed.hub.publish(topic, made(std::to_string(i)));
        if (i % 3 != 2) expected.push_back(topic + std::string("=") + std::to_string(i));
        if (i % 10 == 0) w.run_ready();
    }
    w.run_ready();
    for (const auto& [ec, ended] : *bed.errors) FAIL_CHECK(ec.message());
    REQUIRE(show(*seen) == expected);
    CHECK(client.counters().received == expected.size());
    CHECK(client.last_position() == bed.hub.head());
    CHECK(seen->events()[0]->info().hops == 1);
    CHECK(seen->events()[0]->info().origin != 0);
}

TEST_CASE("reading waits when there is nothing, and asks again when the wait is over", "[rest]") {
    world w;
    topic_bed bed(w);
    bed.hub.publish("a", made("before"));
    const auto seen = std::make_shared<recorder>();
    rest::client client(w.io(), bed.client({"a"}), seen);
    client.start();
    w.run_ready();
    const auto made_so_far = w.sim().connections();
    for (int i = 0; i < 7; ++i) w.advance(31s);
    CHECK(w.sim().connections() == made_so_far);
    bed.hub.publish("a", made("x"));
    w.run_ready();
    CHECK(show(*seen) == texts{"a=x"});
    CHECK(bed.errors->empty());
}

TEST_CASE("reading may begin in the past", "[rest]") {
    world w;
    topic_bed bed(w);
    std::vector<position> places;
    for (int i = 0; i < 5; ++i)
        places.push_back(*bed.hub.publish("a", made(std::to_string(i))).position);
    const auto seen = std::make_shared<recorder>();
    auto o = bed.client({"a"});
    const bool all = GENERATE(true, false);
    o.after = all ? position() : places[2];
    o.max_batch = 2;
    rest::client client(w.io(), o, seen);
    client.start();
    w.run_ready();
    CHECK(show(*seen) == (all ? texts{"a=0", "a=1", "a=2", "a=3", "a=4"} : texts{"a=3", "a=4"}));
}

TEST_CASE("what the history has lost is announced as a gap", "[rest]") {
    world w;
    topic_bed bed(w, {}, 3);
    const auto first = *bed.hub.publish("a", made("0")).position;
    for (int i = 1; i < 10; ++i) bed.hub.publish("a", made(std::to_string(i)));
    const auto seen = std::make_shared<recorder>();
    auto o = bed.client({"a"});
    o.after = first;
    rest::client client(w.io(), o, seen);
    client.start();
    w.run_ready();
    CHECK(show(*seen) == texts{"gap"});
    CHECK(client.last_position() == bed.hub.head());
    bed.hub.publish("a", made("10"));
    w.run_ready();
    CHECK(show(*seen) == texts{"gap", "a=10"});
}

TEST_CASE("reading goes on after an outage, nothing lost and nothing twice", "[rest]") {
    world w;
    topic_bed bed(w);
    const auto seen = std::make_shared<recorder>();
    bed.hub.publish("a", made("before"));
    rest::client client(w.io(), bed.client({"a"}), seen);
    client.start();
    w.run_ready();
    texts expected;
    const auto publish_some = [&] {
        for (int i = 0; i < 3; ++i) {
            expected.push_back("a=" + std::to_string(expected.size()));
            bed.hub.publish("a", made(expected.back().substr(2)));
        }
    };
    publish_some();
    w.run_ready();
    SECTION("of connections") {
        for (int i = 0; i < 5; ++i) {
            w.sim().reset_all();
            publish_some();
            w.run_ready();
            w.advance(40s);
        }
    }
    SECTION("in the middle of an answer") {
        for (std::size_t bytes = 0; bytes < 1500; bytes += 100) {
            w.sim().set_link({.cut_after_received = bytes});
            w.sim().reset_all();
            publish_some();
            w.advance(40s);
            w.sim().set_link({});
            w.advance(40s);
        }
    }
    SECTION("of the server") {
        bed.shut();
        publish_some();
        for (int i = 0; i < 20; ++i) w.advance(40s);
        CHECK(bed.errors->size() >= 20);
        bed.open();
        w.advance(40s);
        publish_some();
        w.run_ready();
    }
    w.advance(40s);
    CHECK(show(*seen) == expected);
    for (const auto& [ec, ended] : *bed.errors) {
        CHECK(ec == condition::retryable);  // refused, or reset in its midst
        CHECK_FALSE(ended);
    }
}

TEST_CASE("a server that has no position yet is asked for all it will have", "[rest]") {
    world w;
    world_sink server(w);
    const bool gap = GENERATE(true, false);
    server.answer = [gap](http::exchange& x) {
        http::response r{.body = "[]"};
        if (gap && x.request().target.ends_with("after=e%3A7")) r.fields.set("Tidings-Gap", "true");
        x.respond(std::move(r));
    };
    const auto seen = std::make_shared<recorder>();
    rest::client_options o{.url = server.url(), .topics = {"a"}, .environment = w.environment()};
    error_code ec;
    if (gap) o.after = position::parse("e:7", ec);
    rest::client client(w.io(), o, seen);
    client.start();
    w.run_ready();
    REQUIRE(server.requests.size() >= 2);
    CHECK(server.requests[1].target == "/hook/a?wait=30s&max=100&after=");
    w.advance(1min);
    CHECK(server.requests.back().target == server.requests[1].target);
    CHECK(show(*seen) == (gap ? texts{"gap"} : texts{}));
}

TEST_CASE("reading a server that has held nothing yet loses nothing", "[rest]") {
    world w;
    topic_bed bed(w);
    const auto seen = std::make_shared<recorder>();
    rest::client client(w.io(), bed.client({"a"}), seen);
    client.start();
    w.run_ready();
    texts expected;
    for (int i = 0; i < 5; ++i) {
        // What comes while the connection is made anew is not missed.
        w.sim().reset_all();
        bed.hub.publish("a", made(std::to_string(i)));
        expected.push_back("a=" + std::to_string(i));
        w.advance(40s);
    }
    CHECK(show(*seen) == expected);
}

TEST_CASE("a server that begins anew is announced as one gap, and read on from there", "[rest]") {
    world w;
    topic_bed bed(w);
    bed.hub.publish("a", made("before"));
    const auto seen = std::make_shared<recorder>();
    rest::client client(w.io(), bed.client({"a"}), seen);
    client.start();
    w.run_ready();
    bed.hub.publish("a", made("0"));
    w.run_ready();
    bed.shut();
    topic_bed fresh(w);
    fresh.server.reset();
    w.run_ready();
    fresh.port = bed.port;
    fresh.open();
    for (int i = 0; i < 4; ++i) w.advance(40s);
    CHECK(show(*seen) == texts{"a=0", "gap"});
    for (int i = 1; i < 4; ++i) {
        w.sim().reset_all();
        fresh.hub.publish("a", made(std::to_string(i)));
        w.advance(40s);
    }
    CHECK(show(*seen) == texts{"a=0", "gap", "a=1", "a=2", "a=3"});
}

TEST_CASE("readers of one topic each get everything", "[rest]") {
    world w;
    topic_bed bed(w);
    bed.hub.publish("a", made("before"));
    const auto one = std::make_shared<recorder>();
    const auto two = std::make_shared<recorder>();
    rest::client first(w.io(), bed.client({"a"}), one);
    first.start();
    rest::client second(w.io(), bed.client({"a"}), two);
    second.start();
    w.run_ready();
    texts expected;
    for (int i = 0; i < 20; ++i) {
        bed.hub.publish("a", made(std::to_string(i)));
        expected.push_back("a=" + std::to_string(i));
        if (i % 3 == 0) w.run_ready();
    }
    w.run_ready();
    CHECK(show(*one) == expected);
    CHECK(show(*two) == expected);
}

TEST_CASE("a foreign event gets a topic by the rule, or is passed over", "[rest]") {
    world w;
    world_sink server(w);
    server.answer = [first = true](http::exchange& x) mutable {
        const auto e = [](std::string_view id, std::string_view extra,
                          std::string_view type = "x.y") {
            return R"({"specversion":"1.0","type":")" + std::string(type) +
                   R"(","source":"/s","id":")" + std::string(id) + "\"" + std::string(extra) + "}";
        };
        x.respond({.body = std::exchange(first, false)
                               ? "[" + e("1", "") + "," +
                                     e("2", R"(,"topic":"tidings.gap")", "tidings.gap") + "," +
                                     e("3", R"(,"hops":16)") + "," + e("4", R"(,"topic":"b")") + "]"
                               : "[]"});
    };
    const auto seen = std::make_shared<recorder>();
    rest::client client(w.io(),
                        {.url = server.url(),
                         .topics = {">"},
                         .topic = topic_rule::prefix("from"),
                         .environment = w.environment()},
                        seen);
    client.start();
    w.run_ready();
    CHECK(show(*seen) == texts{"from.x.y=", "gap", "from.b="});
}

TEST_CASE("reading stops at stop(), also inside the subscriber", "[rest]") {
    world w;
    topic_bed bed(w);
    bed.hub.publish("a", made("before"));
    std::optional<rest::client> client;
    texts seen;
    struct stopping final : subscriber {
        std::optional<rest::client>& client;
        texts& seen;
        const bool destroy;
        stopping(std::optional<rest::client>& c, texts& s, bool d)
            : client(c),
              seen(s),
              destroy(d) {}
        outcome deliver(const event_ptr& e) noexcept override {
            seen.emplace_back(e->text());
            destroy ? client.reset() : client->stop();
            return outcome::delivered;
        }
    };
    const bool destroy = GENERATE(true, false);
    client.emplace(w.io(), bed.client({"a"}), std::make_shared<stopping>(client, seen, destroy));
    client->start();
    w.run_ready();
    for (const auto* text : {"1", "2"}) bed.hub.publish("a", made(text));
    w.run_ready();
    w.advance(1min);
    CHECK(seen == texts{"1"});
    CHECK(bed.errors->empty());
}

TEST_CASE("two buses bridged both ways by one client see each event once", "[rest]") {
    world w;
    topic_bed there(w);
    bus here(w.io());
    const auto seen_here = std::make_shared<recorder>();
    const auto seen_there = std::make_shared<recorder>();
    const auto watch_here = here.subscribe(">", seen_here);
    const auto watch_there = there.hub.subscribe(">", seen_there);
    rest::client client(w.io(), there.client({">"}), here);
    client.start();
    const auto hook = here.subscribe(">", client);
    w.run_ready();
    texts expected;
    for (int i = 0; i < 5; ++i) {
        here.publish("a", made("here"));
        w.run_ready();
        there.hub.publish("b", made("there"));
        w.run_ready();
        expected.insert(expected.end(), {"a=here", "b=there"});
    }
    w.advance(2min);
    CHECK(show(*seen_here) == expected);
    CHECK(show(*seen_there) == expected);
}

TEST_CASE("a client ends at any moment, before or after what it talks to", "[rest]") {
    for (int order = 0; order < 3; ++order) {
        for (int steps = 0; steps < 120; ++steps) {
            CAPTURE(order, steps);
            world w;
            std::optional<topic_bed> bed(std::in_place, w);
            bus here(w.io());
            const auto seen = std::make_shared<recorder>();
            auto o = bed->client({"a"});
            o.on_error = nullptr;
            std::optional<rest::client> client(std::in_place, w.io(), o, seen);
            client->start();
            auto hook = here.subscribe(">", *client);
            bed->hub.publish("a", made("1"));
            here.publish("b", made("2"));
            std::optional<error_code> published;
            client->async_publish("c", made("3"), [&](error_code ec, receipt) { published = ec; });
            for (int i = 0; i < steps; ++i)
                if (w.io().poll_one() == 0) break;
            if (order == 0) bed.reset();
            if (order == 2) w.destroy_context();
            client.reset();
            bed.reset();
            if (order == 2) continue;
            w.run_ready();
            CHECK(published);  // whatever it was, it completed
        }
    }
}

TEST_CASE("reading and publishing work on real sockets", "[rest]") {
    world w(transport::tcp);
    topic_bed bed(w);
    const auto seen = std::make_shared<recorder>();
    bed.hub.publish("a", made("before"));
    rest::client client(w.io(), bed.client({"a"}), seen);
    client.start();
    w.run_until([&] { return client.last_position().has_value(); });
    publish(w, client, "a", made("hello"));
    w.run_until([&] { return seen->count() == 1; });
    CHECK(show(*seen) == texts{"a=hello"});
}

}  // namespace tidings::test
