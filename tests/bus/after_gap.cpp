// SPDX-License-Identifier: BSL-1.0
#include "support/resume_bed.hpp"

#include <random>
#include <set>

// What a subscriber that resumes gets behind a gap, by every way to take events, over a history
// that commits inside `append` and one that commits later.

namespace tidings::test {

namespace {

void finish(resume_bed& f, consumer& c) {
    for (auto before = c.seen->size() + 1; before != c.seen->size();) {
        before = c.seen->size();
        for (int i = 0; i < 3; ++i) {
            f.settle();
            c.step();
        }
    }
}

/// A subscriber that keeps the events, with their positions.
class keeping final : public subscriber {
 public:
    outcome deliver(const event_ptr& e) noexcept override {
        events.push_back(e);
        return outcome::delivered;
    }
    texts shown() const { return show(events); }
    std::vector<event_ptr> events;
};

TEST_CASE("behind a gap a subscriber that wants it gets all that is held, then what is new",
          "[bus][resume][after_gap]") {
    const bool later = GENERATE(false, true);
    for (auto& c : every_consumer("a", after_gap::held)) {
        INFO(c.name << (later ? ", committed later" : ""));
        resume_bed f(later, 6);
        f.publish_all("a");
        f.settle();
        const auto after = f.head();
        f.publish_all("aabaaabaa");  // 5 to 10 are left
        f.settle();
        c.start(f, after);
        finish(f, c);
        f.publish_all("ba");
        finish(f, c);
        CHECK(*c.seen == texts{"gap", "a=5", "a=6", "a=7", "a=9", "a=10", "a=12"});
        c.stop();
    }
}

TEST_CASE("at a foreign position one that wants it gets a gap and all that is held",
          "[bus][resume][after_gap]") {
    const bool later = GENERATE(false, true);
    for (auto& c : every_consumer("a", after_gap::held)) {
        INFO(c.name << (later ? ", committed later" : ""));
        error_code ec;
        resume_bed f(later, 5);
        f.publish_all("aababaa");
        f.settle();
        c.start(f, position::parse("other:4", ec));
        finish(f, c);
        f.publish_all("a");
        finish(f, c);
        CHECK(*c.seen == texts{"gap", "a=4", "a=6", "a=7", "a=8"});
        c.stop();
    }
}

TEST_CASE("at a position of the future nothing held lies behind it", "[bus][resume][after_gap]") {
    const bool later = GENERATE(false, true);
    for (auto& c : every_consumer("a", after_gap::held)) {
        INFO(c.name << (later ? ", committed later" : ""));
        error_code ec;
        resume_bed f(later);
        f.publish_all("aa");
        f.settle();
        c.start(f, position::parse(f.head().text() + "999", ec));
        finish(f, c);
        f.publish_all("a");
        finish(f, c);
        CHECK(*c.seen == texts{"gap", "a=3"});
        c.stop();
    }
}

TEST_CASE("a subscriber that comes back with the gap's position gets neither it nor an event again",
          "[bus][resume][after_gap]") {
    const bool later = GENERATE(false, true);
    const bool is_foreign = GENERATE(false, true);
    CAPTURE(later, is_foreign);
    resume_bed f(later, 4);
    f.publish_all("a");
    f.settle();
    error_code ec;
    const auto after = is_foreign ? position::parse("other:7", ec) : f.head();
    f.publish_all("bababa");
    f.settle();
    const auto first = std::make_shared<keeping>();
    auto s = f.hub->subscribe("a", first, {.after = after, .after_gap = after_gap::held});
    f.settle();
    REQUIRE(first->shown() == texts{"gap", "a=5", "a=7"});
    for (std::size_t i = 0; i < first->events.size(); ++i) {
        REQUIRE(first->events[i]->position());
        CAPTURE(i, first->events[i]->position()->text());
        const auto rest = std::make_shared<keeping>();
        const auto again = f.hub->subscribe(
            "a", rest, {.after = *first->events[i]->position(), .after_gap = after_gap::held});
        f.settle();
        const auto all = first->shown();
        CHECK(rest->shown() == texts(all.begin() + static_cast<std::ptrdiff_t>(i) + 1, all.end()));
    }
    // Where nothing is left it lies at the present.
    f.publish_all("bbbb");
    f.settle();
    const auto none = std::make_shared<keeping>();
    const auto last = f.hub->subscribe("a", none, {.after = after, .after_gap = after_gap::held});
    f.settle();
    REQUIRE(none->shown() == texts{"gap"});
    CHECK(none->events[0]->position() == f.head());
}

/// A bus whose rule for one topic keeps less than that for the others.
struct two_rules {
    two_rules()
        : hub(io, {.history = {.rules = {{.pattern = "noisy", .max_events = 2},
                                         {.pattern = ">", .max_events = 1000}}},
                   .clock = &clock}) {
        for (int i = 0; i < 200; ++i) {
            hub.publish("quiet", made(std::to_string(i)));
            hub.publish("noisy", made(std::to_string(i)));
        }
        for (int i = 0; i < 200; ++i) left.push_back("quiet=" + std::to_string(i));
        left.insert(left.end() - 1, "noisy=198");
        left.push_back("noisy=199");
    }
    texts resume(std::optional<position> after, after_gap behind) {
        const auto to = std::make_shared<keeping>();
        const auto s = hub.subscribe(">", to, {.after = after, .after_gap = behind});
        io.restart();
        io.run();
        return to->shown();
    }
    manual_clock clock;
    net::io_context io;
    bus hub;
    texts left;
};

TEST_CASE("all that is held comes also where what is gone lies between it", "[bus][resume]") {
    two_rules f;
    CHECK(f.resume(position(), after_gap::present) == f.left);
    CHECK(f.resume(position(), after_gap::held) == f.left);
}

TEST_CASE("a gap between what is held is announced once, before it", "[bus][resume][after_gap]") {
    two_rules f;
    error_code ec;
    auto expected = f.left;
    expected.insert(expected.begin(), "gap");
    CHECK(f.resume(position::parse("other:1", ec), after_gap::held) == expected);
    CHECK(f.resume(position::parse("other:1", ec), after_gap::present) == texts{"gap"});
}

TEST_CASE("what is lost while what is held comes is announced again", "[bus][resume][after_gap]") {
    resume_bed f(false, 8);
    f.publish_all("a");
    const auto after = f.head();
    f.publish_all("aaaaaaaaa");  // 3 to 10 are left
    const auto sink = std::make_shared<slow_sink>();
    sink->room = 3;
    const auto slow = f.feed_into(
        sink, {.patterns = {"a"}, .after = after, .after_gap = after_gap::held, .slice = 2});
    f.settle();
    CHECK(sink->seen == texts{"gap", "a=3", "a=4", "a=5"});
    f.publish_all("aaaa");  // 7 to 14
    sink->room = 2;
    slow->pump();
    f.settle();
    f.publish_all("a");  // and 7, which has been passed on
    sink->room = 100;
    slow->pump();
    f.settle();
    CHECK(sink->seen == texts{"gap", "a=3", "a=4", "a=5", "gap", "a=7", "a=8", "a=9", "a=10",
                              "a=11", "a=12", "a=13", "a=14", "a=15"});
    slow->stop();
}

TEST_CASE("a live stream that falls out of the history goes on with what is left of it",
          "[bus][resume][after_gap]") {
    const bool later = GENERATE(false, true);
    CAPTURE(later);
    resume_bed f(later, 3);
    const auto sink = std::make_shared<slow_sink>();
    const auto live =
        f.feed_into(sink, {.patterns = {"a"}, .max_lag = 20, .after_gap = after_gap::held});
    f.publish_all("a");
    f.settle();
    sink->room = 0;
    f.publish_all("aaaaaaaaa");
    f.settle();
    sink->room = 100;
    live->pump();
    f.settle();
    f.publish_all("a");
    f.settle();
    CHECK(sink->seen == texts{"a=1", "gap", "a=8", "a=9", "a=10", "a=11"});
    CHECK(sink->ended.empty());
    live->stop();
}

TEST_CASE("without a history nothing is left behind a gap", "[bus][resume][after_gap]") {
    for (auto& c : every_consumer("a", after_gap::held)) {
        INFO(c.name);
        resume_bed f(false);
        f.hub.emplace(f.io(), bus_options{.clock = &f.clock()});
        c.start(f, {});
        f.publish_all("a");
        finish(f, c);
        CHECK(*c.seen == texts{"gap", "a=1"});
        c.stop();
    }
}

/// Publishing, committing, evicting, running and consuming in a random order.
void check_random_schedule(consumer& c, bool later, unsigned seed) {
    INFO(c.name << (later ? ", committed later" : "") << ", seed " << seed);
    std::minstd_rand random(seed);
    const auto chance = [&](unsigned of) { return random() % of == 0; };
    resume_bed f(later, 6);
    std::set<int> of_a;
    const auto publish = [&](const char* topic) {
        f.publish_all(topic);
        if (*topic == 'a') of_a.insert(f.number);
    };
    const auto step = [&] {
        if (chance(3)) publish(chance(2) ? "a" : "b");
        if (f.far && chance(3)) f.far->commit_next();
        f.io().restart();
        if (chance(2)) f.io().poll_one();
        if (chance(3)) c.step();
    };
    for (int i = 0; i < 20; ++i) step();
    f.settle();
    const auto after = f.head();
    const auto first = f.number;
    for (auto i = random() % 60; i > 0; --i) step();
    c.start(f, after);
    for (int i = 0; i < 200; ++i) step();
    finish(f, c);
    publish("a");
    finish(f, c);
    // Everything in order, but for what a gap stands in front of.
    auto next = of_a.upper_bound(first);
    bool gap = false;
    for (const auto& text : *c.seen) {
        const bool is_gap = text == "gap";
        const auto here = is_gap ? next : of_a.find(std::stoi(text.substr(2)));
        REQUIRE(here != of_a.end());
        REQUIRE(*here >= *next);
        if (!gap) REQUIRE(here == next);
        next = is_gap ? here : std::next(here);
        gap = is_gap;
    }
    CHECK(next == of_a.end());
    c.stop();
}

TEST_CASE("nothing that is held is missed or comes twice, whatever is evicted when",
          "[bus][resume][after_gap]") {
    const bool later = GENERATE(false, true);
    for (unsigned seed = 1; seed <= 40; ++seed)
        for (auto& c : every_consumer("a", after_gap::held)) check_random_schedule(c, later, seed);
}

}  // namespace

}  // namespace tidings::test
