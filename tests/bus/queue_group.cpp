// SPDX-License-Identifier: BSL-1.0
// Queue groups: which member gets an event, and what happens where none has room.
#include "support/group_fixture.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>

namespace tidings::test {

using namespace std::chrono_literals;
using numbers = std::vector<std::uint64_t>;

TEST_CASE("each event goes to one member of a queue group, in turn and in order", "[bus][group]") {
    group_fixture f;
    texts called;
    const auto callback = f.hub->subscribe("a", f.into(called), in_group());
    auto first = f.member(), second = f.member();
    f.publish_through(6);
    // While the callback waits to be called it has an event, as the others do.
    CHECK(called == texts{"a=1", "a=4"});
    CHECK(f.all_of(first) == texts{"a=2", "a=5"});
    CHECK(f.all_of(second) == texts{"a=3", "a=6"});
    CHECK(numbers_of(callback.counters()) == numbers{2, 2, 0, 0, 0});
    CHECK(f.hub->subscriptions() == 3);
}

TEST_CASE("a member that waits gets the next event before one that has some", "[bus][group]") {
    group_fixture f;
    auto busy = f.member(), waiting = f.member();
    texts seen;
    const auto read = [&] {
        waiting.async_receive([&](error_code, const event_ptr& e) { seen.push_back(show(e)); });
    };
    for (int i = 1; i <= 3; ++i) {
        read();
        f.publish_through(i, i);
    }
    CHECK(seen == texts{"a=1", "a=2", "a=3"});
    CHECK_FALSE(busy.try_receive());
    // Nobody waits: the one that has the least gets it.
    f.publish_through(6, 4);
    CHECK(f.all_of(busy).size() + f.all_of(waiting).size() == 3);
}

TEST_CASE("a member that stands still gets no more than its share", "[bus][group]") {
    group_fixture f;
    auto slow = f.member(), quick = f.member();
    texts seen;
    for (int i = 1; i <= 20; ++i) {
        f.publish_through(i, i);
        for (auto& s : f.all_of(quick)) seen.push_back(std::move(s));
    }
    CHECK(seen.size() >= 18);
    CHECK(f.all_of(slow).size() + seen.size() == 20);
}

TEST_CASE("every queue group, and every other subscription, gets each event", "[bus][group]") {
    group_fixture f;
    auto one = f.member(), other = f.member(), alone = f.hub->receive("*");
    auto next_group = f.hub->receive("a", {.group = "h"});
    const auto r = f.publish("a", "1");
    CHECK(r.matched == 3);
    CHECK(r.queued == 3);
    f.publish_and_wait("2");
    REQUIRE(f.ends.size() == 1);
    CHECK(f.ends[0].second.matched == 3);
    CHECK(f.ends[0].second.queued == 3);
    CHECK(f.all_of(one).size() + f.all_of(other).size() == 2);
    CHECK(f.all_of(alone) == texts{"a=1", "a=2"});
    CHECK(f.all_of(next_group) == texts{"a=1", "a=2"});
}

TEST_CASE("what has no meaning in a queue group is refused", "[bus][group]") {
    group_fixture f;
    const auto there = f.member();
    auto o = in_group();
    std::string pattern = "a";
    SECTION("after") {
        o.after = position();
    }
    SECTION("after a gap") {
        o.after_gap = after_gap::held;
    }
    SECTION("what is retained") {
        o.retained = true;
    }
    SECTION("conflation") {
        o.overflow = overflow::conflate;
    }
    SECTION("another pattern") {
        pattern = "*";
    }
    SECTION("a long name") {
        o.group = std::string(max_group_name + 1, 'x');
    }
    CHECK(f.hub->receive(pattern, o).error() == errc::bad_group);
    CHECK(f.hub
              ->subscribe(
                  pattern, [](const event_ptr&) {}, o)
              .error() == errc::bad_group);
    const auto target = std::make_shared<recording_subscriber>();
    CHECK(f.hub->subscribe(pattern, target, o).error() == errc::bad_group);
    CHECK(f.hub->subscriptions() == 1);
    CHECK(f.hub->receive("a..b", in_group()).error() == errc::bad_pattern);
}

TEST_CASE("the name of a queue group is free again after its last member", "[bus][group]") {
    group_fixture f;
    auto first = f.member();
    auto second = f.member();
    first.reset();
    CHECK(f.hub->receive("b", in_group()).error() == errc::bad_group);
    second.reset();
    auto b = f.hub->receive("b", in_group());
    CHECK(b.active());
    f.publish("a", "1");
    f.publish("b", "2");
    f.run();
    CHECK(f.all_of(b) == texts{"b=2"});
    CHECK(f.hub->receive("c", {.group = std::string(max_group_name, 'x')}).active());
}

TEST_CASE("an event goes to a member whose filter wants it, or to none", "[bus][group]") {
    group_fixture f;
    const auto only = [](std::string_view type) {
        auto o = in_group();
        o.filter = event_filter::exact("type", type);
        return o;
    };
    auto x = f.hub->receive("a", only("x"));
    const auto y = std::make_shared<recording_subscriber>();
    const auto held = f.hub->subscribe("a", y, only("y"));
    for (const auto* type : {"x", "y", "z", "x"}) f.hub->publish("a", event(type, "/s", type));
    f.run();
    CHECK(f.all_of(x) == texts{"a=x", "a=x"});
    CHECK(y->seen == texts{"a=y"});
    f.hub->async_publish("a", event("z", "/s"), f.note());
    f.run();
    REQUIRE(f.ends.size() == 1);
    CHECK(f.ends[0].second.matched == 0);
}

TEST_CASE("where all members of a queue group are full the rule of one of them holds, once",
          "[bus][group]") {
    group_fixture f;
    const auto policy =
        GENERATE(overflow::drop_oldest, overflow::drop_newest, overflow::backpressure);
    auto full = f.member(1, policy), roomy = f.member(3, policy);
    f.publish_through(4);
    CHECK(full.counters().dropped + roomy.counters().dropped == 0);
    f.publish_through(5, 5);
    CHECK(full.counters().dropped + roomy.counters().dropped == 1);
    CHECK(full.counters().matched + roomy.counters().matched == 5);
    auto seen = f.all_of(full);
    for (auto& s : f.all_of(roomy)) seen.push_back(std::move(s));
    CHECK(std::count(seen.begin(), seen.end(), "lagged(1)") == 1);
    CHECK(seen.size() == 5);
    CHECK(std::count(seen.begin(), seen.end(), "a=5") == (policy == overflow::drop_oldest ? 1 : 0));
}

TEST_CASE("a full member that disconnects leaves its events to the others", "[bus][group]") {
    group_fixture f;
    auto ends = f.member(2, overflow::disconnect);
    f.publish_through(2);
    auto stays = f.member(2, overflow::drop_newest);
    f.publish_through(4, 3);
    f.publish_through(5, 5);
    CHECK(ends.error() == errc::lagging);
    CHECK(stays.active());
    // It was full: what the other left has no room, and is announced, as is the event that ended
    // it.
    CHECK(f.all_of(stays) == texts{"a=3", "a=4", "lagged(3)"});
    f.publish_through(6, 6);
    CHECK(f.all_of(stays) == texts{"a=6"});
    CHECK(numbers_of(ends.counters()) == numbers{3, 0, 1, 2, 0});
    CHECK(numbers_of(stays.counters()) == numbers{5, 3, 2, 0, 0});
}

TEST_CASE("what a member leaves ends no other that is full", "[bus][group]") {
    group_fixture f;
    auto ends = f.member(2, overflow::disconnect), one = f.member(1, overflow::disconnect),
         other = f.member(1, overflow::disconnect);
    f.publish_through(4);
    ends.reset();
    f.run();
    CHECK(one.active());
    CHECK(other.active());
    CHECK(one.counters().dropped + other.counters().dropped == 2);
    CHECK(f.all_of(one) == texts{"a=2", "lagged(1)"});
    CHECK(f.all_of(other) == texts{"a=3", "lagged(1)"});
}

TEST_CASE("a publisher that waits for a queue group is overtaken by none that comes later",
          "[bus][group]") {
    group_fixture f;
    auto one = f.member(1, overflow::backpressure);
    for (const auto* text : {"1", "2"}) f.publish_and_wait(text);
    f.hub->async_publish("a", made("3"), f.note());
    texts seen{show(*one.try_receive())};  // the lane has not looked at the third yet
    for (int i = 0; i < 2; ++i) {
        f.run();
        seen.push_back(show(*one.try_receive()));
    }
    CHECK(seen == texts{"a=1", "a=2", "a=3"});
}

TEST_CASE("a publisher waits for the first member of a queue group that has room", "[bus][group]") {
    group_fixture f;
    auto one = f.member(1, overflow::backpressure), other = f.member(1, overflow::backpressure);
    f.publish_and_wait("1");
    f.publish_and_wait("2");
    CHECK(f.ends.size() == 2);
    for (const auto* text : {"3", "4", "5"}) f.publish_and_wait(text);
    CHECK(f.ends.size() == 2);
    CHECK(show(*other.try_receive()) == "a=2");
    f.run();
    CHECK(f.ends.size() == 3);
    CHECK(show(*other.try_receive()) == "a=3");
    f.run();
    CHECK(show(*one.try_receive()) == "a=1");
    f.run();
    CHECK(f.ends.size() == 5);
    for (const auto& [ec, r] : f.ends) {
        CHECK_FALSE(ec);
        CHECK(r.matched == 1);
        CHECK(r.queued == 1);
    }
    CHECK(f.all_of(other) == texts{"a=4"});
    CHECK(f.all_of(one) == texts{"a=5"});
    CHECK_FALSE(f.clock().next_deadline());
}

TEST_CASE(
    "a publisher that waits for a queue group ends by its deadline, its cancellation and the "
    "last member's end",
    "[bus][group]") {
    group_fixture f;
    auto one = f.member(1, overflow::backpressure), other = f.member(1, overflow::backpressure);
    f.publish_through(2);
    net::cancellation_signal stop;
    f.hub->async_publish("a", made("3"), net::bind_cancellation_slot(stop.slot(), f.note()));
    f.run();
    SECTION("its deadline") {
        f.advance(1100ms);
        REQUIRE(f.ends.size() == 1);
        CHECK_FALSE(f.ends[0].first);
        CHECK(f.ends[0].second.dropped == 1);
        CHECK(one.counters().dropped + other.counters().dropped == 1);
    }
    SECTION("its cancellation") {
        stop.emit(net::cancellation_type::terminal);
        f.run();
        REQUIRE(f.ends.size() == 1);
        CHECK(f.ends[0].first == net::error::operation_aborted);
        CHECK(one.counters().dropped + other.counters().dropped == 1);
        CHECK(show(*one.try_receive()) == "a=1");
        f.run();
        CHECK(f.all_of(one).empty());
    }
    SECTION("the last member's end") {
        one.reset();
        f.run();
        CHECK(f.ends.empty());
        other.reset();
        f.run();
        REQUIRE(f.ends.size() == 1);
        CHECK_FALSE(f.ends[0].first);
        CHECK(f.ends[0].second.matched == 0);
    }
    SECTION("the end of the bus") {
        f.hub.reset();
        f.run();
        CHECK(f.ends.size() == 1);
    }
    SECTION("the end of the context") {
        f.destroy_context();
        CHECK(f.ends.empty());
    }
    if (f.ends.empty()) return;
    CHECK_FALSE(f.clock().next_deadline());
}

TEST_CASE("a queue group gets what is kept in the order of positions, from its first member on",
          "[bus][group]") {
    group_fixture f({.max_events = 10});
    f.publish_through(2);
    auto one = f.member();
    f.publish_through(3, 3);
    auto other = f.member();
    f.publish_through(5, 4);
    CHECK(f.all_of(one) == texts{"a=3", "a=5"});
    const auto e = other.try_receive();
    REQUIRE(e);
    CHECK((*e)->sequence() == 4);
}

TEST_CASE("what has no place in the bus's lane is missed by a queue group", "[bus][group]") {
    context_fixture f;
    bus hub(f.io(), {.clock = &f.clock(), .inbox = {.max_events = 2}});
    auto one = hub.receive("a", in_group()), other = hub.receive("a", in_group());
    for (int i = 0; i < 2; ++i) CHECK(hub.publish("a", made("x")).queued == 1);
    CHECK(hub.publish("a", made("x")).dropped == 1);
    std::vector<error_code> ends;
    hub.async_publish("a", made("x"), [&](error_code ec, const receipt&) { ends.push_back(ec); });
    f.run();
    CHECK(ends == std::vector<error_code>{errc::missed});
    CHECK(one.counters().dropped + other.counters().dropped == 2);
    CHECK(one.counters().matched + other.counters().matched == 4);
}

TEST_CASE("what is shown of a bus names queue groups", "[bus][group][explain]") {
    group_fixture f;
    auto one = f.member(1), other = f.member();
    std::vector<receipt> tapped;
    const auto watching =
        f.hub->tap([&](const tapped_publication& p) { tapped.push_back(p.receipt); });
    f.publish_through(1);
    const auto shown = f.hub->explain("a");
    REQUIRE(shown.subscriptions.size() == 2);
    for (const auto& s : shown.subscriptions) {
        CHECK(s.group == "g");
        CHECK(s.kind == subscription_kind::receiver);
    }
    CHECK(shown.subscriptions[0].full);
    CHECK(shown.subscriptions[0].counters.matched == 1);
    CHECK(to_string(shown).find("a: receiver of group g, full, matched 1") != std::string::npos);
    REQUIRE(tapped.size() == 1);
    CHECK(tapped[0].matched == 1);
}

}  // namespace tidings::test
