// SPDX-License-Identifier: BSL-1.0
#include "support/bus_fixture.hpp"

#include <boost/asio/bind_executor.hpp>

// What a callback may do to the bus that called it.

namespace tidings::test {

namespace {

TEST_CASE("a subscription made inside an immediate callback gets the next event on", "[bus]") {
    bus_fixture f;
    texts seen;
    std::vector<subscription> added;
    const auto s = f.hub->subscribe("a", immediate, [&](const event_ptr& e) {
        if (e->text() != "1") return;
        added.push_back(f.hub->subscribe("a", immediate, f.into(seen)));
        added.push_back(f.hub->subscribe("a", f.into(seen)));
        added.push_back(f.hub->subscribe("a", std::make_shared<recording_subscriber>()));
    });
    CHECK(f.publish("a", "1").matched == 1);
    f.run();
    CHECK(seen.empty());
    CHECK(f.publish("a", "2").matched == 4);
    f.run();
    CHECK(seen == texts{"a=2", "a=2"});
    CHECK(added[2].counters().matched == 1);
}

TEST_CASE("a subscription made inside a posted callback gets the next event on", "[bus]") {
    bus_fixture f;
    texts seen;
    subscription added;
    const auto s = f.hub->subscribe("a", [&](const event_ptr& e) {
        if (e->text() == "1") added = f.hub->subscribe("a", f.into(seen));
    });
    f.publish("a", "1");
    f.publish("a", "2");
    f.run();
    CHECK(seen.empty());
    f.publish("a", "3");
    f.run();
    CHECK(seen == texts{"a=3"});
}

TEST_CASE("an immediate callback that is removed by an earlier one is not called", "[bus]") {
    bus_fixture f;
    texts seen;
    subscription second;
    const auto first = f.hub->subscribe("a", immediate, [&](const event_ptr&) { second.reset(); });
    second = f.hub->subscribe("a", immediate, f.into(seen));
    const auto r = f.publish("a");
    CHECK(seen.empty());
    CHECK(r.matched == 1);
    CHECK(r.delivered == 1);
    CHECK(f.hub->subscriptions() == 1);
}

TEST_CASE("an immediate callback may remove itself", "[bus]") {
    bus_fixture f;
    int calls = 0;
    subscription s;
    s = f.hub->subscribe("a", immediate, [&](const event_ptr&) {
        ++calls;
        s.reset();
        f.publish("a");
    });
    CHECK(f.publish("a").delivered == 1);
    CHECK(calls == 1);
    CHECK(f.publish("a").matched == 0);
}

TEST_CASE("a posted callback that removes itself is not called again, the rest is discarded",
          "[bus]") {
    bus_fixture f;
    int calls = 0;
    subscription s;
    s = f.hub->subscribe("a", [&](const event_ptr&) {
        ++calls;
        s.reset();
    });
    for (int i = 0; i < 3; ++i) f.publish("a");
    f.run();
    CHECK(calls == 1);
    CHECK(s.counters().matched == 3);
    CHECK(s.counters().delivered == 1);
    CHECK(s.counters().discarded == 2);
    CHECK(s.error() == errc::closed);
}

TEST_CASE(
    "a posted callback that is removed on its executor is not called, though its run is posted",
    "[bus]") {
    bus_fixture f;
    texts seen;
    auto s = f.hub->subscribe("a", f.into(seen));
    f.publish("a");
    s.reset();
    f.run();
    CHECK(seen.empty());
    CHECK(s.counters().discarded == 1);
}

TEST_CASE("a callback owns its subscription and destroys it while it runs", "[bus]") {
    bus_fixture f;
    int calls = 0;
    auto owned = std::make_shared<subscription>();
    *owned = f.hub->subscribe("a", [&calls, owned](const event_ptr& e) mutable {
        ++calls;
        owned->reset();
        owned.reset();
        CHECK(e->text() == "x");
    });
    owned.reset();
    f.publish("a", "x");
    f.publish("a", "x");
    f.run();
    CHECK(calls == 1);
}

TEST_CASE("what a posted callback publishes comes after what was published before", "[bus]") {
    bus_fixture f;
    texts seen;
    const auto relay =
        f.hub->subscribe("in", [&](const event_ptr& e) { f.publish("out", e->text()); });
    const auto s = f.hub->subscribe(">", f.into(seen));
    f.publish("in", "1");
    f.publish("in", "2");
    f.run();
    CHECK(seen == texts{"in=1", "in=2", "out=1", "out=2"});
}

TEST_CASE("what an immediate callback publishes is dispatched before the outer event goes on",
          "[bus]") {
    bus_fixture f;
    texts seen;
    const auto relay =
        f.hub->subscribe("in", immediate, [&](const event_ptr&) { f.publish("out"); });
    const auto s = f.hub->subscribe(">", immediate, f.into(seen));
    f.publish("in");
    CHECK(seen == texts{"out=", "in="});
}

TEST_CASE("publishing inside immediate callbacks ends after sixteen levels", "[bus]") {
    bus_fixture f;
    int calls = 0;
    receipt last;
    const auto s = f.hub->subscribe("a", immediate, [&](const event_ptr&) {
        ++calls;
        auto r = f.publish("a");
        if (r.error) last = r;
    });
    CHECK_FALSE(f.publish("a").error);
    CHECK(calls == 16);
    CHECK(last.error == errc::hop_limit);
    CHECK(f.metrics->value("events_refused") == 1);
    CHECK(f.logged == texts{"a"});
    CHECK_FALSE(f.publish("a").error);
    CHECK(calls == 32);
}

TEST_CASE("an immediate callback may close the bus", "[bus]") {
    bus_fixture f({.max_events = 10});
    texts seen;
    const auto closing = f.hub->subscribe("a", immediate, [&](const event_ptr&) { f.hub.reset(); });
    const auto after = f.hub->subscribe("a", immediate, f.into(seen));
    const auto queued = f.hub->subscribe("a", f.into(seen));
    f.publish("a");
    f.run();
    CHECK(seen.empty());
    CHECK(after.error() == errc::closed);
    CHECK(queued.counters().discarded == 1);
}

TEST_CASE("a posted callback may close the bus", "[bus]") {
    bus_fixture f({.max_events = 10});
    int calls = 0;
    const auto s = f.hub->subscribe("a", [&](const event_ptr&) {
        ++calls;
        f.hub.reset();
    });
    f.publish("a");
    f.publish("a");
    f.run();
    CHECK(calls == 1);
    CHECK(s.error() == errc::closed);
}

TEST_CASE("async_reset completes after the run that it interrupted, and posts", "[bus]") {
    bus_fixture f;
    texts seen;
    subscription s;
    const auto note = [&](const std::string& what) {
        return [&seen, what](error_code ec) {
            CHECK_FALSE(ec);
            seen.push_back(what);
        };
    };
    s = f.hub->subscribe("a", [&](const event_ptr&) {
        s.async_reset(note("reset"));
        seen.push_back("call");
    });
    f.publish("a");
    f.publish("a");
    f.run();
    CHECK(seen == texts{"call", "reset"});

    seen.clear();
    s.async_reset(note("again"));
    CHECK(seen.empty());
    f.run();
    CHECK(seen == texts{"again"});

    seen.clear();
    s = f.hub->subscribe("a", immediate, [&](const event_ptr&) {
        s.async_reset(note("reset"));
        seen.push_back("call");
    });
    f.publish("a");
    CHECK(seen == texts{"call"});
    f.run();
    CHECK(seen == texts{"call", "reset"});

    seen.clear();
    subscription().async_reset(net::bind_executor(f.io(), note("empty")));
    f.run();
    CHECK(seen == texts{"empty"});
}

}  // namespace

}  // namespace tidings::test
