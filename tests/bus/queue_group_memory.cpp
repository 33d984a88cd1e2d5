// SPDX-License-Identifier: BSL-1.0
// Queue groups where memory runs out, at each allocation in turn.
#include "support/allocations.hpp"
#include "support/group_fixture.hpp"

namespace tidings::test {

TEST_CASE("a member that cannot join a queue group stands nowhere", "[bus][group][fault-1]") {
    const int kind = GENERATE(0, 1, 2);
    bool failed = true;
    for (long n = 0; failed; ++n) {
        CAPTURE(n, kind);
        REQUIRE(n < 100);
        group_fixture f;
        subscription held;
        receiver reads;
        texts seen;
        const auto target = std::make_shared<recording_subscriber>();
        failed = runs_out_after(n, [&] {
            if (kind == 0) held = f.hub->subscribe("a", f.into(seen), in_group());
            if (kind == 1) held = f.hub->subscribe("a", target, in_group());
            if (kind == 2) reads = f.member();
        });
        const bool joined = held.active() || reads.active();
        CHECK((failed || joined));
        CHECK(f.hub->subscriptions() == (joined ? 1 : 0));
        // A name that nobody has is free for another pattern.
        CHECK((f.hub->receive("b", in_group()).error() == errc::bad_group) == joined);
        f.publish_through(1);
        CHECK(seen.size() + target->seen.size() + f.all_of(reads).size() == (joined ? 1 : 0));
    }
}

TEST_CASE("an event for which a member has no memory is announced as lost",
          "[bus][group][fault-1]") {
    bool failed = true;
    for (long n = 0; failed; ++n) {
        CAPTURE(n);
        REQUIRE(n < 100);
        group_fixture f;
        auto one = f.member();
        f.publish("a", "1");
        failed = runs_out_after(n, [&] { f.run(); });
        f.publish_through(2, 2);
        const auto seen = f.all_of(one);
        CHECK((seen == texts{"a=1", "a=2"} || seen == texts{"lagged(1)", "a=2"}));
    }
}

TEST_CASE("a publisher that cannot wait for a queue group has its event dropped",
          "[bus][group][fault-1]") {
    bool failed = true;
    for (long n = 0; failed; ++n) {
        CAPTURE(n);
        REQUIRE(n < 100);
        group_fixture f;
        auto one = f.member(1, overflow::backpressure);
        f.publish_through(1);
        f.hub->async_publish("a", made("2"), f.note());
        failed = runs_out_after(n, [&] { f.run(); });
        CHECK(show(*one.try_receive()) == "a=1");
        f.run();
        REQUIRE(f.ends.size() == 1);
        const auto& r = f.ends[0].second;
        CHECK(r.queued + r.dropped == 1);
        f.publish_through(3, 3);
        CHECK(f.all_of(one).size() == 2);  // one of them perhaps an announcement
    }
}

TEST_CASE("what a member holds is handed over where there is memory, and never twice",
          "[bus][group][fault-1]") {
    bool failed = true;
    for (long n = 0; failed; ++n) {
        CAPTURE(n);
        REQUIRE(n < 100);
        group_fixture f;
        auto ends = f.member(), stays = f.member();
        f.publish_through(16);
        failed = runs_out_after(n, [&] {
            ends.reset();
            f.run();
        });
        f.run();
        CHECK(ends.counters().discarded == 8);
        const auto seen = f.all_of(stays);
        const auto c = stays.counters();
        CHECK(c.matched == 16);
        CHECK(c.delivered + c.dropped == 16);
        for (int i = 1; i <= 16; ++i)
            CHECK(std::count(seen.begin(), seen.end(), "a=" + std::to_string(i)) <= 1);
        if (!failed) CHECK(c.delivered == 16);
    }
}

}  // namespace tidings::test
