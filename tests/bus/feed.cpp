// SPDX-License-Identifier: BSL-1.0
#include "support/resume_bed.hpp"

#include <algorithm>

namespace tidings::test {

namespace {

/// A feed of `a`, live or from a position, into a sink with so much room.
struct feed_bed : resume_bed {
    explicit feed_bed(bool later = false, std::size_t max_events = 1000)
        : resume_bed(later, max_events) {}
    ~feed_bed() {
        if (feed) feed->stop();
        feed.reset();
        sink.reset();
    }

    void start(int room, detail::feed_options o = {}) {
        if (o.patterns.empty()) o.patterns = {"a"};
        sink->room = room;
        feed = feed_into(sink, std::move(o));
    }
    void give(int room) {
        sink->room += room;
        feed->pump();
        settle();
    }
    detail::feed_options after(position p) {
        detail::feed_options o;
        o.after = std::move(p);
        return o;
    }

    std::shared_ptr<slow_sink> sink = std::make_shared<slow_sink>();
    std::shared_ptr<detail::feed> feed;
};

TEST_CASE("a live feed passes events straight through, each once for all its patterns", "[feed]") {
    const bool later = GENERATE(false, true);
    feed_bed f(later);
    detail::feed_options o;
    o.patterns = {"a", "*", ">"};
    f.start(100, o);
    f.publish_all("ab");
    f.settle();
    CHECK(f.sink->seen == texts{"a=1", "b=2"});
    CHECK(f.feed->live());
    CHECK(f.feed->cursor() == f.head());
    if (f.far) CHECK(f.far->reads() == 0);
    CHECK(f.hub->subscriptions() == 1);
}

TEST_CASE("a feed that names a pattern twice gets each event of a burst once", "[feed]") {
    feed_bed f;
    f.start(100, {.patterns = {"uncovered.a", "uncovered.a"}});
    for (const auto* text : {"1", "2", "3"}) f.publish("uncovered.a", text);
    f.settle();
    CHECK(f.sink->seen == texts{"uncovered.a=1", "uncovered.a=2", "uncovered.a=3"});
    f.feed->stop();
    CHECK(f.hub->subscriptions() == 0);
    CHECK(f.publish("uncovered.a", "4").matched == 0);
}

TEST_CASE("a feed whose sink is full is filled from the history as there is room", "[feed]") {
    const bool later = GENERATE(false, true);
    feed_bed f(later);
    f.start(2);
    f.publish_all("aaba");
    f.settle();
    CHECK(f.sink->seen == texts{"a=1", "a=2"});
    CHECK_FALSE(f.feed->live());
    const auto reads = f.far ? f.far->reads() : 0;
    f.publish_all("aa");
    f.settle();
    if (f.far) CHECK(f.far->reads() == reads);  // nothing is read while there is no room
    f.give(1);
    CHECK(f.sink->seen.back() == "a=4");
    f.give(100);
    CHECK(f.sink->seen == texts{"a=1", "a=2", "a=4", "a=5", "a=6"});
    CHECK(f.feed->live());
    CHECK(f.feed->cursor() == f.head());
    f.publish_all("a");
    f.settle();
    CHECK(f.sink->seen.back() == "a=7");
}

TEST_CASE("the cursor stands where everything before was pushed", "[feed]") {
    const bool later = GENERATE(false, true);
    feed_bed f(later);
    f.publish_all("aaaa");
    f.settle();
    f.start(2, f.after({}));
    CHECK(f.feed->cursor().empty());
    f.settle();
    // A client that comes back with it gets the rest.
    const auto cursor = f.feed->cursor();
    f.feed->stop();
    f.sink->seen.clear();
    f.start(100, f.after(cursor));
    f.settle();
    CHECK(f.sink->seen == texts{"a=3", "a=4"});
}

TEST_CASE("a feed that was live before the first event knows where it stood", "[feed]") {
    const bool later = GENERATE(false, true);
    feed_bed f(later);
    f.start(100);
    f.settle();
    const auto cursor = f.feed->cursor();
    f.feed->stop();
    f.publish_all("aaa");
    f.settle();
    f.start(100, f.after(cursor));
    f.settle();
    CHECK(f.sink->seen == texts{"a=1", "a=2", "a=3"});
}

TEST_CASE("a feed that fell behind before it got anything announces what is gone", "[feed]") {
    const bool later = GENERATE(false, true);
    feed_bed f(later, 10);
    f.start(0);
    for (int i = 0; i < 20; ++i) f.publish_all("a");
    f.settle();
    f.give(100);
    CHECK(f.sink->seen == texts{"gap"});
}

TEST_CASE("a feed whose cursor falls out of the history tells a gap and goes on", "[feed]") {
    const bool later = GENERATE(false, true);
    feed_bed f(later, 3);
    f.start(1);
    f.publish_all("aaaaaa");
    f.settle();
    f.give(100);
    CHECK(f.sink->seen == texts{"a=1", "gap"});
    CHECK(f.feed->live());
    f.publish_all("a");
    f.settle();
    CHECK(f.sink->seen.back() == "a=7");
}

TEST_CASE("max_lag ends a feed that was live and fell further behind", "[feed]") {
    const bool later = GENERATE(false, true);
    feed_bed f(later);
    detail::feed_options o;
    o.max_lag = 3;
    f.start(1, o);
    f.publish_all("abbbbbbbbbbaaa");  // what does not match does not count
    f.settle();
    CHECK(f.sink->ended.empty());
    f.give(1);
    f.publish_all("a");
    f.settle();
    CHECK(f.sink->ended.empty());
    f.publish_all("a");
    f.settle();
    CHECK(f.sink->ended == std::vector<error_code>{errc::lagging});
    CHECK(f.hub->subscriptions() == 0);
    f.give(100);
    CHECK(f.sink->seen == texts{"a=1", "a=12"});
}

TEST_CASE("max_lag does not count a quiet pattern's distance on a noisy bus", "[feed]") {
    const bool later = GENERATE(false, true);
    feed_bed f(later);
    detail::feed_options o;
    o.max_lag = 2;
    f.start(0, o);
    for (int i = 0; i < 100; ++i) f.publish("noisy", "x");
    f.publish_all("a");
    f.settle();
    CHECK(f.sink->ended.empty());
    f.give(10);
    CHECK(f.sink->seen == texts{"a=1"});
}

TEST_CASE("max_lag does not end a replay that was asked for", "[feed]") {
    const bool later = GENERATE(false, true);
    feed_bed f(later);
    f.publish_all("aaaaaaaaaa");
    f.settle();
    auto o = f.after({});
    o.max_lag = 2;
    o.slice = 2;
    f.start(1, o);
    f.settle();
    f.publish_all("aaaa");
    f.settle();
    CHECK(f.sink->ended.empty());
    for (int i = 0; i < 13; ++i) f.give(1);
    CHECK(f.sink->seen.size() == 14);
    // Live since then: from now on it counts.
    CHECK(f.feed->live());
    f.publish_all("aaa");
    f.settle();
    CHECK(f.sink->ended == std::vector<error_code>{errc::lagging});
}

TEST_CASE("what came from the feed's own inlet is not handed back, live or replayed", "[feed]") {
    const bool later = GENERATE(false, true);
    feed_bed f(later);
    const auto mine = make_origin();
    const auto deliver = [&](std::string_view text, origin_id origin) {
        error_code ec;
        publication_info info;
        info.origin = origin;
        CHECK(f.hub->as_subscriber()->deliver(publication::make("a", made(text), info, ec)) ==
              outcome::delivered);
        f.settle();
    };
    deliver("old own", mine);
    deliver("old", 0);
    auto o = f.after({});
    o.origin = mine;
    f.start(100, o);
    f.settle();
    deliver("own", mine);
    deliver("other", make_origin());
    CHECK(f.sink->seen == texts{"a=old", "a=other"});
    deliver("own", mine);
    CHECK(f.feed->cursor() == f.head());
    CHECK(f.feed->live());
}

TEST_CASE("a feed that lost a pattern brings nothing more that only this matches", "[feed]") {
    const bool later = GENERATE(false, true);
    const bool replaying = GENERATE(false, true);
    feed_bed f(later);
    auto o = replaying ? f.after({}) : detail::feed_options{};
    o.patterns = {"a.*", "b", "a.2"};
    o.slice = 2;
    if (replaying)
        for (const auto* topic : {"a.1", "b", "a.2", "a.1", "b"}) f.publish(topic, "x");
    f.settle();
    f.start(replaying ? 1 : 100, o);
    if (!replaying)
        for (const auto* topic : {"a.1", "b", "a.2", "a.1", "b"}) f.publish(topic, "x");
    // What is on its way counts as well.
    f.feed->narrow({"a.*"});
    f.sink->room = 100;
    f.feed->pump();
    f.settle();
    CHECK(f.sink->seen == texts{"b=x", "a.2=x", "b=x"});
    f.publish("a.3", "y");
    f.publish("b", "y");
    f.settle();
    CHECK(f.sink->seen == texts{"b=x", "a.2=x", "b=x", "b=y"});
    CHECK(f.feed->live());
}

TEST_CASE("a sink may pump, stop or drop its feed from inside push", "[feed]") {
    const bool later = GENERATE(false, true);
    const bool replaying = GENERATE(false, true);
    const int what = GENERATE(0, 1, 2);
    feed_bed f(later);
    if (replaying) f.publish_all("aaa");
    f.settle();
    f.start(100, replaying ? f.after({}) : detail::feed_options{});
    f.sink->on_push = [&] {
        if (what == 0) f.feed->pump();
        if (what > 0) f.feed->stop();
        if (what == 2) f.feed.reset();
    };
    f.settle();
    if (!replaying) f.publish_all("aaa");
    f.settle();
    if (what == 0)
        CHECK(f.sink->seen == texts{"a=1", "a=2", "a=3"});
    else
        CHECK(f.sink->seen == texts{"a=1"});
    CHECK(f.sink->ended.empty());
}

TEST_CASE("a feed ends when its bus is closed", "[feed]") {
    const bool later = GENERATE(false, true);
    feed_bed f(later);
    f.start(100);
    f.hub.reset();
    CHECK(f.sink->ended.empty());
    f.run();
    CHECK(f.sink->ended == std::vector<error_code>{errc::closed});

    f.sink->ended.clear();
    f.hub.emplace(f.io(), bus_options{.clock = &f.clock()});
    f.start(100);
    f.feed->stop();
    f.hub.reset();
    f.run();
    CHECK(f.sink->ended.empty());
}

TEST_CASE("a feed on a closed or full bus does not start", "[feed]") {
    feed_bed f;
    const auto state = f.hub->state();
    detail::feed_options o;
    o.patterns = {"a"};
    bus full(f.io(), {.clock = &f.clock(), .max_subscriptions = 0});
    CHECK(std::make_shared<detail::feed>(full.state(), state->home(), f.sink, o)->start() ==
          errc::too_many);
    f.hub.reset();
    CHECK(std::make_shared<detail::feed>(state, state->home(), f.sink, o)->start() == errc::closed);
    o.after = position();
    CHECK(std::make_shared<detail::feed>(state, state->home(), f.sink, o)->start() == errc::closed);
    f.run();
    CHECK(f.sink->ended.empty());
}

TEST_CASE("a feed whose history fails ends and says so", "[feed]") {
    const auto how = GENERATE(errc::store_failed, errc::callback_threw);
    feed_bed f(true);
    f.publish_all("a");
    f.settle();
    f.far->fail_reads(how);
    f.start(100, f.after({}));
    f.settle();
    CHECK(f.sink->ended == std::vector<error_code>{errc::history_failed});
    CHECK(f.sink->seen.empty());
    f.far->fail_reads({});
    f.publish_all("a");
    f.settle();
    CHECK(f.sink->seen.empty());
}

TEST_CASE("what is committed while a read is under way comes once, after it", "[feed]") {
    feed_bed f(true);
    f.publish_all("aa");
    f.settle();
    f.far->hold_reads(true);
    f.start(100, f.after({}));
    f.settle();
    f.publish_all("ab");
    f.settle();
    CHECK(f.far->reads() == 1);
    f.far->answer_reads();  // sees the third, which the lane has brought, too
    f.settle();
    CHECK(f.sink->seen == texts{"a=1", "a=2", "a=3"});
    CHECK(f.feed->live());
    f.publish_all("a");
    f.settle();
    CHECK(f.sink->seen.back() == "a=5");
    CHECK(f.far->reads() == 1);
}

TEST_CASE("a feed that ends while it reads takes no answer", "[feed]") {
    feed_bed f(true);
    f.publish_all("aa");
    f.settle();
    f.far->hold_reads(true);
    f.start(100, f.after({}));
    f.settle();
    f.feed->stop();
    f.far->answer_reads();
    f.settle();
    CHECK(f.sink->seen.empty());
    f.far->hold_reads(false);
}

TEST_CASE("refreshing brings an idle cursor to the present, and only an idle one", "[feed]") {
    const bool later = GENERATE(false, true);
    feed_bed f(later);
    f.start(1);
    f.publish_all("bbb");
    f.settle();
    int calls = 0;
    f.feed->refresh([&] { ++calls; });
    CHECK(calls == 0);
    f.settle();
    CHECK(calls == 1);
    CHECK(f.feed->cursor() == f.head());
    const auto before = f.head();
    f.publish_all("aab");
    f.settle();
    f.feed->refresh([&] { ++calls; });
    f.settle();
    CHECK(calls == 2);
    CHECK_FALSE(f.feed->cursor() == f.head());
    CHECK_FALSE(f.feed->cursor() == before);
    f.give(1);
    f.feed->refresh([&] { ++calls; });
    f.settle();
    CHECK(f.feed->cursor() == f.head());
    CHECK(f.sink->seen == texts{"a=4", "a=5"});
}

TEST_CASE("what no history holds waits in a bounded queue", "[feed]") {
    const bool later = GENERATE(false, true);
    const auto policy = GENERATE(overflow::disconnect, overflow::drop_oldest);
    feed_bed f(later);
    detail::feed_options o;
    o.patterns = {"uncovered.*", "a"};
    o.limits.max_events = 2;
    o.overflow = policy;
    f.start(0, o);
    const auto publish = [&](std::string_view text) {
        const auto matched = f.publish("uncovered.x", text).matched;
        f.settle();
        return matched;
    };
    publish("1");
    f.publish_all("a");
    publish("2");
    CHECK(f.sink->ended.empty());
    f.give(10);
    CHECK(f.sink->seen == texts{"a=1", "uncovered.x=1", "uncovered.x=2"});
    f.sink->seen.clear();
    f.sink->room = 0;
    for (const auto* text : {"3", "4", "5"}) publish(text);
    CHECK(f.feed->dropped() == 1);
    if (policy == overflow::disconnect) {
        CHECK(f.sink->ended == std::vector<error_code>{errc::lagging});
        CHECK(publish("6") == 0);
    } else {
        f.give(10);
        CHECK(f.sink->seen == texts{"lagged(1)", "uncovered.x=4", "uncovered.x=5"});
    }
}

}  // namespace

}  // namespace tidings::test
