// SPDX-License-Identifier: BSL-1.0
#include "support/resume_bed.hpp"

// The table "overflow and history" of docs/bus.md, cell by cell: each policy where a history covers
// the topic and where none does, for a queue, a stream and an outlet that take three events.

namespace tidings::test {

namespace {

constexpr queue_limits three{.max_bytes = 1024 * 1024, .max_events = 3};

/// Publishes numbers under two topics in turn, which a history covers or not.
struct table_bed : resume_bed {
    explicit table_bed(bool later = false, std::size_t max_events = 1000)
        : resume_bed(later, max_events, three) {}
    ~table_bed() {
        if (feed) feed->stop();
    }

    void publish_numbers(const std::string& prefix, int n) {
        for (int i = 0; i < n; ++i) {
            const auto topic = prefix + next_topic();
            publish(topic, std::to_string(++number));
        }
    }
    std::string next_topic() const { return number % 2 == 0 ? "x" : "y"; }
    /// Of `prefix + topic`.
    static texts shown(const std::string& prefix, int first, int last) {
        texts all;
        for (int i = first; i <= last; ++i)
            all.push_back(prefix + (i % 2 == 1 ? "x=" : "y=") + std::to_string(i));
        return all;
    }
    // A stream, which has room for nothing at first.
    void start_stream(overflow policy) {
        sink->room = 0;
        feed = feed_into(sink, {.patterns = {">"}, .limits = three, .overflow = policy});
    }
    void give(int room) {
        sink->room += room;
        feed->pump();
        settle();
    }
    std::shared_ptr<slow_sink> sink = std::make_shared<slow_sink>();
    std::shared_ptr<detail::feed> feed;

    /// Takes what a receiver gets, also of what it is still to be filled with.
    texts drain(receiver& r) {
        texts seen;
        for (settle();; settle()) {
            const auto e = r.try_receive();
            if (!e) return seen;
            seen.push_back(show(*e));
        }
    }
    /// How the next number ends, once its publisher is not waited for any more.
    std::optional<std::pair<error_code, receipt>> async_publish(const std::string& prefix) {
        auto end = std::make_shared<std::optional<std::pair<error_code, receipt>>>();
        hub->async_publish(prefix + next_topic(), made(std::to_string(number + 1)),
                           [end](error_code ec, receipt r) { end->emplace(ec, std::move(r)); });
        ++number;
        settle();
        return *end;
    }
};

texts operator+(texts a, const texts& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

const std::string held = "t.", lost = "uncovered.";

// Queues: callbacks and receivers.

TEST_CASE("a full queue that disconnects ends with errc::lagging", "[bus][table]") {
    const auto prefix = GENERATE(held, lost);
    table_bed f;
    auto r = f.hub->receive(">", {.limits = three, .overflow = overflow::disconnect});
    f.publish_numbers(prefix, 4);
    f.settle();
    CHECK(r.error() == errc::lagging);
}

TEST_CASE("a full queue that drops the oldest announces them before the next", "[bus][table]") {
    const auto prefix = GENERATE(held, lost);
    table_bed f;
    auto r = f.hub->receive(">", {.limits = three, .overflow = overflow::drop_oldest});
    f.publish_numbers(prefix, 5);
    CHECK(f.drain(r) == texts{"lagged(2)"} + f.shown(prefix, 3, 5));
}

TEST_CASE("a full queue that drops the newest announces them in their place", "[bus][table]") {
    const auto prefix = GENERATE(held, lost);
    table_bed f;
    auto r = f.hub->receive(">", {.limits = three, .overflow = overflow::drop_newest});
    f.publish_numbers(prefix, 5);
    CHECK(f.drain(r) == f.shown(prefix, 1, 3) + texts{"lagged(2)"});
}

TEST_CASE("a queue that conflates keeps the newest of each topic and announces the rest",
          "[bus][table]") {
    const auto prefix = GENERATE(held, lost);
    table_bed f;
    auto r = f.hub->receive(">", {.limits = three, .overflow = overflow::conflate});
    f.publish_numbers(prefix, 5);
    CHECK(r.counters().dropped == 3);
    CHECK(f.drain(r) == texts{"lagged(3)"} + f.shown(prefix, 4, 5));
}

TEST_CASE("in front of a full queue with backpressure async_publish waits and publish drops",
          "[bus][table]") {
    const auto prefix = GENERATE(held, lost);
    table_bed f;
    auto r = f.hub->receive(">", {.limits = three, .overflow = overflow::backpressure});
    f.publish_numbers(prefix, 3);
    CHECK_FALSE(f.async_publish(prefix));
    CHECK(f.publish(prefix + "x", "5").dropped == 1);
    CHECK(f.drain(r) == f.shown(prefix, 1, 3) + texts{"lagged(1)"} + f.shown(prefix, 4, 4));
}

TEST_CASE("a queue that began with a position reads on in the history as there is room",
          "[bus][table]") {
    const bool later = GENERATE(false, true);
    const auto policy = GENERATE(overflow::disconnect, overflow::drop_oldest, overflow::drop_newest,
                                 overflow::backpressure);
    table_bed f(later);
    auto r = f.hub->receive(">", {.after = f.head(), .limits = three, .overflow = policy});
    f.settle();
    f.publish_numbers(held, 8);
    const auto end = f.async_publish(held);  // nobody waits for it
    REQUIRE(end);
    CHECK(end->second.queued == 1);
    CHECK(f.drain(r) == f.shown(held, 1, 9));
    CHECK(r.counters().dropped == 0);
    CHECK(r.active());
}

TEST_CASE("a queue that began with a position and conflates reads the newest of each topic",
          "[bus][table]") {
    const bool later = GENERATE(false, true);
    table_bed f(later);
    auto r =
        f.hub->receive(">", {.after = f.head(), .limits = three, .overflow = overflow::conflate});
    f.settle();
    f.publish_numbers(held, 9);
    CHECK(f.drain(r) == f.shown(held, 1, 3) + texts{"lagged(4)"} + f.shown(held, 8, 9));
    CHECK(r.counters().dropped == 4);
    CHECK(r.counters().matched == 9);
}

// Streams.

TEST_CASE("a stream whose queue is full and that disconnects ends with errc::lagging",
          "[bus][table]") {
    table_bed f;
    f.start_stream(overflow::disconnect);
    f.publish_numbers(lost, 3);
    f.settle();
    CHECK(f.sink->ended.empty());
    f.publish_numbers(lost, 1);
    f.settle();
    CHECK(f.sink->ended == std::vector<error_code>{errc::lagging});
}

TEST_CASE("a stream whose queue is full and that drops the oldest announces them before the next",
          "[bus][table]") {
    table_bed f;
    f.start_stream(overflow::drop_oldest);
    for (int i = 0; i < 5; ++i, f.settle()) f.publish_numbers(lost, 1);
    f.give(10);
    CHECK(f.sink->seen == texts{"lagged(2)"} + f.shown(lost, 3, 5));
    CHECK(f.feed->dropped() == 2);
}

TEST_CASE("a stream whose queue is full and that drops the newest announces them in their place",
          "[bus][table]") {
    table_bed f;
    f.start_stream(overflow::drop_newest);
    for (int i = 0; i < 5; ++i, f.settle()) f.publish_numbers(lost, 1);
    f.give(10);
    CHECK(f.sink->seen == f.shown(lost, 1, 3) + texts{"lagged(2)"});
}

TEST_CASE("a stream that conflates keeps the newest of each topic and announces the rest",
          "[bus][table]") {
    table_bed f;
    f.start_stream(overflow::conflate);
    for (int i = 0; i < 5; ++i, f.settle()) f.publish_numbers(lost, 1);
    f.give(10);
    CHECK(f.sink->seen == texts{"lagged(3)"} + f.shown(lost, 4, 5));
    CHECK(f.feed->dropped() == 3);
}

TEST_CASE("a stream makes no publisher wait: with backpressure it drops the newest",
          "[bus][table]") {
    table_bed f;
    f.start_stream(overflow::backpressure);
    f.publish_numbers(lost, 3);
    f.settle();
    const auto end = f.async_publish(lost);
    REQUIRE(end);
    CHECK_FALSE(end->first);
    CHECK(end->second.dropped == 1);
    f.give(10);
    CHECK(f.sink->seen == f.shown(lost, 1, 3) + texts{"lagged(1)"});
}

TEST_CASE("a stream that is behind reads on in the history, which is its queue", "[bus][table]") {
    const bool later = GENERATE(false, true);
    const auto policy = GENERATE(overflow::disconnect, overflow::drop_oldest, overflow::drop_newest,
                                 overflow::backpressure);
    table_bed f(later);
    f.start_stream(policy);
    f.publish_numbers(held, 9);
    f.settle();
    f.give(10);
    CHECK(f.sink->seen == f.shown(held, 1, 9));
    CHECK(f.feed->dropped() == 0);
}

TEST_CASE("a stream that is behind and conflates reads the newest of each topic", "[bus][table]") {
    const bool later = GENERATE(false, true);
    table_bed f(later, 10'000);
    f.start_stream(overflow::conflate);
    f.give(1);
    for (int i = 0; i < 5'442; ++i) f.publish_numbers(held, 1);
    f.settle();
    CHECK(f.sink->seen == f.shown(held, 1, 1));
    f.give(10);
    CHECK(f.sink->seen == f.shown(held, 1, 1) + texts{"lagged(5439)"} + f.shown(held, 5441, 5442));
    CHECK(f.feed->dropped() == 5'439);
    CHECK(f.feed->live());
    CHECK(f.feed->cursor() == f.head());
    f.publish_numbers(held, 2);
    f.settle();
    CHECK(f.sink->seen.back() == f.shown(held, 5444, 5444).front());
}

TEST_CASE("what a conflating stream has read and no room for is superseded by what comes",
          "[bus][table]") {
    const bool later = GENERATE(false, true);
    table_bed f(later);
    f.start_stream(overflow::conflate);
    f.publish_numbers(held, 6);
    f.settle();
    f.give(1);
    CHECK(f.sink->seen == texts{"lagged(4)"} + f.shown(held, 5, 5));
    // What it read is not lost where the stream ends here and comes back.
    CHECK(f.feed->cursor().number() < f.head().number());
    f.publish_numbers(held, 4);
    f.settle();
    f.give(1);
    CHECK(f.sink->seen.back() == f.shown(held, 9, 9).front());
    f.give(1);
    CHECK(f.sink->seen ==
          texts{"lagged(4)"} + f.shown(held, 5, 5) + texts{"lagged(3)"} + f.shown(held, 9, 10));
    CHECK(f.feed->live());
    CHECK(f.feed->dropped() == 7);
}

TEST_CASE("a conflating stream holds no more than its bound and takes that before it reads on",
          "[bus][table]") {
    const bool later = GENERATE(false, true);
    table_bed f(later);
    f.start_stream(overflow::conflate);
    for (int round = 1; round <= 2; ++round)
        for (int topic = 1; topic <= 5; ++topic)
            f.publish("t." + std::to_string(topic), std::to_string(round));
    f.settle();
    f.give(100);
    CHECK(f.sink->seen == texts{"t.1=1", "t.2=1", "t.3=1", "t.4=1", "t.5=1", "t.1=2", "t.2=2",
                                "t.3=2", "t.4=2", "t.5=2"});
    CHECK(f.feed->dropped() == 0);
    CHECK(f.feed->live());
}

TEST_CASE("a stream whose place in the history was evicted gets a gap", "[bus][table]") {
    const bool later = GENERATE(false, true);
    const auto policy = GENERATE(overflow::disconnect, overflow::drop_oldest, overflow::drop_newest,
                                 overflow::conflate, overflow::backpressure);
    table_bed f(later, 2);
    f.start_stream(policy);
    f.publish_numbers(held, 6);
    f.settle();
    f.give(10);
    CHECK(f.sink->seen == texts{"gap"});
    f.publish_numbers(held, 1);
    f.settle();
    CHECK(f.sink->seen == texts{"gap"} + f.shown(held, 7, 7));
}

// Outlets: what must have every event.

TEST_CASE("an outlet that disconnects ends where the inbox has no place and no history holds it",
          "[bus][table]") {
    table_bed f;
    const auto outlet = std::make_shared<recording_subscriber>();
    const auto s = f.hub->subscribe(">", outlet, {.overflow = overflow::disconnect});
    f.publish_numbers(lost, 4);
    f.settle();
    CHECK(outlet->seen == f.shown(lost, 1, 3));
    CHECK(outlet->ended == std::vector<error_code>{errc::lagging});
    CHECK(s.counters().dropped == 1);
}

TEST_CASE("another outlet misses what the inbox has no place for and no history holds",
          "[bus][table]") {
    const auto policy = GENERATE(overflow::drop_oldest, overflow::drop_newest, overflow::conflate,
                                 overflow::backpressure);
    table_bed f;
    const auto outlet = std::make_shared<recording_subscriber>();
    const auto s = f.hub->subscribe(">", outlet, {.overflow = policy});
    f.publish_numbers(lost, 4);
    const auto end = f.async_publish(lost);
    REQUIRE(end);
    CHECK(end->first == errc::missed);
    CHECK(end->second.dropped == 1);
    CHECK(outlet->seen == f.shown(lost, 1, 3) + texts{"lagged(2)"});
    CHECK(s.counters().dropped == 2);
    CHECK(f.logged.size() == 1);
    f.publish_numbers(lost, 1);
    f.settle();
    CHECK(outlet->seen.back() == f.shown(lost, 6, 6).front());
}

TEST_CASE("an outlet reads from the history what the inbox has no place for", "[bus][table]") {
    const bool later = GENERATE(false, true);
    const auto policy = GENERATE(overflow::disconnect, overflow::drop_oldest, overflow::drop_newest,
                                 overflow::conflate, overflow::backpressure);
    table_bed f(later);
    const auto outlet = std::make_shared<recording_subscriber>();
    const auto s = f.hub->subscribe(">", outlet, {.overflow = policy});
    f.publish_numbers(held, 8);
    const auto end = f.async_publish(held);
    REQUIRE(end);
    CHECK_FALSE(end->first);
    CHECK(end->second.delivered == 1);
    CHECK(outlet->seen == f.shown(held, 1, 9));
    CHECK(s.counters().dropped == 0);
    CHECK(f.logged.empty());
}

}  // namespace

}  // namespace tidings::test
