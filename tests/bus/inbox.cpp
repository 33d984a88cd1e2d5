// SPDX-License-Identifier: BSL-1.0
#include "support/resume_bed.hpp"

// A burst that is longer than a lane's inbox: every event that is missed is announced.

namespace tidings::test {

namespace {

constexpr int inbox = 65'536;

/// The numbers that were seen, with what stands between them if not the next one.
struct counting_sink final : detail::feed_sink {
    bool ready() noexcept override { return true; }
    void push(const event_ptr& e) noexcept override {
        if (const auto lost = lagged_count(e)) {
            announced += *lost;
            return;
        }
        in_order = in_order && std::stoi(std::string(e->text())) > last;
        last = std::stoi(std::string(e->text()));
        ++count;
    }
    void on_feed_end(error_code why) noexcept override { ended = why; }
    int count = 0;
    int last = -1;
    bool in_order = true;
    std::uint64_t announced = 0;
    error_code ended;
};

TEST_CASE("a feed finds in the history what did not fit into the inbox", "[bus][inbox]") {
    const bool later = GENERATE(false, true);
    resume_bed f(later, 1'000'000);
    const auto sink = std::make_shared<counting_sink>();
    detail::feed_options o;
    o.patterns = {"a"};
    const auto feed =
        std::make_shared<detail::feed>(f.hub->state(), f.hub->state()->home(), sink, o);
    REQUIRE_FALSE(feed->start());
    for (int i = 0; i < inbox + 99; ++i) f.publish("a", std::to_string(i));
    receipt last;
    f.hub->async_publish("a", made(std::to_string(inbox + 99)),
                         [&](error_code, receipt r) { last = std::move(r); });
    if (f.far) f.far->commit_all();
    // A heartbeat at this moment must not pass over what is missing.
    feed->refresh([] {});
    f.settle();
    CHECK(sink->count == inbox + 100);
    CHECK(sink->in_order);
    CHECK(sink->announced == 0);
    CHECK(last.queued == 1);
    CHECK(last.dropped == 0);
    CHECK(feed->live());
    CHECK(feed->cursor() == f.head());
    feed->stop();
}

TEST_CASE("a feed is notified of how many did not fit of what no history holds", "[bus][inbox]") {
    const bool covered_as_well = GENERATE(false, true);
    resume_bed f(false, 1'000'000);
    const auto sink = std::make_shared<counting_sink>();
    detail::feed_options o;
    o.patterns = {">"};
    o.overflow = overflow::drop_oldest;
    const auto feed =
        std::make_shared<detail::feed>(f.hub->state(), f.hub->state()->home(), sink, o);
    REQUIRE_FALSE(feed->start());
    for (int i = 0; i < inbox; ++i) f.publish("uncovered.x", std::to_string(i));
    for (int i = 0; i < 10; ++i) {
        const auto r = f.publish("uncovered.x", "x");
        CHECK(r.dropped == 1);
        CHECK(r.matched == 1);
    }
    if (covered_as_well) CHECK(f.publish("a", std::to_string(inbox)).queued == 1);
    f.settle();
    CHECK(sink->count == inbox + (covered_as_well ? 1 : 0));
    CHECK(sink->announced == 10);
    CHECK(feed->dropped() == 10);
    CHECK_FALSE(sink->ended);
    feed->stop();
}

TEST_CASE("an event has one place in an inbox, however many patterns it matches", "[bus][inbox]") {
    resume_bed f(false, 1'000'000);
    const auto s = std::make_shared<recording_subscriber>();
    std::vector<subscription> held;
    for (const auto* pattern : {"a", "*", ">"}) held.push_back(f.hub->subscribe(pattern, s));
    const auto sink = std::make_shared<counting_sink>();
    detail::feed_options o;
    o.patterns = {"a", "*", ">"};
    const auto feed =
        std::make_shared<detail::feed>(f.hub->state(), f.hub->state()->home(), sink, o);
    REQUIRE_FALSE(feed->start());
    std::size_t dropped = 0;
    for (int i = 0; i < inbox; ++i) dropped += f.publish("a", std::to_string(i)).dropped;
    CHECK(dropped == 0);
    CHECK(f.publish("a", std::to_string(inbox)).dropped == 3);
    f.settle();
    CHECK(sink->count == inbox + 1);
    CHECK(sink->in_order);
    for (const auto& h : held) {
        CHECK(h.counters().delivered == inbox);
        CHECK(h.counters().dropped == 1);
    }
    feed->stop();
}

TEST_CASE("a subscriber is notified of how many did not fit", "[bus][inbox]") {
    resume_bed f(false, 1);
    const auto s = std::make_shared<recording_subscriber>();
    const auto held = f.hub->subscribe(">", s);
    for (int i = 0; i < inbox; ++i) f.publish("a", "x");
    for (int i = 0; i < 9; ++i) {
        const auto r = f.publish("a", "x");
        CHECK(r.position);
        CHECK(r.queued == 0);
        CHECK(r.dropped == 1);
    }
    receipt last;
    f.hub->async_publish("a", made("x"), [&](error_code, receipt r) { last = std::move(r); });
    f.settle();
    CHECK(last.dropped == 1);
    REQUIRE(s->seen.size() == inbox + 1);
    CHECK(s->seen.back() == "lagged(10)");
    CHECK(held.counters().matched == inbox + 10);
    CHECK(held.counters().delivered == inbox);
    CHECK(held.counters().dropped == 10);
}

}  // namespace

}  // namespace tidings::test
