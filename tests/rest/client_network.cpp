// SPDX-License-Identifier: BSL-1.0
// A client of topics: what it publishes, sends on as an outlet, and reads.
#include "support/world.hpp"

#include <tidings/bus.hpp>
#include <tidings/control_event.hpp>
#include <tidings/event_json.hpp>
#include <tidings/rest/client.hpp>
#include <tidings/rest/service.hpp>
#include <tidings/test/recorder.hpp>

#include <algorithm>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using texts = std::vector<std::string>;

texts show(const recorder& r) {
    texts shown;
    for (const auto& e : r.events())
        shown.push_back(e->topic() == gap_type ? "gap" : e->topic() + '=' + std::string(e->text()));
    return shown;
}

event made(std::string_view text) {
    return {"test", "/test", text};
}

/// A bus behind a server of topics.
struct topic_bed {
    explicit topic_bed(world& in, rest::service_options o = {}, std::size_t held = 1000)
        : w(in),
          hub(w.io(), {.history = {.max_events = held}, .clock = &w.clock()}),
          options(std::move(o)) {
        open();
    }
    /// A server at the port that it had before, if it had one.
    void open() {
        server.emplace(w.io(), http::server_options{.port = port, .environment = w.environment()});
        port = server->local_endpoint().port;
        server->mount("/topics", rest::service(hub, options));
        server->start();
    }
    void shut() {
        server.reset();
        w.run_ready();
    }
    std::string url() const { return "http://127.0.0.1:" + std::to_string(port) + "/topics"; }
    rest::client_options client(std::vector<std::string> topics = {}) const {
        return {.url = url(),
                .topics = std::move(topics),
                .on_error =
                    [to = errors](error_code ec, bool ended, const diagnostics&) {
                        to->push_back({ec, ended});
                    },
                .environment = w.environment()};
    }

    world& w;
    bus hub;
    const rest::service_options options;
    std::uint16_t port = 0;
    std::optional<http::server> server;
    std::shared_ptr<std::vector<std::pair<error_code, bool>>> errors =
        std::make_shared<std::vector<std::pair<error_code, bool>>>();
};

std::pair<error_code, receipt> publish(world& w, rest::client& c, std::string_view topic, event e) {
    std::optional<std::pair<error_code, receipt>> done;
    c.async_publish(topic, std::move(e), [&](error_code ec, receipt r) { done = {ec, r}; });
    w.run_until([&] { return done.has_value(); });
    CHECK(done->second.error == done->first);
    return *done;
}

}  // namespace

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

TEST_CASE("an answer that is wrong for good ends the reading", "[rest]") {
    world w;
    world_sink server(w);
    const auto seen = std::make_shared<recorder>();
    struct row {
        unsigned status;
        std::string body;
        bool ended;
    };
    const auto r = GENERATE(values<row>({{401, "", true},
                                         {403, "", true},
                                         {404, "", true},
                                         {302, "", true},
                                         {409, "", false},
                                         {429, "", false},
                                         {500, "", false},
                                         {200, "", false},
                                         {200, "{}", false},
                                         {200, "[{]", false}}));
    CAPTURE(r.status, r.body);
    server.answer = [&](http::exchange& x) {
        http::response answer{.status = r.status, .body = r.body};
        answer.fields.set("Retry-After", "100");
        x.respond(std::move(answer));
    };
    std::vector<std::pair<error_code, bool>> errors;
    rest::client client(w.io(),
                        {.url = server.url(),
                         .topics = {"a"},
                         .on_error =
                             [&](error_code ec, bool ended, const diagnostics&) {
                                 errors.push_back({ec, ended});
                             },
                         .environment = w.environment()},
                        seen);
    client.start();
    w.run_ready();
    REQUIRE(errors.size() == 1);
    CHECK(errors[0].first);
    CHECK(errors[0].second == r.ended);
    CHECK(server.requests.size() == 1);
    w.advance(99s);
    const bool asked_to_wait = r.status != 200;
    CHECK(server.requests.size() == (r.ended || asked_to_wait ? 1U : 2U));
    w.advance(2s);
    CHECK((server.requests.size() >= 2) == !r.ended);
    CHECK(seen->count() == 0);
}

TEST_CASE("why reading failed comes with the URL and the cause", "[rest][fault-19]") {
    world w;
    world_sink server(w);
    server.answer = [](http::exchange& x) { x.respond({.status = 403}); };
    const auto seen = std::make_shared<recorder>();
    texts told;
    rest::client client(
        w.io(),
        {.url = server.url(),
         .topics = {"a"},
         .on_error = [&](error_code, bool, const diagnostics& d) { told.push_back(d.message()); },
         .environment = w.environment()},
        seen);
    client.start();
    w.run_ready();
    CHECK(told == texts{server.url() + ": the server answered 403"});
}

TEST_CASE("answers that are too large are asked for in smaller pieces", "[rest]") {
    world w;
    topic_bed bed(w);
    for (int i = 0; i < 16; ++i) bed.hub.publish("a", made(std::string(1000, 'x')));
    const auto seen = std::make_shared<recorder>();
    auto o = bed.client({"a"});
    o.after = position();
    o.max_response_bytes = 4'000;
    rest::client client(w.io(), o, seen);
    client.start();
    w.run_ready();
    CHECK(seen->count() == 16);
    CHECK(bed.errors->empty());
}

TEST_CASE("an event that alone is over the limit is skipped and announced", "[rest][fault-1]") {
    world w;
    topic_bed bed(w);
    const auto seen = std::make_shared<recorder>();
    auto o = bed.client({"a"});
    o.after = position();
    o.max_response_bytes = 4'000;
    for (const auto* text : {"1", "2", "large", "4", "5"})
        bed.hub.publish("a", made(text == std::string("large") ? std::string(4'000, 'x') : text));
    rest::client client(w.io(), o, seen);
    client.start();
    w.run_ready();
    CHECK(bed.errors->empty());
    REQUIRE(seen->count() == 5);
    const auto events = seen->events();
    CHECK(events[1]->text() == "2");
    CHECK(skipped_bytes(events[2]).value_or(0) > 4'000);
    CHECK(events[4]->text() == "5");
    CHECK(client.last_position() == bed.hub.head());
    bed.hub.publish("a", made("6"));
    w.run_ready();
    CHECK(seen->events().back()->text() == "6");
}

TEST_CASE("an event over the limit behind which no position is named ends the reading",
          "[rest][fault-1]") {
    world w;
    world_sink server(w);
    server.answer = [](http::exchange& x) { x.respond({.body = std::string(2'000, 'x')}); };
    std::vector<std::pair<error_code, bool>> errors;
    const auto seen = std::make_shared<recorder>();
    rest::client client(w.io(),
                        {.url = server.url(),
                         .topics = {"a"},
                         .max_response_bytes = 1'000,
                         .on_error =
                             [&](error_code ec, bool ended, const diagnostics&) {
                                 errors.push_back({ec, ended});
                             },
                         .environment = w.environment()},
                        seen);
    client.start();
    w.run_ready();
    REQUIRE(errors.size() == 1);
    CHECK(errors[0] == std::pair(error_code(errc::too_large), true));
}

TEST_CASE("what is no event in an answer is passed over", "[rest]") {
    world w;
    world_sink server(w);
    server.answer = [first = true](http::exchange& x) mutable {
        const std::string good =
            R"({"specversion":"1.0","type":"t","source":"/s","topic":"a","id":)";
        x.respond({.fields = {{"Tidings-Position", "e:3"}},
                   .body = std::exchange(first, false)
                               ? "[" + good + R"("1"},{"specversion":"1.0"},7,)" + good + R"("2"}])"
                               : "[]"});
    };
    const auto seen = std::make_shared<recorder>();
    std::vector<error_code> errors, logged;
    rest::client client(
        w.io(),
        {.url = server.url(),
         .topics = {"a"},
         .on_error = [&](error_code ec, bool, const diagnostics&) { errors.push_back(ec); },
         .log = [&](const log_record& r) { logged.push_back(r.error); },
         .environment = w.environment()},
        seen);
    client.start();
    w.run_ready();
    REQUIRE(seen->count() == 2);
    CHECK(seen->events()[0]->id() == "1");
    CHECK(seen->events()[1]->id() == "2");
    CHECK(errors.empty());
    CHECK(logged.size() == 2);
    CHECK(client.last_position()->text() == "e:3");
    CHECK(server.requests.back().target.ends_with("&after=e%3A3"));
}

TEST_CASE("what its subscriber does not take is logged, and a callback that throws harms nobody",
          "[rest]") {
    world w;
    world_sink server(w);
    server.answer = [n = 0](http::exchange& x) mutable {
        if (++n == 2) return x.respond({.status = 503});
        x.respond({.fields = {{"Tidings-Position", "e:1"}},
                   .body = n != 1 ? "[]"
                                  : R"([{"specversion":"1.0","type":"t","source":"/s","id":"1",)"
                                    R"("topic":"a"}])"});
    };
    const auto seen = std::make_shared<recorder>();
    seen->answer(outcome::dropped);
    std::vector<std::string> logged;
    rest::client client(w.io(),
                        {.url = server.url(),
                         .topics = {"a"},
                         .on_error = [](auto&&...) { throw std::runtime_error("thrown"); },
                         .log = [&](const log_record& r) { logged.emplace_back(r.message); },
                         .environment = w.environment()},
                        seen);
    client.start();
    w.run_ready();
    w.advance(2s);
    CHECK(server.requests.size() > 2);
    CHECK(logged == std::vector<std::string>{"event dropped by its subscriber",
                                             "reading failed; trying again: " + server.url() +
                                                 ": the server answered 503",
                                             "thrown"});
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

TEST_CASE("a server that does not answer in time is tried again", "[rest]") {
    world w;
    topic_bed bed(w);
    auto o = bed.client({"a"});
    o.connect_timeout = 5s;
    o.request_timeout = 10s;
    const auto seen = std::make_shared<recorder>();
    const bool connects = GENERATE(true, false);
    w.sim().set_link(connects ? sim_link{.silent = true}
                              : sim_link{.connect = sim_link::on_connect::hang});
    rest::client client(w.io(), o, seen);
    client.start();
    std::optional<error_code> published;
    client.async_publish("b", made("x"), [&](error_code ec, receipt) { published = ec; });
    w.advance(4900ms);
    CHECK(bed.errors->empty());
    CHECK_FALSE(published);
    w.advance(200ms);
    CHECK(bed.errors->size() == (connects ? 0U : 1U));
    w.advance(35s);  // the server may take `wait` as well
    REQUIRE(!bed.errors->empty());
    CHECK(bed.errors->at(0) == std::pair(error_code(errc::timed_out), false));
    REQUIRE(published);
    CHECK(*published == errc::timed_out);
    w.sim().set_link({});
    for (int i = 0; i < 8; ++i) w.advance(20s);
    bed.hub.publish("a", made("1"));
    w.run_ready();
    CHECK(show(*seen) == texts{"a=1"});
}

TEST_CASE("a server that answers at once with nothing is not asked in a circle", "[rest]") {
    world w;
    world_sink server(w);
    server.answer = [](http::exchange& x) {
        x.respond({.fields = {{"Tidings-Position", "e:1"}}, .body = "[]"});
    };
    const auto seen = std::make_shared<recorder>();
    rest::client client(
        w.io(), {.url = server.url(), .topics = {"a"}, .environment = w.environment()}, seen);
    client.start();
    w.run_ready();
    CHECK(server.requests.size() == 2);  // where the present is, then waiting there
    CHECK(server.requests[0].target == "/hook/a?wait=0s&max=100");
    CHECK(server.requests[1].target == "/hook/a?wait=30s&max=100&after=e%3A1");
    w.advance(1s);
    w.advance(1s);
    CHECK(server.requests.size() <= 4);
}

TEST_CASE("a foreign event gets a topic by the rule, or is passed over", "[rest]") {
    world w;
    world_sink server(w);
    server.answer = [first = true](http::exchange& x) mutable {
        const auto e = [](std::string_view id, std::string_view extra) {
            return R"({"specversion":"1.0","type":"x.y","source":"/s","id":")" + std::string(id) +
                   "\"" + std::string(extra) + "}";
        };
        x.respond({.body = std::exchange(first, false)
                               ? "[" + e("1", "") + "," + e("2", R"(,"topic":"tidings.gap")") +
                                     "," + e("3", R"(,"hops":16)") + "," +
                                     e("4", R"(,"topic":"b")") + "]"
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
