// SPDX-License-Identifier: BSL-1.0
#include "support/resume_bed.hpp"

#include <random>

// Resuming, by every way to take events, over a history that commits inside `append` and one that
// commits later.

namespace tidings::test {

namespace {

using namespace std::chrono_literals;

/// Runs until nothing happens any more.
void finish(resume_bed& f, consumer& c) {
    for (auto before = c.seen->size() + 1; before != c.seen->size();) {
        before = c.seen->size();
        for (int i = 0; i < 3; ++i) {
            f.settle();
            c.step();
        }
    }
}

TEST_CASE("a resumed subscription gets exactly what was missed, in order, and then what is new",
          "[bus][resume]") {
    const bool later = GENERATE(false, true);
    for (auto& c : every_consumer("a")) {
        INFO(c.name << (later ? ", committed later" : ""));
        resume_bed f(later);
        f.publish_all("aab");
        f.settle();
        const auto after = f.head();
        f.publish_all("abacaaabaa");
        f.settle();
        c.start(f, after);
        finish(f, c);
        CHECK(*c.seen == texts{"a=4", "a=6", "a=8", "a=9", "a=10", "a=12", "a=13"});
        f.publish_all("ba");
        finish(f, c);
        CHECK(c.seen->size() == 8);
        CHECK(c.seen->back() == "a=15");
        c.stop();
    }
}

TEST_CASE("a subscription resumed at an empty position gets all that is held", "[bus][resume]") {
    const bool later = GENERATE(false, true);
    for (auto& c : every_consumer(">")) {
        INFO(c.name << (later ? ", committed later" : ""));
        resume_bed f(later, 2);
        f.publish_all("abc");
        f.settle();
        c.start(f, {});
        finish(f, c);
        CHECK(*c.seen == texts{"b=2", "c=3"});
        c.stop();
    }
}

TEST_CASE("a subscription resumed where nothing is missing is live", "[bus][resume]") {
    const bool later = GENERATE(false, true);
    for (auto& c : every_consumer(">")) {
        INFO(c.name << (later ? ", committed later" : ""));
        resume_bed f(later);
        c.start(f, f.head());
        finish(f, c);
        CHECK(c.seen->empty());
        f.publish_all("a");
        finish(f, c);
        CHECK(*c.seen == texts{"a=1"});
        c.stop();
    }
}

TEST_CASE("a gap is announced once, then what is new comes", "[bus][resume]") {
    const bool later = GENERATE(false, true);
    for (auto& c : every_consumer("a")) {
        INFO(c.name << (later ? ", committed later" : ""));
        resume_bed f(later, 2);
        f.publish_all("a");
        f.settle();
        const auto after = f.head();
        f.publish_all("aaa");
        f.settle();
        c.start(f, after);
        f.publish_all("ba");
        finish(f, c);
        CHECK(c.seen->at(0) == "gap");
        f.publish_all("a");
        finish(f, c);
        CHECK(c.seen->back() == "a=7");
        CHECK(std::count(c.seen->begin(), c.seen->end(), "gap") == 1);
        c.stop();
    }
}

TEST_CASE("a noisy topic evicts nothing of a quiet one that a subscriber asks for",
          "[bus][resume]") {
    const bool later = GENERATE(false, true);
    for (auto& c : every_consumer("quiet")) {
        INFO(c.name << (later ? ", committed later" : ""));
        resume_bed f(later, 10);
        f.publish("noisy", "x");
        f.settle();
        const auto after = f.head();
        for (int i = 0; i < 50; ++i) f.publish("noisy", "x");
        f.publish("quiet", "1");
        f.settle();
        c.start(f, after);
        finish(f, c);
        CHECK(*c.seen == texts{"quiet=1"});
        c.stop();
    }
}

TEST_CASE("a position of another history, or of the future, is a gap", "[bus][resume]") {
    const bool later = GENERATE(false, true);
    const bool of_the_future = GENERATE(false, true);
    for (auto& c : every_consumer("a")) {
        INFO(c.name << (later ? ", committed later" : ""));
        error_code ec;
        resume_bed f(later);
        f.publish_all("aa");
        f.settle();
        c.start(f, position::parse(of_the_future ? f.head().text() + "999" : "other:1", ec));
        finish(f, c);
        CHECK(*c.seen == texts{"gap"});
        c.stop();
    }
}

TEST_CASE("without a history resuming is a gap", "[bus][resume]") {
    for (auto& c : every_consumer("a")) {
        INFO(c.name);
        resume_bed f(false);
        f.hub.emplace(f.io(), bus_options{.clock = &f.clock()});
        c.start(f, {});
        f.publish_all("a");
        finish(f, c);
        CHECK(*c.seen == texts{"gap", "a=1"});
        f.publish_all("ba");
        finish(f, c);
        CHECK(*c.seen == texts{"gap", "a=1", "a=3"});
        c.stop();
    }
}

TEST_CASE("a gap that was not read counts as little as one that was", "[bus][resume]") {
    bus_fixture f;
    auto r = f.hub->receive("a", {.after = position()});
    f.run();
    f.publish("a", "1");
    f.run();
    r.reset();
    CHECK(r.counters().matched == 1);
    CHECK(r.counters().discarded == 1);
}

TEST_CASE("from the call on nothing is missed of what no history holds", "[bus][resume]") {
    const bool later = GENERATE(false, true);
    for (auto& c : every_consumer("uncovered.x")) {
        INFO(c.name << (later ? ", committed later" : ""));
        resume_bed f(later);
        c.start(f, {});
        CHECK(f.publish("uncovered.x", "1").matched == 1);
        finish(f, c);
        CHECK(f.publish("uncovered.x", "2").matched == 1);
        finish(f, c);
        CHECK(*c.seen == texts{"uncovered.x=1", "uncovered.x=2"});
        c.stop();
    }
}

TEST_CASE("a subscription in the past is counted once, and ends with its handle", "[bus][resume]") {
    const bool later = GENERATE(false, true);
    for (auto& c : every_consumer("a")) {
        INFO(c.name << (later ? ", committed later" : ""));
        resume_bed f(later);
        f.publish_all("aaa");
        f.settle();
        c.start(f, {});
        CHECK(f.hub->subscriptions() == 1);
        c.stop();
        CHECK(f.hub->subscriptions() == 0);
        f.settle();
        CHECK(c.seen->empty());
        CHECK(f.publish("a", "x").matched == 0);
    }
}

TEST_CASE("a counter of a resumed subscription counts what was replayed, not the gap",
          "[bus][resume]") {
    resume_bed f(false, 3);
    f.publish_all("a");
    const auto after = f.head();
    f.publish_all("aaaaa");
    texts seen;
    const auto gap = f.hub->subscribe("a", [](const event_ptr&) {}, {.after = after});
    const auto plain =
        f.hub->subscribe("a", std::make_shared<recording_subscriber>(), {.after = position()});
    f.run();
    CHECK(gap.counters().matched == 0);
    CHECK(gap.counters().delivered == 0);
    CHECK(plain.counters().matched == 3);
    CHECK(plain.counters().delivered == 3);
}

/// An outlet with storage: takes responsibility at the test's command.
class storing_subscriber final : public subscriber {
 public:
    outcome deliver(const event_ptr& e) noexcept override {
        plain.push_back(show(e));
        return outcome::delivered;
    }
    void accept_all() {
        for (auto& h : std::exchange(waiting, {})) std::move(h)(error_code(), outcome::delivered);
    }
    texts plain, exact;
    std::vector<deliver_handler> waiting;

 private:
    void start_deliver(event_ptr e, deliver_handler h) override {
        exact.push_back(show(e));
        waiting.push_back(std::move(h));
    }
};

/// One that resumes, and publications that wait for it.
struct storing_bed : resume_bed {
    explicit storing_bed(bool later, std::size_t max_events = 1000)
        : resume_bed(later, max_events) {}
    void async_publish(std::string_view topic, std::string_view text) {
        hub->async_publish(topic, made(text), [this](error_code ec, receipt r) {
            CHECK(ec == (r.dropped != 0 ? make_error_code(errc::missed) : error_code()));
            ends.push_back(std::move(r));
        });
    }
    std::shared_ptr<storing_subscriber> outlet = std::make_shared<storing_subscriber>();
    std::vector<receipt> ends;
};

TEST_CASE("async_publish waits for the acceptance of an outlet that resumed", "[bus][resume]") {
    const bool later = GENERATE(false, true);
    storing_bed f(later);
    f.publish("a", "1");
    f.settle();
    const auto s = f.hub->subscribe(">", f.outlet, {.after = position()});
    f.async_publish("a", "2");
    f.async_publish("uncovered.x", "3");
    f.settle();
    CHECK(f.outlet->plain == texts{"a=1"});
    CHECK(f.outlet->exact.size() == 2);
    CHECK(f.ends.empty());
    f.outlet->accept_all();
    f.settle();
    REQUIRE(f.ends.size() == 2);
    CHECK(f.ends[0].delivered == 1);
    CHECK(f.ends[1].delivered == 1);
    // And once it is live.
    f.async_publish("a", "4");
    f.settle();
    CHECK(f.ends.size() == 2);
    f.outlet->accept_all();
    f.settle();
    CHECK(f.ends.size() == 3);
    CHECK(f.outlet->exact.back() == "a=4");
    CHECK(s.counters().delivered == 4);
}

TEST_CASE("async_publish completes when an outlet that resumes goes before its event's turn",
          "[bus][resume]") {
    storing_bed f(true);
    f.publish("a", "1");
    f.settle();
    f.far->hold_reads(true);
    auto s = f.hub->subscribe("a", f.outlet, {.after = position()});
    f.settle();
    f.async_publish("a", "2");
    f.settle();
    CHECK(f.ends.empty());
    if (GENERATE(false, true))
        s.reset();
    else
        f.hub.reset();
    f.settle();
    REQUIRE(f.ends.size() == 1);
    CHECK(f.ends[0].matched == 0);
    f.far->answer_reads();
    f.settle();
    CHECK(f.outlet->plain.empty());
}

TEST_CASE("async_publish counts a drop when its event is behind a gap", "[bus][resume]") {
    storing_bed f(true, 1);
    f.publish("a", "1");
    f.settle();
    const auto after = f.head();
    f.far->hold_reads(true);
    const auto s = f.hub->subscribe("a", f.outlet, {.after = after});
    f.async_publish("a", "2");
    f.async_publish("a", "3");
    f.settle();
    CHECK(f.ends.empty());
    f.far->answer_reads();
    f.settle();
    REQUIRE(f.ends.size() == 1);
    CHECK(f.ends[0].dropped == 1);
    CHECK(s.counters().dropped == 1);
    CHECK(f.outlet->plain == texts{"gap"});
    // What came since it began and is still held is behind the gap.
    CHECK(f.outlet->exact == texts{"a=3"});
    f.far->hold_reads(false);
    f.async_publish("a", "4");
    f.settle();
    CHECK(f.outlet->exact == texts{"a=3", "a=4"});
    f.outlet->accept_all();
    f.settle();
    CHECK(f.ends.size() == 3);
}

TEST_CASE("async_publish counts a drop while its event waits for a replay", "[bus][resume]") {
    storing_bed f(true);
    f.publish("a", "1");
    f.settle();
    f.far->hold_reads(true);
    const auto s =
        f.hub->subscribe(">", f.outlet, {.after = position(), .limits = {.max_events = 1}});
    f.settle();
    f.async_publish("uncovered.x", "2");
    f.async_publish("uncovered.x", "3");
    f.settle();
    REQUIRE(f.ends.size() == 1);
    CHECK(f.ends[0].dropped == 1);
    CHECK(s.counters().dropped == 1);
    f.far->answer_reads();
    f.settle();
    CHECK(f.outlet->plain == texts{"a=1", "lagged(1)"});
    CHECK(f.outlet->exact == texts{"uncovered.x=3"});
    f.outlet->accept_all();
    f.settle();
    REQUIRE(f.ends.size() == 2);
    CHECK(f.ends[1].delivered == 1);
}

TEST_CASE("async_publish does not wait for a stream that is slow", "[bus][resume]") {
    const bool later = GENERATE(false, true);
    storing_bed f(later);
    const auto sink = std::make_shared<slow_sink>();
    sink->room = 0;
    detail::feed_options o;
    o.patterns = {"a"};
    const auto slow = f.feed_into(sink, std::move(o));
    f.async_publish("a", "1");
    f.settle();
    REQUIRE(f.ends.size() == 1);
    CHECK(f.ends[0].queued == 1);
    slow->stop();
}

TEST_CASE("what a resuming subscription loses of what no history holds is counted",
          "[bus][resume]") {
    const bool outlet = GENERATE(false, true);
    resume_bed f(true);
    f.far->hold_reads(true);
    receiver r;
    subscription s;
    const subscribe_options options{.after = position(), .limits = {.max_events = 2}};
    if (outlet)
        s = f.hub->subscribe(">", std::make_shared<recording_subscriber>(), options);
    else
        r = f.hub->receive(">", options);
    f.settle();
    for (int i = 0; i < 5; ++i) f.publish("uncovered.x", std::to_string(i));
    f.settle();
    f.far->answer_reads();
    f.settle();
    for (int i = 0; i < 5; ++i) {
        r.try_receive();
        f.settle();
    }
    const auto counted = outlet ? s.counters() : r.counters();
    CHECK(counted.matched == 5);
    CHECK(counted.dropped == 3);
}

/// Publishing, committing, running and consuming in a random order.
void check_random_schedule(consumer& c, bool later, unsigned seed) {
    INFO(c.name << (later ? ", committed later" : "") << ", seed " << seed);
    std::minstd_rand random(seed);
    const auto chance = [&](unsigned of) { return random() % of == 0; };
    resume_bed f(later, 100'000);
    texts expected;
    const auto publish = [&] {
        f.publish_all(chance(2) ? "a" : "b");
        if (f.far && chance(8)) f.far->commit_foreign("a", made("foreign"));
    };
    const auto step = [&] {
        if (chance(3)) publish();
        if (f.far && chance(3)) f.far->commit_next();
        f.io().restart();
        if (chance(2)) f.io().poll_one();
        if (chance(3)) c.step();
    };
    // What is committed, as a witness sees it.
    bool counting = false;
    const auto witness = f.hub->subscribe("a", immediate, [&](const event_ptr& e) {
        if (counting) expected.push_back(show(e));
    });
    for (int i = 0; i < 20; ++i) step();
    const auto after = f.head();
    counting = true;
    for (auto i = random() % 20; i > 0; --i) step();
    c.start(f, after);
    for (int i = 0; i < 300; ++i) step();
    finish(f, c);
    CHECK(*c.seen == expected);
    c.stop();
}

TEST_CASE("nothing is lost or doubled at the switch to live, whatever happens when",
          "[bus][resume]") {
    const bool later = GENERATE(false, true);
    for (unsigned seed = 1; seed <= 40; ++seed)
        for (auto& c : every_consumer("a")) check_random_schedule(c, later, seed);
}

}  // namespace

}  // namespace tidings::test
