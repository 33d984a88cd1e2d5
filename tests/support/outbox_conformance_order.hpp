// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/outbox_bed.hpp"

#include <algorithm>

namespace tidings::test {

inline void check_share_per_endpoint(const outbox_kit& kit) {
    using texts = outbox_bed::texts;
    outbox_bed o(kit);
    for (int i = 0; i < 3; ++i)
        for (const auto* id : {"a", "b", "c"}) o.append(id, id + std::to_string(i));
    const auto c = o.claim({.now = o.at(),
                            .max_entries = 100,
                            .max_per_endpoint = 1,
                            .shares = {{"b", 2}, {"c", 0}, {"none", 5}}});
    CHECK(ids_of(c) == texts{"a0", "b0", "b1"});
    CHECK_FALSE(c.next_due);  // c is not waited for, the others have all they may have
    CHECK(ids_of(o.claim()) == texts{"c0", "a1", "c1", "a2", "b2", "c2"});
}

inline void check_early_share(const outbox_kit& kit) {
    using namespace std::chrono_literals;
    using texts = outbox_bed::texts;
    outbox_bed o(kit);
    o.append("a", "again");
    o.append("b", "b1");
    o.append("c", "c1");
    o.claim_and_finish(outbox_bed::state::retry);
    std::vector<store::outbox_result> results;
    for (const auto& e : o.claim().entries)
        results.push_back({e.key, outbox_bed::state::retry, 1, o.at(60s), {}, {}});
    o.finish(std::move(results));
    o.append("a", "later", 90s);
    o.append("b", "b2", 90s);
    o.append("c", "c2", 120s);
    store::outbox_query q{.now = o.at(), .max_entries = 100, .max_per_endpoint = 100};
    q.shares = {{"a", 9, {}, true}, {"b", 1, {}, true}, {"none", 9, {}, true}};
    const auto c = o.claim(q);
    CHECK(ids_of(c) == texts{"again", "later", "b2"});
    CHECK(c.next_due == o.at(60s));  // of c: b has all that it may have
    q.shares = {{"b", 9, {}, true}};
    q.max_entries = 0;
    CHECK(o.claim(q).entries.empty());
    q.max_entries = 100;
    CHECK(ids_of(o.claim(q)) == texts{"b1"});
}

// A backlog of retries and one of new entries take turns, among endpoints and within one.
inline void check_fresh_and_retries(const outbox_kit& kit) {
    using namespace std::chrono_literals;
    outbox_bed o(kit);
    std::vector<store::outbox_entry> old;
    for (int i = 0; i < 50; ++i) {
        auto e = o.entry(i % 2 == 0 ? "a" : std::to_string(i), "old", -9s);
        e.attempts = 1;
        old.push_back(std::move(e));
    }
    CHECK_FALSE(o.try_append(std::move(old)));
    o.append("a", "new of a");
    o.append("b", "new of b");
    const auto c = o.claim(6);
    REQUIRE(c.entries.size() == 6);
    CHECK(c.entries[4].message_id == "new of a");
    CHECK(c.entries[5].message_id == "new of b");
    // And the other way round.
    for (int i = 0; i < 50; ++i) o.append("c", "new");
    const auto next = o.claim(6);
    CHECK(std::count_if(next.entries.begin(), next.entries.end(),
                        [](const auto& e) { return e.message_id == "old"; }) == 3);
}

inline void check_partitions(const outbox_kit& kit) {
    using namespace std::chrono_literals;
    using texts = outbox_bed::texts;
    using state = outbox_bed::state;
    outbox_bed o(kit);
    CHECK_FALSE(o.try_append({o.in_partition("x", "x1"), o.in_partition("x", "x2", -5s),
                              o.in_partition("y", "y1"), o.in_partition("x", "x3"),
                              o.entry("fifo", "free"), o.entry("other", "x")}));
    auto other = o.in_partition("x", "of another endpoint");
    other.endpoint = "other";
    CHECK_FALSE(o.try_append({other}));
    const auto c = o.claim();
    CHECK(ids_of(c) == texts{"x1", "y1", "free", "x", "of another endpoint"});
    const auto x1 = c.entries[0].key;
    CHECK(o.claim().entries.empty());
    o.reopen();
    o.claim();
    // While its retry waits, those behind it wait.
    o.finish({{x1, state::retry, 1, o.at(5s), errc::http_status, {}}});
    CHECK(o.claim_at(4s).entries.empty());
    CHECK(o.claim_at(4s).next_due == o.at(5s));
    CHECK(ids_of(o.claim_at(5s)) == texts{"x1"});
    // Done: the next.
    o.finish({{x1, state::done, 2, o.at(), {}, {}}});
    auto next = o.claim();
    REQUIRE(ids_of(next) == texts{"x2"});
    // Given up: the next.
    o.finish({{next.entries[0].key, state::dead, 1, o.at(), errc::webhook_exhausted, {}}});
    next = o.claim();
    REQUIRE(ids_of(next) == texts{"x3"});
    // What died is older than what waits: redelivered, it goes first.
    o.finish({{next.entries[0].key, state::retry, 1, o.at(), {}, {}}});
    CHECK(o.redeliver({.endpoint = "fifo"}).count == 1);
    CHECK(ids_of(o.claim()) == texts{"x2"});
}

inline void check_stopped(const outbox_kit& kit) {
    using texts = outbox_bed::texts;
    using state = outbox_bed::state;
    outbox_bed o(kit);
    CHECK_FALSE(o.try_append({o.in_partition("x", "1"), o.in_partition("x", "2")}));
    const auto first = o.claim().entries.at(0).key;
    o.finish({{first, state::stopped, 9, o.at(), errc::webhook_exhausted, {}}});
    o.reopen();
    CHECK(o.claim().entries.empty());
    CHECK_FALSE(o.claim().next_due);
    const auto listed = o.list();
    REQUIRE(listed.size() == 2);
    CHECK(listed[0].state == store::outbox_state::stopped);
    CHECK(listed[0].entry.last_error == errc::webhook_exhausted);
    CHECK(o.of().stats().owed == 2);
    CHECK(o.redeliver({.state = store::outbox_state::stopped}).count == 1);
    const auto again = o.claim();
    REQUIRE(ids_of(again) == texts{"1"});
    CHECK(again.entries[0].attempts == 0);
    o.finish({{first, state::done, 1, o.at(), {}, {}}});
    CHECK(ids_of(o.claim()) == texts{"2"});
}

inline void check_batches(const outbox_kit& kit) {
    using namespace std::chrono_literals;
    using texts = outbox_bed::texts;
    using state = outbox_bed::state;
    outbox_bed o(kit);
    for (const auto* id : {"1", "2", "3", "4"}) o.append("a", id);
    const auto c = o.claim(3);
    REQUIRE(c.entries.size() == 3);
    const auto key = [&](std::size_t i) { return c.entries.at(i).key; };
    // What is kept is still claimed.
    o.finish({{key(1), state::keep, 0, {}, {}, store::outbox_batch{"b", 0}},
              {key(0), state::keep, 0, {}, {}, store::outbox_batch{"b", 1}},
              {key(2), state::keep, 0, {}, {}, store::outbox_batch{"b", 2}}});
    CHECK(o.list({.state = store::outbox_state::claimed}).size() == 3);
    o.finish({{key(0), state::retry, 1, o.at(5s), {}, {}},
              {key(1), state::retry, 1, o.at(6s), {}, {}},
              {key(2), state::retry, 1, o.at(7s), {}, store::outbox_batch{"", 0}}});
    o.reopen();
    // Together, although one is not due yet and the claim takes one.
    CHECK(ids_of(o.claim(1)) == texts{"4"});
    const auto again = o.claim(1, 1, {}, 5s);
    CHECK(ids_of(again) == texts{"1", "2"});
    CHECK(again.entries.at(0).batch == store::outbox_batch{"b", 1});
    CHECK(again.entries.at(1).batch == store::outbox_batch{"b", 0});
    CHECK(ids_of(o.claim_at(9s)) == texts{"3"});
}

inline store::outbox_query gathering_query(store::outbox_gathering g, std::size_t share = 1) {
    store::outbox_query q{.now = outbox_bed::at(), .max_entries = 100, .max_per_endpoint = 100};
    q.shares = {{"a", share, g}, {"fifo", share, g}};
    return q;
}

inline void check_gatherings(const outbox_kit& kit) {
    using namespace std::chrono_literals;
    using texts = outbox_bed::texts;
    outbox_bed o(kit);
    o.append("a", "1");
    o.append("a", "2", 1s);
    o.append("a", "3", 2s);
    o.append("a", "4", 9s);
    o.append("b", "alone");
    const store::outbox_gathering three{.max_entries = 3, .ahead = 5s};
    CHECK(ids_of(o.claim(gathering_query(three))) == texts{"1", "alone", "2", "3"});
    // What is due later than that does not come, and nothing comes before the first is due...
    auto query = gathering_query(three, 9);
    query.now = o.at(8s);
    CHECK(ids_of(o.claim(query)).empty());
    // ... but when it is to.
    query.shares[0].gathering->at_once = 1;
    CHECK(ids_of(o.claim(query)) == texts{"4"});
    CHECK(o.claim(gathering_query({.max_entries = 3, .ahead = 1h, .at_once = 9})).entries.empty());
}

inline void check_bounds_of_gatherings(const outbox_kit& kit) {
    using texts = outbox_bed::texts;
    outbox_bed o(kit);
    for (const auto* id : {"1", "2", "3", "4", "5"}) o.append("a", id);
    // Each body is "body of N", of 9 bytes.
    const store::outbox_gathering two{.max_entries = 100, .max_bytes = 21};
    CHECK(ids_of(o.claim(gathering_query(two))) == texts{"1", "2"});
    // A claim that takes one takes all that comes with it; what is too large comes alone.
    auto query = gathering_query(two, 2);
    query.max_entries = 1;
    CHECK(ids_of(o.claim(query)) == texts{"3", "4"});
    CHECK(ids_of(o.claim(gathering_query({.max_entries = 2, .max_bytes = 1}))) == texts{"5"});
}

inline void check_gatherings_of_partitions(const outbox_kit& kit) {
    using namespace std::chrono_literals;
    using texts = outbox_bed::texts;
    using state = outbox_bed::state;
    outbox_bed o(kit);
    CHECK_FALSE(o.try_append({o.in_partition("x", "x1"), o.in_partition("y", "y1"),
                              o.in_partition("x", "x2"), o.entry("fifo", "f1"),
                              o.in_partition("x", "x3"), o.entry("fifo", "f2")}));
    const store::outbox_gathering two{.max_entries = 2, .ahead = 5s};
    const auto first = o.claim(gathering_query(two));
    REQUIRE(ids_of(first) == texts{"x1", "x2"});
    // What is being sent holds up what is behind it, and nothing of another partition.
    const auto others = o.claim(gathering_query(two, 9));
    CHECK(ids_of(others) == texts{"y1", "f1", "f2"});
    for (const auto& e : others.entries) o.finish({{e.key, state::done, 1, o.at(), {}, {}}});
    const auto key = [&](std::size_t i) { return first.entries.at(i).key; };
    o.finish({{key(0), state::retry, 1, o.at(), {}, store::outbox_batch{"b", 0}},
              {key(1), state::retry, 1, o.at(), {}, store::outbox_batch{"b", 1}}});
    o.reopen();
    // A batch takes nobody along.
    const store::outbox_gathering many{.max_entries = 9, .ahead = 5s};
    CHECK(ids_of(o.claim(gathering_query(many, 9))) == texts{"x1", "x2"});
    // What has failed is not sent before it is due, whatever comes before it.
    o.finish({{key(0), state::retry, 2, o.at(), {}, store::outbox_batch{}},
              {key(1), state::retry, 2, o.at(1s), {}, store::outbox_batch{}}});
    CHECK(ids_of(o.claim(gathering_query(many, 9))) == texts{"x1"});
    o.finish({{key(0), state::done, 3, o.at(), {}, {}}});
    CHECK(o.claim(gathering_query(many, 9)).entries.empty());
    auto later = gathering_query(many, 9);
    later.now = o.at(1s);
    CHECK(ids_of(o.claim(later)) == texts{"x3", "x2"});  // as due
}

/// In which order entries are claimed.
inline void outbox_order_conformance(const outbox_kit& kit) {
    SECTION("a claim takes of each endpoint as much as it is allowed") {
        check_share_per_endpoint(kit);
    }
    SECTION("new entries and those that are tried again take turns") {
        check_fresh_and_retries(kit);
    }
    SECTION("of a partition only the oldest is claimed, also while its retry waits") {
        check_partitions(kit);
    }
    SECTION("an entry that is stopped blocks its partition until it is redelivered") {
        check_stopped(kit);
    }
    SECTION("the members of a batch are claimed together") {
        check_batches(kit);
    }
    SECTION("what goes in one request is claimed together, before it is due") {
        check_gatherings(kit);
    }
    SECTION("what is claimed together has a bound in entries and bytes") {
        check_bounds_of_gatherings(kit);
    }
    SECTION("what is claimed together is of one partition, in its order") {
        check_gatherings_of_partitions(kit);
    }
}

}  // namespace tidings::test
