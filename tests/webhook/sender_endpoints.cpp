// SPDX-License-Identifier: BSL-1.0
// Which endpoints a sender calls, in which order, and how they end.
#include "support/webhook_bed.hpp"

#include <tidings/event_json.hpp>
#include <tidings/test/faulty_outbox.hpp>
#include <tidings/webhook/signature.hpp>

#include <algorithm>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using texts = std::vector<std::string>;

}  // namespace

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
    what = text({.url = "https://10.0.0.7/", .secret = webhook_secret}, errc::address_refused);
    names(what, "https://10.0.0.7");
    names(what, "a private network (allow_private)");
    what = text({.url = "https://[fe80::1]/", .secret = webhook_secret}, errc::address_refused);
    names(what, "link-local, RFC 4291 2.5.6");
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
    for (const auto* line : {"10.0.0.7 refused: a private network (allow_private)",
                             "169.254.169.254 refused: a provider's metadata service",
                             "::1 refused: loopback (allow_loopback)"})
        CHECK(bed.logged.find(line) != std::string::npos);
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

TEST_CASE("as many connections as an endpoint has in flight are kept for what comes later",
          "[webhook]") {
    world w;
    send_bed bed(w);
    world_sink target(w);
    std::vector<http::exchange> held;
    bed.add(target.url(), {.max_in_flight = 8});
    bed.publish();  // it is known to answer
    REQUIRE(target.requests.size() == 1);
    target.answer = [&](http::exchange& x) { held.push_back(std::move(x)); };
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 8; ++i) bed.hub->publish("a", event("test", "/test", "x"));
        w.run_ready();
        CHECK(held.size() == 8);
        for (auto& x : std::exchange(held, {})) x.respond({.status = 204});
        w.advance(std::chrono::seconds(20));
    }
    CHECK(target.requests.size() == 25);
    CHECK(w.sim().connections() == 8);
}

TEST_CASE("an endpoint may have several at once, all together no more than the sender",
          "[webhook]") {
    world w;
    auto o = webhook_options(w);
    o.max_connections = 5;
    send_bed bed(w, std::move(o));
    world_sink target(w);
    std::vector<http::exchange> held;
    bed.add(target.url("/hook?a"), {.max_in_flight = 3});
    bed.add(target.url("/hook?b"), {.max_in_flight = 3});
    bed.publish();  // until they have succeeded, they share half
    REQUIRE(target.requests.size() == 2);
    target.requests.clear();
    target.answer = [&](http::exchange& x) { held.push_back(std::move(x)); };
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
    for (const auto& a : bed.attempts) CHECK(a.number == 1);  // waiting for a connection is none
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
    o.max_connections = 1;
    send_bed bed(w, std::move(o));
    world_sink target(w);
    for (const auto* name : {"a", "b", "c"}) bed.add(target.url("/hook?" + std::string(name)));
    bed.publish();
    REQUIRE(target.requests.size() == 3);
    target.requests.clear();
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
    auto e = bed.add(new_target.url(), {.id = "one", .replace = true});
    w.run_ready();
    held[0].respond({.status = 204});
    w.run_ready();
    CHECK(bodies_of(new_target) == texts{"1", "2", "3", "4"});
    CHECK(e.counters().delivered == 5);
    held.clear();
}

TEST_CASE(
    "an endpoint that is replaced while it is opened has its new owner and limits in the outbox",
    "[webhook]") {
    world w;
    const auto outbox = std::make_shared<faulty_outbox>();
    auto o = webhook_options(w);
    o.outbox = outbox;
    send_bed bed(w, std::move(o));
    world_sink target(w);
    outbox->plan().hold();
    auto before = bed.add(target.url(), {.id = "one", .owner = "old"});
    w.run_ready();
    REQUIRE(outbox->plan().held() == 1);
    bed.hooks.clear();
    auto e = bed.add(target.url(), {.id = "one",
                                    .replace = true,
                                    .owner = "new",
                                    .limits = store::outbox_limits{.max_entries = 3}});
    w.run_ready();
    outbox->plan().release();
    w.run_ready();
    std::vector<store::outbox_endpoint_listed> rows;
    outbox->start_list_endpoints(
        "", 10, {w.io().get_executor(), [&](error_code, auto page) { rows = std::move(page); }});
    w.run_ready();
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].row.owner == "new");
    REQUIRE(rows[0].row.limits.has_value());
    CHECK(rows[0].row.limits->max_entries == 3);
    bed.publish();
    CHECK(e.counters().delivered == 1);
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

}  // namespace tidings::test
