// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/outbox_bed.hpp"

#include <numeric>

namespace tidings::test {

/// Attempts of one entry each, which is appended and settled at once.
class counted_attempts {
 public:
    using seconds = outbox_bed::seconds;
    using state = outbox_bed::state;
    using took = std::chrono::microseconds;

    explicit counted_attempts(outbox_bed& o) : o_(o) {}

    void succeed(const std::string& endpoint, seconds at, took t) {
        settle(endpoint, state::done, at, t);
    }
    void fail(const std::string& endpoint, seconds at) {
        settle(endpoint, state::dead, at, took(5'000'000));
    }
    void settle(const std::string& endpoint, state outcome, seconds at, took t) {
        o_.append(endpoint, "counted");
        std::vector<store::outbox_result> results;
        for (const auto& e : o_.claim().entries)
            results.push_back({.key = e.key,
                               .outcome = outcome,
                               .attempts = e.attempts + 1,
                               .due = o_.at(at),
                               .attempt = store::outbox_result::attempt_end{o_.at(at), t}});
        o_.finish(std::move(results), at);
    }

 private:
    outbox_bed& o_;
};

inline store::outbox_minute minute_at(outbox_bed::seconds s) {
    return std::chrono::floor<std::chrono::minutes>(outbox_bed::at(s));
}

inline void check_counts(const outbox_kit& kit) {
    using namespace std::chrono_literals;
    outbox_bed o(kit);
    counted_attempts c(o);
    CHECK(o.counts_of("a").empty());
    c.succeed("a", 0s, 300us);
    c.succeed("a", 1s, 1ms);
    c.succeed("a", 2s, 1001us);
    c.succeed("a", 3s, 4ms);
    c.succeed("a", 4s, 16'384ms);
    c.succeed("a", 59s, 16'384'001us);
    c.fail("a", 59s);
    c.fail("b", 61s);
    c.settle("a", outbox_bed::state::retry, 121s, 9ms);
    o.reopen();
    const auto all = o.counts_of("a");
    REQUIRE(all.size() == 2);
    CHECK(all[0].minute == minute_at(0s));
    CHECK(all[0].succeeded == 6);
    CHECK(all[0].failed == 1);
    CHECK(all[0].total == 300us + 1ms + 1001us + 4ms + 16'384ms + 16'384'001us);
    CHECK(all[0].longest == 16'384'001us);
    const decltype(all[0].latencies) classes{2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1};
    CHECK(all[0].latencies == classes);
    CHECK(all[1].minute == minute_at(120s));
    CHECK(all[1].succeeded == 0);
    CHECK(all[1].failed == 1);
    CHECK(all[1].total == 0us);
    CHECK(all[1].latencies == decltype(all[1].latencies){});
    REQUIRE(o.counts_of("b").size() == 1);
    CHECK(o.counts_of("b")[0].minute == minute_at(60s));
    CHECK(o.counts_of("").empty());
    CHECK(o.of().stats().attempt_counts == 3);
    CHECK(o.of().stats().attempt_count_bytes > 3 * sizeof(store::outbox_attempt_counts));
    CHECK(o.attempts().empty());  // it is no log
}

// What was not attempted, or is not claimed, counts for nothing.
inline void check_counted_once(const outbox_kit& kit) {
    using namespace std::chrono_literals;
    using state = outbox_bed::state;
    outbox_bed o(kit);
    o.append("a", "1");
    o.append("a", "2");
    const auto c = o.claim();
    REQUIRE(c.entries.size() == 2);
    const store::outbox_result::attempt_end end{o.at(), 1ms};
    const store::outbox_result delivered{c.entries[0].key, state::done, 1, o.at(), {}, {}, end};
    // Of a batch that is refused what stays claimed was attempted as well.
    const store::outbox_result kept{c.entries[1].key, state::keep, 0, o.at(), {}, {}, end};
    const store::outbox_result put_back{c.entries[1].key, state::retry, 0, o.at(), {}, {}};
    const store::outbox_result unknown{c.entries[1].key + 99, state::done, 1, o.at(), {}, {}, end};
    if (kit.break_next) {
        kit.break_next(o.of());
        const auto failed = o.bed().wait_for<>([&](auto h) {
            o.of().async_finish({o.at(), {delivered}, {}, {}}, std::move(h));
        });
        CHECK(failed.first == errc::store_failed);
        CHECK(o.counts_of("a").empty());
    }
    o.finish({delivered, kept, unknown});
    o.finish({delivered, put_back});
    o.finish({kept});
    const auto all = o.counts_of("a");
    REQUIRE(all.size() == 1);
    CHECK(all[0].succeeded == 1);
    CHECK(all[0].failed == 1);
    o.append("a", "3");
    o.claim_and_finish(state::done);  // without an attempt
    CHECK(o.counts_of("a") == all);
}

inline void check_counts_listed(const outbox_kit& kit) {
    using namespace std::chrono_literals;
    outbox_bed o(kit);
    counted_attempts c(o);
    for (int i = 0; i < 5; ++i) c.succeed("a", i * 60s, 1ms);
    o.reopen();
    const auto minutes = [&](store::outbox_counts_selection s) {
        s.endpoint = "a";
        std::vector<long> found;
        for (const auto& one : o.counts(s)) found.push_back((one.minute - minute_at(0s)).count());
        return found;
    };
    using list = std::vector<long>;
    CHECK(minutes({}) == list{0, 1, 2, 3, 4});
    CHECK(minutes({.max_minutes = 2}) == list{0, 1});
    CHECK(minutes({.max_minutes = 0}).empty());
    CHECK(minutes({.after = o.at(60s), .max_minutes = 2}) == list{2, 3});
    CHECK(minutes({.after = o.at(59s)}) == list{1, 2, 3, 4});
    CHECK(minutes({.after = o.at(60s), .before = o.at(240s)}) == list{2, 3});
    CHECK(minutes({.before = o.at(241s)}) == list{0, 1, 2, 3, 4});
    CHECK(minutes({.after = o.at(240s)}).empty());
    CHECK(minutes({.after = o.at(240s), .before = o.at(0s)}).empty());
}

// A clock that was set back goes on in minutes that are there already, or before them.
inline void check_counts_by_any_clock(const outbox_kit& kit) {
    using namespace std::chrono_literals;
    store::outbox_options options;
    options.attempt_counts.max_age = 10min;
    outbox_bed o(kit, options);
    counted_attempts c(o);
    c.succeed("a", 600s, 1ms);
    c.succeed("a", 60s, 1ms);
    c.succeed("b", 300s, 1ms);
    c.fail("a", 601s);
    c.succeed("a", 100h, 1ms);
    c.succeed("a", 61s, 1ms);
    o.reopen();
    const auto all = o.counts_of("a");
    REQUIRE(all.size() == 3);
    CHECK(all[0].minute == minute_at(60s));
    CHECK(all[0].succeeded == 2);
    CHECK(all[1].succeeded == 1);
    CHECK(all[1].failed == 1);
    CHECK(all[2].minute == minute_at(100h));
    // What was counted by a clock that ran ahead does not keep what is older.
    o.retain(120s + 10min, 1);
    CHECK(o.counts_of("a").size() == 2);
    CHECK(o.counts_of("b").size() == 1);
    o.retain(-100h);
    CHECK(o.counts_of("a").size() == 2);
    o.retain(660s + 10min);
    CHECK(o.counts_of("a").size() == 1);
    CHECK(o.counts_of("b").empty());
    o.reopen();
    CHECK(o.counts_of("a").size() == 1);
    // Times that are none of a clock.
    o.append("a", "1");
    o.append("a", "2");
    const auto times = o.claim();
    REQUIRE(times.entries.size() == 2);
    using end = store::outbox_result::attempt_end;
    o.finish({{times.entries[0].key,
               outbox_bed::state::done,
               1,
               o.at(),
               {},
               {},
               end{store::outbox_time::min(), std::chrono::microseconds::min()}},
              {times.entries[1].key,
               outbox_bed::state::done,
               1,
               o.at(),
               {},
               {},
               end{store::outbox_time::max(), std::chrono::microseconds::max()}}});
    o.reopen();
    REQUIRE(o.counts_of("a").size() == 3);
    CHECK(o.counts_of("a")[0].minute == store::outbox_minute());
    CHECK(o.counts_of("a")[0].longest == 0us);
    CHECK(o.counts_of("a")[2].total == 24h);
}

inline void check_counts_bounded(const outbox_kit& kit) {
    using namespace std::chrono_literals;
    store::outbox_options options;
    options.attempt_counts.max_bytes = 10'000;
    outbox_bed o(kit, options);
    counted_attempts c(o);
    for (int i = 0; i < 100; ++i)
        for (const auto* endpoint : {"a", "b", "c"}) c.succeed(endpoint, i * 60s, 1ms);
    c.succeed("c", 0s, 1ms);  // older than all that there is: it is the first to go
    const auto stats = o.of().stats();
    CHECK(stats.attempt_count_bytes <= 10'000);
    CHECK(stats.attempt_counts > 30);
    o.reopen();
    CHECK(o.of().stats().attempt_counts == stats.attempt_counts);
    std::size_t all = 0;
    for (const auto* endpoint : {"a", "b", "c"}) {
        const auto left = o.counts_of(endpoint);
        REQUIRE(left.size() >= stats.attempt_counts / 3);
        CHECK(left.back().minute == minute_at(99 * 60s));
        CHECK(left.front().minute == left.back().minute - std::chrono::minutes(left.size() - 1));
        all += left.size();
    }
    CHECK(all == stats.attempt_counts);
    options.attempt_counts.max_bytes = 0;
    outbox_bed none(kit, options);
    counted_attempts(none).succeed("a", 0s, 1ms);
    CHECK(none.counts_of("a").empty());
    CHECK(none.of().stats().attempt_count_bytes == 0);
}

inline void check_counts_end(const outbox_kit& kit) {
    using namespace std::chrono_literals;
    store::outbox_options options;
    options.keep_unknown = 100s;
    outbox_bed o(kit, options);
    o.open({{.id = "a", .owner = "me"}, {.id = "b", .owner = "you"}});
    counted_attempts c(o);
    for (const auto at : {0s, 60s, 120s}) {
        c.succeed("a", at, 1ms);
        c.succeed("b", at, 1ms);
    }
    o.erase("me");
    CHECK(o.counts_of("a").empty());
    CHECK(o.of().stats().attempt_counts == 3);
    // One of this name that comes later has its own.
    c.succeed("a", 60s, 1ms);
    o.reopen();
    REQUIRE(o.counts_of("a").size() == 1);
    CHECK(o.counts_of("a")[0].succeeded == 1);
    CHECK(o.counts_of("b").size() == 3);
    // With the endpoint's row they end.
    o.retain(300s, 1000, {"a"});
    o.reopen();
    CHECK(o.counts_of("b").empty());
    CHECK(o.counts_of("a").size() == 1);
    CHECK(o.of().stats().attempt_counts == 1);
}

/// How an outbox counts attempts.
inline void outbox_counts_conformance(const outbox_kit& kit) {
    SECTION("attempts are counted by endpoint and minute, with how long they took") {
        check_counts(kit);
    }
    SECTION("each attempt counts once, with its result") {
        check_counted_once(kit);
    }
    SECTION("counts are listed by time, in pages") {
        check_counts_listed(kit);
    }
    SECTION("counts are of the minutes that a clock says, whatever it said before") {
        check_counts_by_any_clock(kit);
    }
    SECTION("counts are bounded in bytes, and the oldest go first") {
        check_counts_bounded(kit);
    }
    SECTION("counts end with their endpoint") {
        check_counts_end(kit);
    }
}

}  // namespace tidings::test
