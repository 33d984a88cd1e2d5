// SPDX-License-Identifier: BSL-1.0
#include "support/bus_fixture.hpp"

#include <boost/asio/bind_executor.hpp>

// Topics that are checked once.

namespace tidings::test {

namespace {

TEST_CASE("a pattern or topic that is refused is named, with a hint", "[bus][fault-19]") {
    net::io_context io;
    std::vector<std::string> logged;
    bus hub(io, {.log = [&](const log_record& r) {
                logged.push_back(std::string(r.message) + ": " + r.error.message());
            }});
    const auto by_callback = hub.subscribe("orders.#", [](const event_ptr&) {});
    CHECK(by_callback.error() == errc::foreign_wildcard);
    CHECK(hub.subscribe("a..b", immediate, [](const event_ptr&) {}).error() == errc::bad_pattern);
    CHECK(hub.receive("a b").error() == errc::bad_pattern);
    REQUIRE(logged.size() == 3);
    CHECK(logged[0].find("\"orders.#\"") != std::string::npos);
    CHECK(logged[0].find("'>'") != std::string::npos);
    CHECK(logged[1].find("\"a..b\"") != std::string::npos);
    CHECK(logged[2].find("\"a b\"") != std::string::npos);
    try {
        static_cast<void>(hub.topic("orders.+"));
        FAIL("no error");
    } catch (const std::invalid_argument& e) {
        CHECK(std::string(e.what()).find("\"orders.+\"") != std::string::npos);
        CHECK(std::string(e.what()).find("'*'") != std::string::npos);
    }
}

TEST_CASE("a topic is checked when its handle is made", "[bus][topic_handle]") {
    bus_fixture f;
    CHECK(f.hub->topic("a.b").name() == "a.b");
    CHECK_THROWS_AS(f.hub->topic("a..b"), std::invalid_argument);
    CHECK_THROWS_AS(f.hub->topic("a.*"), std::invalid_argument);
    error_code ec;
    CHECK(f.hub->topic("a", ec));
    CHECK_FALSE(ec);
    CHECK_FALSE(f.hub->topic("", ec));
    CHECK(ec == errc::bad_topic);
    const auto none = f.hub->topic("tidings.x", ec);
    CHECK_FALSE(none);
    CHECK(ec == errc::reserved_topic);
    CHECK(none.name().empty());
    CHECK(none.publish(made("x")).error == errc::closed);
    int ends = 0;
    none.async_publish(made("x"), net::bind_executor(f.io(), [&](error_code err, receipt r) {
                           CHECK(err == errc::closed);
                           CHECK(r.error == errc::closed);
                           ++ends;
                       }));
    f.run();
    CHECK(ends == 1);
}

TEST_CASE("publishing by a handle is publishing", "[bus][topic_handle]") {
    bus_fixture f({.max_events = 10});
    const auto to = f.hub->topic("a.b");
    texts seen;
    const auto s = f.hub->subscribe("a.*", f.into(seen));
    const auto r = to.publish(made("1"));
    CHECK(r.matched == 1);
    CHECK(r.position == f.hub->head());
    error_code ec;
    CHECK(to.publish(publication::make("other", made("2"), {}, ec)).matched == 1);
    int ends = 0;
    to.async_publish(made("3"), [&](error_code err, receipt got) {
        CHECK_FALSE(err);
        CHECK(got.queued == 1);
        ++ends;
    });
    CHECK(ends == 0);
    f.run();
    CHECK(ends == 1);
    CHECK(seen == texts{"a.b=1", "a.b=2", "a.b=3"});
    CHECK(to.publish(event{"", "/s"}).error == errc::event_without_type);
    CHECK(f.metrics->value("events_published") == 3);
}

TEST_CASE("a handle knows of every subscriber that comes and goes", "[bus][topic_handle]") {
    bus_fixture f;
    const auto to = f.hub->topic("a.b");
    const auto copy = to;
    const auto matched = [&] {
        const auto n = to.publish(made("x")).matched;
        CHECK(copy.publish(made("x")).matched == n);
        CHECK(f.publish("a.b").matched == n);
        return n;
    };
    CHECK(matched() == 0);
    auto r = f.hub->receive("a.b");
    CHECK(matched() == 1);
    auto s = f.hub->subscribe("a.*", immediate, [](const event_ptr&) {});
    auto t = f.hub->receive("a.b");  // of a pattern that is there already
    CHECK(matched() == 3);
    const auto unrelated = f.hub->receive("c");
    CHECK(matched() == 3);
    r.reset();
    CHECK(matched() == 2);
    t.reset();
    CHECK(matched() == 1);
    s.reset();
    CHECK(matched() == 0);
    // The place of what went may be taken by something else.
    s = f.hub->subscribe("b.*", immediate, [](const event_ptr&) { FAIL("called"); });
    CHECK(matched() == 0);
    const auto u = f.hub->subscribe(">", std::make_shared<recording_subscriber>());
    CHECK(matched() == 1);
}

TEST_CASE("a handle outlives its bus, and says that it is closed", "[bus][topic_handle]") {
    bus_fixture f;
    auto s = f.hub->subscribe("a", immediate, [](const event_ptr&) {});
    const auto to = f.hub->topic("a");
    CHECK(to.publish(made("x")).delivered == 1);
    f.hub.reset();
    CHECK(to);
    CHECK(to.publish(made("x")).error == errc::closed);
    s.reset();
    f.destroy_context();
    CHECK(to.publish(made("x")).error == errc::closed);
}

}  // namespace

}  // namespace tidings::test
