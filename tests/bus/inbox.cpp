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
    CHECK(f.publish("a", std::to_string(inbox)).dropped == 0);
    f.settle();
    CHECK(sink->count == inbox + 1);
    CHECK(sink->in_order);
    for (const auto& h : held) {
        CHECK(h.counters().delivered == inbox + 1);
        CHECK(h.counters().dropped == 0);
    }
    feed->stop();
}

/// An outlet that counts, and a burst that is published before the context runs.
struct outlet_bed : resume_bed {
    static constexpr int burst = 70'000;
    static constexpr int beyond = burst - inbox;

    outlet_bed(bool later, std::size_t max_events) : resume_bed(later, max_events) {}

    struct counting_outlet final : subscriber {
        outcome deliver(const event_ptr& e) noexcept override {
            if (is_control(e)) {
                control.push_back(show(e));
            } else {
                const auto n = std::stoi(std::string(e->text()));
                in_order = in_order && n > last;
                last = n;
                ++count;
            }
            return outcome::delivered;
        }
        int count = 0, last = -1;
        bool in_order = true;
        texts control;
    };

    /// The last of the burst, and the one before it that is the first beyond the inbox, are waited
    /// for.
    void publish_burst(const std::string& topic) {
        for (int i = 0; i < burst; ++i) {
            if (i != inbox && i != burst - 1) {
                const auto r = publish(topic, std::to_string(i));
                receipts_dropped += static_cast<int>(r.dropped);
                continue;
            }
            hub->async_publish(topic, made(std::to_string(i)), [this](error_code ec, receipt r) {
                ends.emplace_back(ec, r.delivered);
            });
        }
        settle();
    }

    using end = std::pair<error_code, std::size_t>;
    std::shared_ptr<counting_outlet> outlet = std::make_shared<counting_outlet>();
    subscription held = hub->subscribe(">", outlet);
    std::vector<end> ends;
    int receipts_dropped = 0;
};

TEST_CASE("an outlet gets every event of a burst that the history holds", "[bus][inbox]") {
    const bool later = GENERATE(false, true);
    outlet_bed f(later, 100'000);
    f.publish_burst("a");
    CHECK(f.outlet->count == f.burst);
    CHECK(f.outlet->in_order);
    CHECK(f.outlet->control.empty());
    CHECK(f.receipts_dropped == 0);
    CHECK(f.held.counters().delivered == f.burst);
    CHECK(f.held.counters().dropped == 0);
    CHECK(f.ends == std::vector<outlet_bed::end>{{{}, 1}, {{}, 1}});
    CHECK(f.logged.empty());
}

TEST_CASE("what the history has evicted before an outlet could read it is dropped, and logged once",
          "[bus][inbox]") {
    const bool later = GENERATE(false, true);
    constexpr int kept = 1000;
    outlet_bed f(later, kept);
    f.publish_burst("a");
    CHECK(f.outlet->count == inbox + kept);
    CHECK(f.outlet->last == f.burst - 1);
    CHECK(f.outlet->in_order);
    CHECK(f.outlet->control == texts{"gap"});
    CHECK(f.held.counters().matched == f.burst);
    CHECK(f.held.counters().dropped == f.beyond - kept);
    CHECK(f.ends == std::vector<outlet_bed::end>{{errc::missed, 0}, {{}, 1}});
    CHECK(f.logged == texts{">: " + make_error_code(errc::missed).message()});
    f.publish("a", "70000");
    f.settle();
    CHECK(f.outlet->last == f.burst);
}

TEST_CASE("what did not fit and no history holds is dropped at an outlet, and logged once",
          "[bus][inbox]") {
    outlet_bed f(false, 1000);
    for (int bursts = 1; bursts <= 2; ++bursts) {
        f.outlet->last = -1;
        f.ends.clear();
        f.publish_burst("uncovered.x");
        CHECK(f.outlet->count == bursts * inbox);
        CHECK(f.outlet->last == inbox - 1);
        CHECK(f.outlet->control ==
              texts(static_cast<std::size_t>(bursts), "lagged(" + std::to_string(f.beyond) + ")"));
        CHECK(f.receipts_dropped == bursts * (f.beyond - 2));
        CHECK(f.held.counters().dropped == static_cast<std::uint64_t>(bursts * f.beyond));
        CHECK(f.ends == std::vector<outlet_bed::end>(2, {errc::missed, 0}));
        CHECK(f.logged.size() == static_cast<std::size_t>(bursts));
    }
}

TEST_CASE("an inbox is bounded by the options of the bus, in events and in bytes", "[bus][inbox]") {
    const auto limits = GENERATE(queue_limits{.max_bytes = 1'000'000, .max_events = 3},
                                 queue_limits{.max_bytes = 1, .max_events = 1'000});
    resume_bed f(false, 1000, limits);
    const auto s = std::make_shared<recording_subscriber>();
    const auto held = f.hub->subscribe(">", s);
    for (int i = 0; i < 5; ++i) f.publish("uncovered.x", "x");
    f.settle();
    const auto most = limits.max_bytes == 1 ? 1u : 3u;
    CHECK(held.counters().delivered == most);
    CHECK(held.counters().dropped == 5 - most);
    CHECK(s->seen.back() == "lagged(" + std::to_string(5 - most) + ")");
}

}  // namespace

}  // namespace tidings::test
