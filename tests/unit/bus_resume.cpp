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

TEST_CASE("who resumes gets exactly what was missed, in order, and then what is new",
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

TEST_CASE("who resumes at an empty position gets all that is held", "[bus][resume]") {
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

TEST_CASE("who resumes where nothing is missing is live", "[bus][resume]") {
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

TEST_CASE("a gap is told once, then what is new", "[bus][resume]") {
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
