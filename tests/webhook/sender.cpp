// SPDX-License-Identifier: BSL-1.0
// Deliveries from a bus to endpoints: signed, retried, spared, given up.
#include "support/webhook_bed.hpp"

#include <tidings/control_event.hpp>
#include <tidings/event_json.hpp>
#include <tidings/store/memory_outbox.hpp>
#include <tidings/test/faulty_outbox.hpp>
#include <tidings/webhook/signature.hpp>

#include <algorithm>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using webhook::verdict;
using texts = std::vector<std::string>;

bool drained(world& w, webhook::sender& s) {
    bool done = false;
    s.drain_state()->start_drain([&](error_code) { done = true; });
    w.run_ready();
    return done;
}

}  // namespace

TEST_CASE("an event is posted to the endpoint, signed, with its attributes", "[webhook]") {
    world w;
    send_bed bed(w);
    world_sink target(w);
    auto e = bed.add(target.url("/hook?key=1"), {.fields = {{"X-Mine", "yes"}}});
    bed.publish("hello", "orders.42");
    REQUIRE(target.requests.size() == 1);
    const auto& r = target.requests[0];
    CHECK(r.method == "POST");
    CHECK(r.target == "/hook?key=1");
    CHECK(r.body == "hello");
    CHECK(r.fields.get("content-type") == "text/plain; charset=utf-8");
    CHECK(r.fields.get("user-agent") == "tidings-webhook/0.1");
    CHECK(r.fields.get("x-mine") == "yes");
    CHECK(r.fields.get("webhook-id") == "id-1");
    CHECK(r.fields.get("webhook-timestamp") == "1767225600");
    CHECK(r.fields.get("ce-id") == "id-1");
    CHECK(r.fields.get("ce-type") == "test");
    CHECK(r.fields.get("ce-topic") == "orders.42");
    const auto find = [&](std::string_view name) { return r.fields.find(name); };
    CHECK_FALSE(webhook::standard_verifier({webhook::secret(webhook_secret)})
                    .verify(find, r.body, w.clock().wall_now()));
    CHECK(e.counters().accepted == 1);
    CHECK(e.counters().delivered == 1);
    CHECK(e.counters().failed_attempts == 0);
    REQUIRE(bed.attempts.size() == 1);
    CHECK(bed.attempts[0].result == verdict::success);
    CHECK(bed.attempts[0].status == 204);
    CHECK(bed.attempts[0].number == 1);
}

TEST_CASE("an id that cannot stand in the signature is replaced, always by the same", "[webhook]") {
    world w;
    send_bed bed(w);
    world_sink target(w);
    bed.add(target.url());
    for (const auto* id : {"a.b", "a.b", "a c", "\xc3\xb6"}) {
        bed.hub->publish("a", event("test", "/test", "x").id(id));
        w.run_ready();
    }
    REQUIRE(target.requests.size() == 4);
    const auto id = [&](std::size_t i) { return target.requests[i].fields.get("webhook-id"); };
    CHECK(id(0).starts_with("msg_"));
    CHECK(id(0).find('.') == std::string_view::npos);
    CHECK(id(0) == id(1));
    CHECK(id(0) != id(2));
    CHECK(id(2) != id(3));
}

TEST_CASE("a failed delivery is repeated on schedule, with the same id and a new signature",
          "[webhook]") {
    world w;
    send_bed bed(w);
    world_sink target(w);
    target.answer = answering({500, 302, 404, 200});
    auto e = bed.add(target.url());
    bed.publish();
    CHECK(target.requests.size() == 1);
    w.advance(4s);
    CHECK(target.requests.size() == 1);
    w.advance(1100ms);
    CHECK(target.requests.size() == 2);
    w.advance(59s);
    CHECK(target.requests.size() == 2);
    w.advance(1100ms);
    CHECK(target.requests.size() == 3);
    w.advance(301s);
    CHECK(target.requests.size() == 4);
    w.advance(24h);
    CHECK(target.requests.size() == 4);
    CHECK(e.counters().delivered == 1);
    CHECK(e.counters().failed_attempts == 3);
    CHECK(e.counters().dead == 0);

    const auto& first = target.requests.front().fields;
    const auto& last = target.requests.back().fields;
    CHECK(first.get("webhook-id") == last.get("webhook-id"));
    CHECK(first.get("webhook-timestamp") != last.get("webhook-timestamp"));
    CHECK(first.get("webhook-signature") != last.get("webhook-signature"));

    REQUIRE(bed.attempts.size() == 4);
    CHECK(bed.attempts[0].error == errc::http_status);
    CHECK(bed.attempts[0].status == 500);
    CHECK(bed.attempts[0].next == 5s);
    CHECK(bed.attempts[2].number == 3);
    CHECK(bed.attempts[3].result == verdict::success);
    CHECK_FALSE(bed.attempts[3].next);
}

TEST_CASE("what fails on every attempt is given up, and kept to be looked at", "[webhook]") {
    world w;
    const auto outbox = store::make_memory_outbox();
    auto o = webhook_options(w);
    o.outbox = outbox;
    o.keep_dead = 1h;
    send_bed bed(w, std::move(o));
    world_sink target(w);
    target.answer = answering({500});
    auto e = bed.add(target.url());
    bed.publish();
    for (int i = 0; i < 6; ++i) w.advance(301s);
    CHECK(target.requests.size() == 4);
    CHECK(e.counters().dead == 1);
    CHECK_FALSE(bed.attempts.back().next);
    const auto kept = listed(w, *outbox);
    REQUIRE(kept.size() == 1);
    CHECK(kept[0].state == store::outbox_state::dead);
    CHECK(kept[0].entry.last_error == errc::webhook_exhausted);
    CHECK(kept[0].entry.attempts == 4);

    // The next one that is given up takes the old one along.
    w.advance(2h);
    bed.publish();
    for (int i = 0; i < 6; ++i) w.advance(301s);
    REQUIRE(listed(w, *outbox).size() == 1);
    CHECK(listed(w, *outbox)[0].entry.message_id == "id-2");
}

TEST_CASE("no answer is a failure with its reason", "[webhook]") {
    world w;
    send_bed bed(w);
    bed.add("http://127.0.0.1:9/hook");
    bed.publish();
    REQUIRE(bed.attempts.size() == 1);
    CHECK(bed.attempts[0].status == 0);
    CHECK(bed.attempts[0].error == net::error::connection_refused);
    CHECK(bed.attempts[0].result == verdict::retry);
    CHECK(bed.attempts[0].next == 5s);
    CHECK(bed.logged == "http://127.0.0.1:9: Connection refused\n");
}

TEST_CASE("a log names host and port of an endpoint that has an id, too", "[webhook][fault-19]") {
    world w;
    send_bed bed(w);
    bed.add("http://127.0.0.1:9/hook?key", {.id = "orders"});
    bed.publish();
    CHECK(bed.logged == "orders at http://127.0.0.1:9: Connection refused\n");
}

TEST_CASE("an answer that does not come is a failure", "[webhook]") {
    world w;
    send_bed bed(w);
    world_sink target(w);
    std::vector<http::exchange> held;
    target.answer = [&](http::exchange& x) { held.push_back(std::move(x)); };
    bed.add(target.url());
    bed.publish();
    CHECK(bed.attempts.empty());
    w.advance(21s);
    REQUIRE(bed.attempts.size() == 1);
    CHECK(bed.attempts[0].error == errc::timed_out);
    CHECK(bed.attempts[0].status == 0);
    held.clear();
}

TEST_CASE("a redirect is a failure and is never followed", "[webhook]") {
    world w;
    send_bed bed(w);
    world_sink target(w);
    world_sink elsewhere(w);
    const auto status = GENERATE(301U, 302U, 303U, 307U, 308U);
    target.answer = answering({status}, {{"Location", elsewhere.url()}});
    bed.add(target.url());
    bed.publish();
    w.advance(10s);
    CHECK(target.requests.size() == 2);
    CHECK(elsewhere.requests.empty());
}

TEST_CASE("a status that was declared hopeless ends the delivery at once", "[webhook]") {
    world w;
    auto o = webhook_options(w);
    o.retry.permanent_statuses = {400, 413};
    send_bed bed(w, std::move(o));
    world_sink target(w);
    target.answer = answering({413});
    auto e = bed.add(target.url());
    bed.publish();
    w.advance(24h);
    CHECK(target.requests.size() == 1);
    CHECK(e.counters().dead == 1);
    CHECK(e.active());
    CHECK(bed.attempts[0].result == verdict::permanent);
}

TEST_CASE("a busy endpoint is spared as a whole, as long as it asks", "[webhook]") {
    world w;
    send_bed bed(w);
    world_sink target(w);
    const auto status = GENERATE(429U, 502U, 503U, 504U);
    const bool asks = GENERATE(true, false);
    CAPTURE(status, asks);
    const auto wait = asks ? 120s : 5s;  // else as the schedule has it
    target.answer = [&, first = true](http::exchange& x) mutable {
        http::response r{.status = std::exchange(first, false) ? status : 204U};
        if (asks) r.fields.set("Retry-After", "120");
        x.respond(std::move(r));
    };
    bed.add(target.url());
    bed.hub->publish("a", event("test", "/test", "1"));
    bed.publish("2");
    CHECK(bodies_of(target) == texts{"1"});
    CHECK(bed.attempts.at(0).next == wait);
    bed.publish("3");
    w.advance(wait - 100ms);
    CHECK(bodies_of(target) == texts{"1"});
    w.advance(200ms);
    CHECK(bodies_of(target) == texts{"1", "1", "2", "3"});
    // Not attempted while it was spared: the count is that of the attempts made.
    CHECK(bed.attempts.back().number == 1);
}

TEST_CASE("a pause of one endpoint holds up no other", "[webhook]") {
    world w;
    send_bed bed(w);
    world_sink busy(w);
    world_sink idle(w);
    busy.answer = answering({429}, {{"Retry-After", "1000"}});
    bed.add(busy.url());
    bed.add(idle.url());
    for (int i = 0; i < 3; ++i) bed.publish();
    CHECK(busy.requests.size() == 1);
    CHECK(idle.requests.size() == 3);
}

TEST_CASE("Retry-After that is no time is passed over", "[webhook]") {
    world w;
    send_bed bed(w);
    world_sink target(w);
    const auto value = GENERATE(as<std::string>(), "", "-5", "soon", "99999999999999999999",
                                "Wed, 01 Jan 2020 00:00:00 GMT");
    CAPTURE(value);
    target.answer = answering({503, 204}, {{"Retry-After", value}});
    bed.add(target.url());
    bed.publish();
    const bool endless = value.starts_with("999");
    CHECK(bed.attempts.at(0).next == (endless ? std::chrono::milliseconds(24h) : 5s));
}

TEST_CASE("410 ends the endpoint and gives up what it is owed", "[webhook]") {
    world w;
    const auto outbox = store::make_memory_outbox();
    auto o = webhook_options(w);
    o.outbox = outbox;
    send_bed bed(w, std::move(o));
    world_sink target(w);
    target.answer = answering({500, 410});
    int gone = 0;
    auto e = bed.add(target.url(), {.on_gone = [&] { ++gone; }});
    bed.publish("1");
    for (int i = 2; i < 6; ++i) bed.hub->publish("a", event("test", "/test", std::to_string(i)));
    w.run_ready();
    CHECK(bodies_of(target) == texts{"1", "2"});
    CHECK(gone == 1);
    CHECK_FALSE(e.active());
    CHECK(e.counters().dead == 4);
    w.advance(24h);
    CHECK(target.requests.size() == 2);
    CHECK(gone == 1);
    for (const auto& l : listed(w, *outbox)) CHECK(l.state == store::outbox_state::dead);
    // Its subscription ends with the next event.
    bed.publish();
    CHECK_FALSE(bed.hooks[0].active());
    CHECK(e.counters().accepted == 5);
}

TEST_CASE("an endpoint that may not be called is refused at once", "[webhook]") {
    world w;
    send_bed bed(w);
    struct row {
        std::string url;
        error_code error;
    };
    const auto r = GENERATE(values<row>({{"", errc::bad_url},
                                         {"x", errc::bad_url},
                                         {"http://u:p@127.0.0.1/", errc::bad_url},
                                         {"https://127.0.0.1/", errc::webhook_bad_scheme},
                                         {"http://192.168.0.1/", errc::address_refused},
                                         {"http://[::ffff:10.0.0.1]/", errc::address_refused}}));
    CAPTURE(r.url);
    error_code ec;
    auto e = bed.sender->endpoint({.url = r.url, .secret = webhook_secret}, ec);
    CHECK(ec == r.error);
    CHECK_FALSE(e.active());
    const auto held = bed.hub->subscribe("a", e);
    CHECK(held.error() == errc::invalid_argument);
    CHECK_THROWS_AS(bed.sender->endpoint({.url = r.url, .secret = webhook_secret}),
                    std::invalid_argument);
    ec = {};
    bed.sender->endpoint({.url = "http://127.0.0.1/", .secret = "short"}, ec);
    CHECK(ec == errc::webhook_invalid_secret);
    bed.sender->endpoint({.url = "http://127.0.0.1/"}, ec);
    CHECK(ec == errc::webhook_missing_secret);
    bed.sender->endpoint({.url = "http://127.0.0.1/", .secret = webhook_secret, .secrets = {"x"}},
                         ec);
    CHECK(ec == errc::webhook_invalid_secret);
}

TEST_CASE("an endpoint that cannot be made says which one and why", "[webhook][fault-19]") {
    world w;
    webhook::sender sender(w.io(), {.environment = w.environment()});
    const auto text = [&](webhook::endpoint_options o, errc expected) {
        try {
            sender.endpoint(std::move(o));
            FAIL("no error");
        } catch (const std::invalid_argument& e) {
            CHECK(std::string_view(e.what()).find(error_code(expected).message()) !=
                  std::string::npos);
            return std::string(e.what());
        }
        return std::string();
    };
    const auto names = [](const std::string& whole, std::string_view part) {
        INFO(whole);
        CHECK(whole.find(part) != std::string::npos);
    };
    const std::string url = "https://example.com/hook?token=hidden";
    auto what = text({.url = url}, errc::webhook_missing_secret);
    names(what, "https://example.com");
    names(what, "make_secret");
    CHECK(what.find("hidden") == std::string::npos);
    what = text({.url = url, .secret = "hunter2"}, errc::webhook_invalid_secret);
    names(what, "https://example.com");
    names(what, "whsec_");
    CHECK(what.find("hunter2") == std::string::npos);
    what = text({.url = "http://example.com/hook", .secret = webhook_secret},
                errc::webhook_bad_scheme);
    names(what, "http://example.com");
    names(what, "https");
    names(text({.url = "example.com/hook?x=hidden", .secret = webhook_secret}, errc::bad_url),
          "example.com/hook");
    names(text({.url = "https://10.0.0.7/", .secret = webhook_secret}, errc::address_refused),
          "https://10.0.0.7");
}

TEST_CASE("a name that leads to a private address is not connected to", "[webhook]") {
    world w;
    w.sim().add_name("inner.example", {"10.0.0.7", "169.254.169.254", "::1"});
    auto o = webhook_options(w);
    o.guard.allow_loopback = false;
    send_bed bed(w, std::move(o));
    bed.add("http://inner.example/hook");
    bed.publish();
    REQUIRE(bed.attempts.size() == 1);
    CHECK(bed.attempts[0].error == errc::address_refused);
    CHECK(w.sim().connections() == 0);
}

TEST_CASE("a name is checked again on every attempt", "[webhook]") {
    world w;
    world_sink target(w);
    const auto port = target.url().substr(target.url().rfind(':'));
    auto o = webhook_options(w);
    o.guard.allow_loopback = false;
    o.guard.allowed_networks = {"127.0.0.1"};
    w.sim().add_name("moving.example", {"10.0.0.7"});
    send_bed bed(w, std::move(o));
    bed.add("http://moving.example" + port);
    bed.publish();
    CHECK(target.requests.empty());
    w.sim().add_name("moving.example", {"127.0.0.1"});
    w.advance(6s);
    CHECK(target.requests.size() == 1);
}

TEST_CASE("deliveries to an endpoint go one after another, in order", "[webhook]") {
    world w;
    send_bed bed(w);
    world_sink target(w);
    std::vector<http::exchange> held;
    target.answer = [&](http::exchange& x) { held.push_back(std::move(x)); };
    bed.add(target.url());
    texts expected;
    for (int i = 0; i < 40; ++i) {
        expected.push_back(std::to_string(i));
        bed.hub->publish("a", event("test", "/test", expected.back()));
    }
    w.run_ready();
    CHECK(bed.sender->in_flight() == 1);
    while (!held.empty()) {
        CHECK(held.size() == 1);
        auto x = std::move(held.back());
        held.pop_back();
        x.respond({.status = 204});
        w.run_ready();
    }
    CHECK(bodies_of(target) == expected);
    CHECK(bed.sender->in_flight() == 0);
}

TEST_CASE("an endpoint may have several at once, all together no more than the sender",
          "[webhook]") {
    world w;
    auto o = webhook_options(w);
    o.max_in_flight = 5;
    send_bed bed(w, std::move(o));
    world_sink target(w);
    std::vector<http::exchange> held;
    target.answer = [&](http::exchange& x) { held.push_back(std::move(x)); };
    bed.add(target.url("/hook?a"), {.max_in_flight = 3});
    bed.add(target.url("/hook?b"), {.max_in_flight = 3});
    for (int i = 0; i < 50; ++i) bed.hub->publish("a", event("test", "/test", "x"));
    w.run_ready();
    CHECK(bed.sender->in_flight() == 5);
    const auto of = [&](std::string_view query) {
        return std::count_if(target.requests.begin(), target.requests.end(),
                             [&](const auto& r) { return r.query() == query; });
    };
    CHECK(of("a") + of("b") == 5);
    CHECK(of("a") >= 2);
    CHECK(of("b") >= 2);
    for (int done = 0; !held.empty(); ++done) {
        CHECK(held.size() <= 5);
        auto x = std::move(held.front());
        held.erase(held.begin());
        x.respond({.status = 204});
        w.run_ready();
        REQUIRE(done < 100);
    }
    CHECK(target.requests.size() == 100);
}

TEST_CASE("an endpoint that does not answer holds up no other, however much it is owed",
          "[webhook]") {
    world w;
    send_bed bed(w);
    world_sink stuck(w);
    world_sink quick(w);
    std::vector<http::exchange> held;
    stuck.answer = [&](http::exchange& x) { held.push_back(std::move(x)); };
    auto e = bed.sender->endpoint({.url = stuck.url(), .secret = webhook_secret});
    bed.hooks.push_back(bed.hub->subscribe("stuck", e));
    auto f = bed.sender->endpoint({.url = quick.url(), .secret = webhook_secret});
    bed.hooks.push_back(bed.hub->subscribe("quick", f));
    for (int i = 0; i < 1000; ++i) bed.hub->publish("stuck", event("test", "/test", "x"));
    w.run_ready();
    for (std::size_t i = 1; i <= 100; ++i) {
        bed.publish("x", "quick");
        CHECK(quick.requests.size() == i);
    }
    CHECK(stuck.requests.size() == 1);
}

TEST_CASE("endpoints take turns for the one place there is", "[webhook]") {
    world w;
    auto o = webhook_options(w);
    o.max_in_flight = 1;
    send_bed bed(w, std::move(o));
    world_sink target(w);
    for (const auto* name : {"a", "b", "c"}) bed.add(target.url("/hook?" + std::string(name)));
    for (int i = 0; i < 30; ++i) bed.hub->publish("a", event("test", "/test", "x"));
    w.run_ready();
    REQUIRE(target.requests.size() == 90);
    // No endpoint was served twice while others waited.
    for (std::size_t i = 3; i < 90; ++i) {
        CAPTURE(i);
        CHECK(target.requests[i].query() == target.requests[i - 3].query());
    }
}

TEST_CASE("an endpoint that is replaced hands its deliveries on", "[webhook]") {
    world w;
    send_bed bed(w);
    world_sink old_target(w);
    world_sink new_target(w);
    std::vector<http::exchange> held;
    old_target.answer = [&](http::exchange& x) { held.push_back(std::move(x)); };
    bed.add(old_target.url(), {.id = "one"});
    for (int i = 0; i < 5; ++i) bed.hub->publish("a", event("test", "/test", std::to_string(i)));
    w.run_ready();
    CHECK(old_target.requests.size() == 1);
    bed.hooks.clear();
    auto e = bed.add(new_target.url(), {.id = "one"});
    w.run_ready();
    held[0].respond({.status = 204});
    w.run_ready();
    CHECK(bodies_of(new_target) == texts{"1", "2", "3", "4"});
    CHECK(e.counters().delivered == 5);
    held.clear();
}

TEST_CASE("an endpoint that nobody holds gives up what it is owed", "[webhook]") {
    world w;
    send_bed bed(w);
    world_sink target(w);
    target.answer = answering({500});
    bed.add(target.url());
    bed.publish();
    CHECK(target.requests.size() == 1);
    bed.hooks.clear();
    w.advance(24h);
    CHECK(target.requests.size() == 1);
}

TEST_CASE("an endpoint that is closed takes and makes no more deliveries", "[webhook]") {
    world w;
    send_bed bed(w);
    world_sink target(w);
    std::vector<http::exchange> held;
    target.answer = [&](http::exchange& x) { held.push_back(std::move(x)); };
    auto e = bed.add(target.url());
    for (int i = 0; i < 5; ++i) bed.hub->publish("a", event("test", "/test", "x"));
    w.run_ready();
    e.close();
    held[0].respond({.status = 204});
    bed.publish();
    CHECK(target.requests.size() == 1);
    CHECK(e.counters().delivered == 1);
    CHECK(e.counters().dead == 4);
    CHECK_FALSE(bed.hooks[0].active());
}

TEST_CASE("the publisher may wait until the outbox has the event", "[webhook]") {
    world w;
    const auto outbox = std::make_shared<faulty_outbox>();
    auto o = webhook_options(w);
    o.outbox = outbox;
    send_bed bed(w, std::move(o));
    world_sink target(w);
    target.answer = answering({500});
    auto e = bed.add(target.url());
    std::optional<std::pair<error_code, receipt>> done;
    const auto publish = [&] {
        done.reset();
        bed.hub->async_publish("a", event("test", "/test", "x"), [&](error_code ec, receipt r) {
            done = {ec, r};
        });
        w.run_until([&] { return done.has_value(); });
    };
    publish();
    CHECK_FALSE(done->first);
    CHECK(done->second.queued == 1);
    CHECK(listed(w, *outbox).size() == 1);

    outbox->plan().fail({.operation = "append"});
    publish();
    CHECK(done->second.dropped == 1);
    CHECK(listed(w, *outbox).size() == 1);
    CHECK(e.counters().accepted == 1);
    CHECK(e.counters().dead == 1);
}

TEST_CASE("an outbox that fails for a while loses nothing", "[webhook]") {
    world w;
    const auto outbox = std::make_shared<faulty_outbox>();
    auto o = webhook_options(w);
    o.outbox = outbox;
    send_bed bed(w, std::move(o));
    world_sink target(w);
    bed.add(target.url());
    outbox->plan().fail({.operation = "claim", .times = fault::always});
    bed.publish("1");
    const auto claims = outbox->plan().operations("claim");
    w.run_ready();
    CHECK(outbox->plan().operations("claim") == claims);  // not in a circle
    CHECK(target.requests.empty());
    CHECK(bed.logged.find("claiming failed") != std::string::npos);
    outbox->plan().heal();
    outbox->plan().fail({.operation = "finish", .times = fault::always});
    w.advance(1100ms);
    CHECK(bodies_of(target) == texts{"1"});
    bed.publish("2");
    CHECK(bodies_of(target) == texts{"1", "2"});
    CHECK(listed(w, *outbox).size() == 2);
    outbox->plan().heal();
    w.advance(1100ms);
    CHECK(listed(w, *outbox).empty());
    CHECK(target.requests.size() == 2);
}

TEST_CASE("control events, and events without a wire form, are not delivered", "[webhook]") {
    world w;
    send_bed bed(w);
    world_sink target(w);
    auto e = bed.add(target.url());
    CHECK(e.as_subscriber()->deliver(make_lagged_event(3)) == outcome::delivered);
    bed.hub->publish("a", event::of("test", "/test", 7));
    w.run_ready();
    CHECK(target.requests.empty());
    CHECK(bed.hooks[0].counters().dropped == 1);
}

TEST_CASE("events go structured where that is wanted", "[webhook]") {
    world w;
    send_bed bed(w);
    world_sink target(w);
    bed.add(target.url(), {.form = webhook::body_form::structured});
    bed.publish("hello");
    REQUIRE(target.requests.size() == 1);
    const auto& r = target.requests[0];
    CHECK(r.fields.get("content-type").starts_with("application/cloudevents+json"));
    CHECK_FALSE(r.fields.find("ce-id"));
    const auto json = nlohmann::json::parse(r.body);
    CHECK(json.at("data") == "hello");
    CHECK(json.at("topic") == "a");
}

TEST_CASE("a log names no path or query of a target", "[webhook]") {
    world w;
    send_bed bed(w);
    bed.add("http://127.0.0.1:9/private?token=hunter2");
    bed.publish();
    CHECK(bed.logged.find("http://127.0.0.1:9: ") != std::string::npos);
    CHECK(bed.logged.find("private") == std::string::npos);
    CHECK(bed.logged.find("hunter2") == std::string::npos);
}

TEST_CASE("a drain makes what is due, takes nothing new and leaves what is due later",
          "[webhook]") {
    world w;
    send_bed bed(w);
    world_sink target(w);
    std::vector<http::exchange> held;
    target.answer = [&](http::exchange& x) { held.push_back(std::move(x)); };
    auto e = bed.add(target.url());
    for (int i = 0; i < 20; ++i) bed.hub->publish("a", event("test", "/test", "x"));
    w.run_ready();
    bool done = false;
    bed.sender->drain_state()->start_drain([&](error_code) { done = true; });
    w.run_ready();
    CHECK(e.as_subscriber()->deliver(make_lagged_event(1)) == outcome::closed);
    error_code ec;
    bed.sender->endpoint({.url = target.url(), .secret = webhook_secret}, ec);
    CHECK(ec == errc::closed);
    for (int i = 0; !held.empty(); ++i) {
        CHECK_FALSE(done);
        auto x = std::move(held.back());
        held.pop_back();
        x.respond({.status = i == 0 ? 500U : 204U});
        w.run_ready();
    }
    CHECK(done);
    CHECK(target.requests.size() == 20);
    w.advance(1h);
    CHECK(target.requests.size() == 20);
    CHECK(drained(w, *bed.sender));  // a second time, at once
}

TEST_CASE("a drain with nothing to do ends at once", "[webhook]") {
    world w;
    send_bed bed(w);
    CHECK(drained(w, *bed.sender));
}

TEST_CASE("a drain waits no longer than its timeout", "[webhook]") {
    world w;
    auto o = webhook_options(w);
    o.drain_timeout = 3s;
    send_bed bed(w, std::move(o));
    world_sink target(w);
    std::vector<http::exchange> held;
    target.answer = [&](http::exchange& x) { held.push_back(std::move(x)); };
    bed.add(target.url());
    bed.publish();
    bool done = false;
    bed.sender->drain_state()->start_drain([&](error_code) { done = true; });
    w.advance(2s);
    CHECK_FALSE(done);
    w.advance(1100ms);
    CHECK(done);
    CHECK(bed.sender->in_flight() == 0);
    held.clear();
}

TEST_CASE("a sender that is destroyed stops, and completes its pending drains", "[webhook]") {
    world w;
    send_bed bed(w);
    world_sink target(w);
    std::vector<http::exchange> held;
    target.answer = [&](http::exchange& x) { held.push_back(std::move(x)); };
    auto e = bed.add(target.url());
    bed.publish();
    bool done = false;
    bed.sender->drain_state()->start_drain([&](error_code) { done = true; });
    w.run_ready();
    CHECK_FALSE(done);
    bed.sender.reset();
    w.run_ready();
    CHECK(done);
    CHECK(e.as_subscriber()->deliver({}) == outcome::closed);
    held.clear();
    w.run_ready();
}

TEST_CASE("sender, bus, endpoint and target end at any moment, in any order", "[webhook]") {
    std::vector<int> order{0, 1, 2, 3};
    do {
        for (int steps = 0; steps < 80; ++steps) {
            CAPTURE(order, steps);
            world w;
            send_bed bed(w);
            std::optional<world_sink> target(std::in_place, w);
            target->answer = answering({500, 429, 410});
            bed.add(target->url("/hook?a"));
            bed.add(target->url("/hook?b"));
            for (int i = 0; i < 3; ++i) bed.hub->publish("a", event("test", "/test", "x"));
            int done = 0;
            while (done < steps && (w.io().poll_one() != 0 || w.clock().advance_to_next())) {
                if (w.io().stopped()) w.io().restart();
                ++done;
            }
            for (const int which : order) {
                if (which == 0) bed.hub.reset();
                if (which == 1) bed.sender.reset();
                if (which == 2) bed.hooks.clear();
                if (which == 3) target.reset();
            }
        }
    } while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE("the context may end while deliveries are under way", "[webhook]") {
    for (int steps = 0; steps < 80; ++steps) {
        CAPTURE(steps);
        world w;
        send_bed bed(w);
        world_sink target(w);
        target.answer = answering({500});
        auto e = bed.add(target.url());
        for (int i = 0; i < 3; ++i) bed.hub->publish("a", event("test", "/test", "x"));
        for (int i = 0; i < steps; ++i) w.io().poll_one();
        w.destroy_context();
        CHECK(e.as_subscriber()->deliver(make_lagged_event(1)) == outcome::delivered);
    }
}

TEST_CASE("a callback of the sender may end it", "[webhook]") {
    world w;
    std::optional<webhook::sender> sender;
    auto o = webhook_options(w);
    o.on_attempt = [&](const webhook::attempt&) { sender.reset(); };
    sender.emplace(w.io(), std::move(o));
    bus hub(w.io());
    world_sink target(w);
    const auto hook =
        hub.subscribe(">", sender->endpoint({.url = target.url(), .secret = webhook_secret}));
    hub.publish("a", event("test", "/test", "x"));
    hub.publish("a", event("test", "/test", "x"));
    w.run_ready();
    CHECK_FALSE(sender);
    CHECK(target.requests.size() <= 2);
}

TEST_CASE("deliveries are made on real sockets", "[webhook]") {
    world w(transport::tcp);
    send_bed bed(w);
    world_sink target(w);
    target.answer = answering({500, 204});
    bed.add(target.url());
    bed.publish("hello");
    w.run_until([&] { return bed.attempts.size() == 1; });
    w.clock().advance(6s);
    w.run_until([&] { return bed.attempts.size() == 2; });
    CHECK(bodies_of(target) == texts{"hello", "hello"});
}

}  // namespace tidings::test
