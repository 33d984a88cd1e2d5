// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/outbox_bed.hpp"

namespace tidings::test {

inline store::outbox_options bounded_each(store::outbox_limits limits) {
    store::outbox_options o;
    o.each = limits;
    return o;
}

inline void check_drop_oldest(const outbox_kit& kit) {
    using texts = outbox_bed::texts;
    outbox_bed o(kit, bounded_each({.max_entries = 3}));
    o.append("other", "x");
    for (const auto* id : {"1", "2", "3"}) o.append("a", id);
    const auto claimed = o.claim(2);  // x and 1, which is sent: it stays
    REQUIRE(claimed.entries.size() == 2);
    const auto a = o.append_all({o.entry("a", "4"), o.entry("a", "5")});
    CHECK(a.refused.empty());
    CHECK(message_ids_of(a.dropped) == texts{"2", "3"});
    for (const auto& e : a.dropped) CHECK(e.last_error == errc::outbox_full);
    o.reopen();
    CHECK(o.dead_ids() == texts{"2", "3"});
    CHECK(o.list({.endpoint = "a", .state = store::outbox_state::dead}).at(0).entry.last_error ==
          errc::outbox_full);
    CHECK(o.listed_ids({.endpoint = "a"}) == texts{"1", "2", "3", "4", "5"});
    CHECK(o.of().stats().owed == 4);
}

inline void check_refuse(const outbox_kit& kit) {
    using texts = outbox_bed::texts;
    outbox_bed o(kit, bounded_each({.max_entries = 2, .policy = store::at_bound::refuse}));
    auto [ec, a] = o.end_of_append(
        {o.at(),
         {o.entry("a", "1"), o.entry("a", "2"), o.entry("a", "3"), o.entry("b", "4")},
         {{"main", position(1, 1), {}},
          {"main", position(1, 2), "a"},
          {"main", position(1, 3), "b"}}});
    CHECK_FALSE(ec);
    REQUIRE(a.refused.size() == 1);
    CHECK(a.refused[0].index == 2);
    CHECK(a.refused[0].why == errc::outbox_full);
    CHECK(a.dropped.empty());
    o.reopen();
    CHECK(o.mark_of("main").empty());
    CHECK(o.mark_of("main", "a").empty());
    CHECK(o.mark_of("main", "b") == position(1, 3));
    CHECK(o.listed_ids() == texts{"1", "2", "4"});
    // There is room again when something was done.
    o.claim_and_finish(outbox_bed::state::done);
    CHECK(o.append_all({o.entry("a", "5")}).refused.empty());
}

inline void check_disable(const outbox_kit& kit) {
    using texts = outbox_bed::texts;
    outbox_bed o(kit, bounded_each({.max_entries = 2, .policy = store::at_bound::disable}));
    const auto a =
        o.append_all({o.entry("a", "1"), o.entry("a", "2"), o.entry("a", "3"), o.entry("b", "4")});
    REQUIRE(a.refused.size() == 1);
    CHECK(a.refused[0].index == 2);
    CHECK(a.disabled == texts{"a"});
    CHECK(a.dropped.empty());
    o.reopen();
    CHECK(o.dead_ids() == texts{"1", "2"});
    const auto row = o.endpoints().at(0).row;
    CHECK(row.health.disabled == errc::outbox_full);
    CHECK(row.health.disabled_since == o.at());
    const auto again = o.append_all({o.entry("a", "5")});
    REQUIRE(again.refused.size() == 1);
    CHECK(again.refused[0].why == errc::webhook_disabled);
    // Until its sender enables it.
    o.finish({.now = o.at(), .health = {{"a", {}}}});
    CHECK(o.append_all({o.entry("a", "6")}).refused.empty());
}

inline void check_bytes(const outbox_kit& kit) {
    constexpr std::size_t most = 100'000;
    const auto large = [](std::string endpoint, std::string id) {
        auto e = outbox_bed::entry(std::move(endpoint), std::move(id));
        e.message = message_of(std::string(10'000, 'x'));
        return e;
    };
    outbox_bed o(kit, bounded_each({.max_bytes = most}));
    for (int i = 0; i < 50; ++i) o.append_all({large("a", std::to_string(i))});
    const auto stats = o.of().stats();
    CHECK(stats.owed_bytes <= most);
    CHECK(stats.owed_bytes > most - 15'000);
    CHECK(stats.owed > 5);
    CHECK(stats.owed + stats.dead == 50);
    CHECK(o.listed_ids().back() == "49");
    // What can never have room is refused, and nothing is dropped for it.
    auto huge = o.entry("a", "huge");
    huge.message = message_of(std::string(most, 'x'));
    const auto a = o.append_all({huge});
    REQUIRE(a.refused.size() == 1);
    CHECK(a.refused[0].why == errc::outbox_full);
    CHECK(a.dropped.empty());
    CHECK(o.of().stats().owed == stats.owed);
}

// One endpoint's backlog, not the others, makes room for all.
inline void check_total(const outbox_kit& kit) {
    using texts = outbox_bed::texts;
    store::outbox_options options;
    options.total.max_entries = 10;
    outbox_bed o(kit, options);
    o.append("quiet", "q1");
    for (int i = 1; i <= 9; ++i) o.append("noisy", std::to_string(i));
    CHECK(o.append_all({o.entry("quiet", "q2"), o.entry("quiet", "q3")}).dropped.size() == 2);
    CHECK(o.dead_ids() == texts{"1", "2"});
    CHECK(o.of().stats().owed == 10);
    // A shared message counts once in all.
    options.total = {.max_bytes = 400'000};
    outbox_bed shared(kit, options);
    std::vector<store::outbox_entry> entries;
    const auto m = message_of(std::string(200'000, 'x'));
    for (int i = 0; i < 50; ++i) {
        entries.push_back(o.entry(std::to_string(i), "1"));
        entries.back().message = m;
    }
    CHECK(shared.append_all(std::move(entries)).dropped.size() == 0);
    auto next = o.entry("next", "2");
    next.message = message_of(std::string(200'000, 'y'));
    CHECK(shared.append_all({next}).dropped.size() > 0);
    CHECK(shared.of().stats().owed_bytes <= 400'000);
}

inline void check_own_limits(const outbox_kit& kit) {
    outbox_bed o(kit, bounded_each({.max_entries = 1}));
    store::outbox_endpoint wide{.id = "wide"};
    wide.limits = store::outbox_limits{.max_entries = 3, .policy = store::at_bound::refuse};
    o.open({wide});
    o.reopen();
    std::vector<store::outbox_entry> entries;
    for (int i = 0; i < 4; ++i) {
        entries.push_back(o.entry("wide", std::to_string(i)));
        entries.push_back(o.entry("narrow", std::to_string(i)));
    }
    const auto a = o.append_all(std::move(entries));
    CHECK(a.refused.size() == 1);
    CHECK(a.dropped.size() == 3);
}

inline void check_redelivery_bounded(const outbox_kit& kit) {
    outbox_bed o(kit, bounded_each({.max_entries = 2}));
    for (const auto* id : {"1", "2", "3"}) {
        o.append("a", id);
        o.claim_and_finish(outbox_bed::state::dead);
    }
    const auto r = o.redeliver({});
    CHECK(r.count == 2);
    CHECK(r.full);
    CHECK(o.dead_ids() == outbox_bed::texts{"3"});
}

inline void check_retain(const outbox_kit& kit) {
    using namespace std::chrono_literals;
    using state = outbox_bed::state;
    store::outbox_options options;
    options.dead.max_age = 100s;
    options.attempts.max_age = 50s;
    outbox_bed o(kit, options);
    o.append("a", "old");
    o.claim_and_finish(state::dead, 0s);
    for (const auto* id : {"new", "pending", "claimed"}) o.append("a", id);
    const auto c = o.claim();
    REQUIRE(c.entries.size() == 3);
    const auto key = [&](std::size_t i) { return c.entries.at(i).key; };
    o.finish({.now = o.at(10s),
              .results = {{key(0), state::dead, 1, o.at(), {}, {}},
                          {key(1), state::retry, 1, o.at(), {}, {}}},
              .attempts = {{.entry = key(0), .at = o.at()}, {.entry = key(1), .at = o.at(10s)}}});
    CHECK(o.retain(50s).at_end);
    CHECK(o.attempts().size() == 1);
    CHECK(o.listed_ids().size() == 4);
    o.retain(100s);
    CHECK(o.listed_ids() == outbox_bed::texts{"new", "pending", "claimed"});
    CHECK(o.attempts().empty());
    o.retain(110s);
    CHECK(o.listed_ids() == outbox_bed::texts{"pending", "claimed"});
}

inline void check_retain_in_slices(const outbox_kit& kit) {
    using namespace std::chrono_literals;
    store::outbox_options options;
    options.dead.max_age = 1s;
    outbox_bed o(kit, options);
    for (int i = 0; i < 5; ++i) o.append("a", std::to_string(i));
    o.claim_and_finish(outbox_bed::state::dead);
    CHECK_FALSE(o.retain(9s, 2).at_end);
    CHECK(o.of().stats().dead == 3);
    CHECK_FALSE(o.retain(9s, 2).at_end);
    CHECK(o.retain(9s, 2).at_end);
    CHECK(o.of().stats().dead == 0);
    CHECK(o.of().stats().dead_bytes == 0);
}

inline void check_expiry(const outbox_kit& kit) {
    using namespace std::chrono_literals;
    auto options = bounded_each({.max_age = 60s});
    outbox_bed o(kit, options);
    auto e = o.entry("a", "expires");
    e.expires = o.at(5s);
    auto claimed = o.entry("a", "claimed", -1s);
    claimed.expires = o.at(5s);
    CHECK_FALSE(o.try_append({e, claimed, o.entry("a", "ages")}));
    CHECK(ids_of(o.claim(1)) == outbox_bed::texts{"claimed"});
    CHECK(o.retain(4s).dead.empty());
    const auto expired = o.retain(5s).dead;
    CHECK(message_ids_of(expired) == outbox_bed::texts{"expires"});
    CHECK(expired.at(0).last_error == errc::webhook_expired);
    CHECK(o.dead_ids() == outbox_bed::texts{"expires"});
    CHECK(o.list({.state = store::outbox_state::dead}).at(0).entry.last_error ==
          errc::webhook_expired);
    CHECK(message_ids_of(o.retain(60s).dead) == outbox_bed::texts{"ages"});
    CHECK(o.dead_ids() == outbox_bed::texts{"expires", "ages"});
    CHECK(o.of().stats().owed == 1);
}

inline void check_not_added(const outbox_kit& kit) {
    using namespace std::chrono_literals;
    store::outbox_options options;
    options.keep_unknown = 100s;
    options.dead.max_age = 50s;
    outbox_bed o(kit, options);
    o.open({{.id = "a"}, {.id = "b"}});
    for (const auto* id : {"a", "b", "stranger"}) o.append(id, id);
    CHECK(o.retain(60s, 1000, {"a"}).dead.empty());
    CHECK(message_ids_of(o.retain(100s, 1000, {"b"}).dead) == outbox_bed::texts{"stranger"});
    CHECK(o.dead_ids() == outbox_bed::texts{"stranger"});
    CHECK(o.list({.state = store::outbox_state::dead}).at(0).entry.last_error ==
          errc::webhook_not_added);
    CHECK(o.retain(160s).dead.size() == 1);
    CHECK(o.dead_ids() == outbox_bed::texts{"a"});
    // With the last of it the row goes, too.
    o.retain(210s);
    o.retain(260s);
    CHECK(o.list().empty());
    CHECK(o.endpoints().empty());
}

inline void check_dead_bounded(const outbox_kit& kit) {
    store::outbox_options options;
    options.dead.max_bytes = 100'000;
    options.attempts.max_bytes = 100'000;
    outbox_bed o(kit, options);
    for (int i = 0; i < 50; ++i) {
        auto e = o.entry("a", std::to_string(i));
        e.message = message_of(std::string(10'000, 'x'));
        CHECK_FALSE(o.try_append({e}));
        const auto key = o.claim().entries.at(0).key;
        o.finish(
            {o.at(), {{key, outbox_bed::state::dead, 1, o.at(), {}, {}}}, {{.entry = key}}, {}});
    }
    const auto s = o.of().stats();
    CHECK(s.dead_bytes <= 100'000);
    CHECK(s.dead > 5);
    CHECK(o.listed_ids().back() == "49");
    CHECK(s.attempt_bytes <= 100'000);
    CHECK(s.attempts > 5);
    CHECK(o.attempts().back().message_id == "49");
    CHECK(s.owed_bytes == 0);
}

/// What an outbox does with more than it may hold.
inline void outbox_bounds_conformance(const outbox_kit& kit) {
    SECTION("at its bound an endpoint loses its oldest entries to the dead letters") {
        check_drop_oldest(kit);
    }
    SECTION("or refuses new ones") {
        check_refuse(kit);
    }
    SECTION("or is disabled") {
        check_disable(kit);
    }
    SECTION("bytes are bounded as events are") {
        check_bytes(kit);
    }
    SECTION("at the bound of all the endpoint with the largest backlog makes room") {
        check_total(kit);
    }
    SECTION("an endpoint may have bounds of its own") {
        check_own_limits(kit);
    }
    SECTION("a redelivery stops at the bound") {
        check_redelivery_bounded(kit);
    }
    SECTION("dead letters and attempts are dropped when they are too old, others are not") {
        check_retain(kit);
        check_retain_in_slices(kit);
    }
    SECTION("what expires, or waits for too long, becomes a dead letter") {
        check_expiry(kit);
    }
    SECTION("what waits for an endpoint that was not added for long becomes a dead letter") {
        check_not_added(kit);
    }
    SECTION("dead letters and attempts are bounded in bytes") {
        check_dead_bounded(kit);
    }
}

}  // namespace tidings::test
