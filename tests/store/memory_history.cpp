// SPDX-License-Identifier: BSL-1.0
#include "support/history_conformance.hpp"
#include "support/ordering_history.hpp"

#include <tidings/store/memory_history.hpp>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;

TEST_CASE("the memory history is a history", "[history]") {
    history_conformance({"memory",
                         [](std::size_t max_events, io::clock& clock) {
                             return make_memory_history(
                                 {{.pattern = "uncovered.>", .max_events = 0},
                                  {.pattern = ">", .max_events = max_events}},
                                 &clock);
                         },
                         [](history&) {}});
}

TEST_CASE("the history of the tests that commits later is a history", "[history]") {
    const bool handlers_first = GENERATE(false, true);
    history_conformance({"ordering",
                         [=](std::size_t max_events, io::clock&) {
                             auto made = std::make_shared<ordering_history>(max_events);
                             made->tell_handlers_first(handlers_first);
                             return made;
                         },
                         [](history& h) { static_cast<ordering_history&>(h).commit_all(); }, true,
                         false});
}

event_ptr lone(std::string_view topic, event e) {
    error_code ec;
    return publication::make(topic, std::move(e), {}, ec);
}

/// A memory history with rules.
class rules_bed : public history_bed {
 public:
    explicit rules_bed(std::vector<history_rule> rules)
        : history_bed({"memory",
                       [&](std::size_t, io::clock& clock) {
                           return make_memory_history(std::move(rules), &clock);
                       },
                       [](history&) {}},
                      0) {}
};

TEST_CASE("dropped events stand in the order of their coming, and one needs no memory of its own",
          "[history]") {
    dropped_events all;
    CHECK(all.empty());
    std::vector<event_ptr> in_order;
    for (int i = 0; i < 4; ++i) {
        all.reserve(all.size() + 1);
        in_order.push_back(lone("a", made(std::to_string(i))));
        all.push_back(in_order.back());
        REQUIRE(all.size() == in_order.size());
    }
    CHECK_FALSE(all.empty());
    for (std::size_t i = 0; i < in_order.size(); ++i) CHECK(all[i] == in_order[i]);
}

TEST_CASE("a noisy topic never evicts a quiet one that has a rule of its own", "[history]") {
    rules_bed f({{.pattern = "quiet", .max_events = 2}, {.pattern = ">", .max_events = 3}});
    f.append("quiet", made("1"));
    const auto start = f.at(0);
    f.append("quiet", made("2"));
    for (int i = 0; i < 10'000; ++i) f.append("noisy.x");
    f.append("quiet", made("3"));
    CHECK(show(f.read(start, {"quiet"}).events) == texts{"quiet=2", "quiet=3"});
    CHECK(f.read(start, {">"}).gap);
    CHECK(f.read(start, {"noisy.*"}).gap);
    const auto all = f.read({}, {">"});
    CHECK(show(all.events) == texts{"quiet=2", "noisy.x=x", "noisy.x=x", "noisy.x=x", "quiet=3"});
}

TEST_CASE("the longest age is for ever in a history, too", "[history]") {
    rules_bed f({{.pattern = ">", .max_events = 9, .max_age = std::chrono::milliseconds::max()}});
    f.append("a", made("1"));
    f.clock().advance(std::chrono::hours(24 * 365));
    f.append("a", made("2"));
    CHECK(show(f.read({}, {">"}).events) == texts{"a=1", "a=2"});
}

TEST_CASE("an event goes by the first rule that matches, and by none where the rule keeps none",
          "[history]") {
    rules_bed f({{.pattern = "a.secret", .max_events = 0},
                 {.pattern = "a.*", .max_events = 1},
                 {.pattern = "a.>", .max_events = 1}});
    CHECK(f.of().covers("a.b"));
    CHECK(f.of().covers("a.b.c"));
    CHECK_FALSE(f.of().covers("a.secret"));
    CHECK_FALSE(f.of().covers("b"));
    f.append("a.b", made("1"));
    f.append("a.b.c", made("2"));
    f.append("a.c", made("3"));
    CHECK(show(f.read({}, {">"}).events) == texts{"a.b.c=2", "a.c=3"});
}

TEST_CASE("an append that no rule covers fails and leaves no trace", "[history]") {
    rules_bed f({{.pattern = "a", .max_events = 1}});
    std::vector<error_code> ends;
    f.append("b", made("1"), {},
             append_handler(f.io().get_executor(),
                            [&](error_code ec, position) { ends.push_back(ec); }));
    f.run();
    CHECK(ends == std::vector<error_code>{errc::history_failed});
    REQUIRE(f.listener.failed.size() == 1);
    CHECK(f.listener.failed[0].second == errc::history_failed);
    CHECK(f.of().head().number() == 0);
}

TEST_CASE("a ring is bounded by bytes, and keeps at least its newest event", "[history]") {
    const auto cost = lone("a", made(std::string(10, 'x')))->footprint();
    rules_bed f({{.pattern = ">", .max_events = 100, .max_bytes = 3 * cost}});
    const auto push = [&](char c, std::size_t size) { f.append("a", made(std::string(size, c))); };
    for (const char c : std::string("123")) push(c, 10);
    CHECK(f.read({}, {">"}).events.size() == 3);
    push('4', 11);
    CHECK(f.read({}, {">"}).events.size() == 2);
    push('5', 5000);
    const auto all = f.read({}, {">"});
    REQUIRE(all.events.size() == 1);
    CHECK(all.events[0]->text().size() == 5000);
    push('6', 10);
    CHECK(f.read({}, {">"}).events.size() == 1);
}

TEST_CASE("what an event carries beside its data counts for a ring's bytes", "[history]") {
    const auto fat = [] { return made("x").extension("padding", std::string(4000, 'x')); };
    rules_bed f({{.pattern = ">", .max_events = 100, .max_bytes = 10'000}});
    for (int i = 0; i < 10; ++i) f.append("a", fat());
    CHECK(f.read({}, {">"}).events.size() == 2);
}

TEST_CASE("events grow too old by the clock, each ring by its own age", "[history]") {
    rules_bed f({{.pattern = "short", .max_events = 100, .max_age = 1000ms},
                 {.pattern = "long", .max_events = 100, .max_age = 5000ms},
                 {.pattern = "ever", .max_events = 100}});
    const auto push_all = [&] {
        for (const auto* topic : {"short", "long", "ever"}) f.append(topic, made("x"));
    };
    push_all();
    const auto start = f.at(0);
    f.clock().advance(1000ms);
    CHECK(f.read({}, {">"}).events.size() == 3);
    push_all();
    f.clock().advance(1ms);
    CHECK(show(f.read({}, {">"}).events) ==
          texts{"long=x", "ever=x", "short=x", "long=x", "ever=x"});
    // The one that grew old is the one that `start` is the position of: nothing is missed.
    CHECK_FALSE(f.read(start, {">"}).gap);
    f.clock().advance(1000ms);
    CHECK(f.read(start, {">"}).gap);
    CHECK(f.read(start, {"long"}).events.size() == 2);
    CHECK(f.read(start, {"ever", "long"}).events.size() == 4);
    f.clock().advance(5000ms);
    CHECK(show(f.read({}, {">"}).events) == texts{"ever=x", "ever=x"});
    CHECK(f.read(start, {"long", "ever"}).gap);
}

TEST_CASE("a ring that has forgotten which topics it evicted says gap where it may have been one",
          "[history]") {
    rules_bed f({{.pattern = "quiet", .max_events = 10}, {.pattern = "many.*", .max_events = 1}});
    f.append("quiet");
    const auto start = f.at(0);
    for (int i = 0; i < 5000; ++i) f.append("many." + std::to_string(i));
    CHECK(f.read(start, {"many.4000"}).gap);
    CHECK(f.read(start, {"many.none"}).gap);  // no longer known
    CHECK_FALSE(f.read(f.at(4990), {"many.none"}).gap);
    CHECK_FALSE(f.read(start, {"quiet"}).gap);
}

TEST_CASE("a topic that is evicted again and again is remembered by its last time", "[history]") {
    rules_bed f({{.pattern = ">", .max_events = 1}});
    for (int i = 0; i < 100; ++i) f.append(i % 2 == 0 ? "a" : "b");
    // Held is the last b; the last a that is gone is the one before it.
    CHECK_FALSE(f.read(f.at(98), {"a"}).gap);
    CHECK(f.read(f.at(97), {"a"}).gap);
    CHECK(f.read(f.at(96), {"b"}).gap);
    CHECK_FALSE(f.read(f.at(97), {"b"}).gap);
}

TEST_CASE("a long read that matches little is cut, and goes on", "[history]") {
    rules_bed f({{.pattern = ">", .max_events = 20'000}});
    f.append("rare");
    for (int i = 0; i < 10'000; ++i) f.append("common");
    f.append("rare");
    position from = f.at(0);
    int slices = 0;
    for (;; ++slices) {
        const auto s = f.read(from, {"rare"});
        from = s.next;
        if (s.events.empty()) {
            REQUIRE_FALSE(s.at_end);
            continue;
        }
        CHECK(s.at_end);
        break;
    }
    CHECK(slices == 2);
}

TEST_CASE("two memory histories have different epochs", "[history]") {
    position old;
    {
        rules_bed f({{.pattern = ">", .max_events = 10}});
        f.append("a");
        old = f.at(0);
    }
    rules_bed f({{.pattern = ">", .max_events = 10}});
    f.append("a");
    CHECK_FALSE(f.at(0) == old);
    CHECK(f.read(old, {">"}).gap);
}

}  // namespace

}  // namespace tidings::test
