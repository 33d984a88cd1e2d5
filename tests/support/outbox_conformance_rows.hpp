// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/outbox_bed.hpp"

namespace tidings::test {

inline void check_health_kept(const outbox_kit& kit) {
    using namespace std::chrono_literals;
    outbox_bed o(kit);
    store::outbox_endpoint given{.id = "a", .owner = "me", .history = "main"};
    given.limits = store::outbox_limits{.max_entries = 7};
    given.began = position(3, 4);
    const auto fresh = o.open({given, {.id = "b"}}, 1s);
    REQUIRE(fresh.size() == 2);
    CHECK(fresh[0].id == "a");
    CHECK(fresh[0].began == position(3, 4));
    CHECK(fresh[0].health.failures == 0);
    CHECK(fresh[0].added == o.at(1s));
    CHECK(fresh[1].id == "b");
    store::outbox_health h{.failures = 3, .trips = 2};
    h.failing_since = o.at(2s);
    h.last_success = o.at(1s);
    h.probe_at = o.at(60s);
    h.paused_until = o.at(90s);
    h.disabled = errc::webhook_gone;
    h.disabled_reason = "410";
    h.disabled_since = o.at(5s);
    h.accepted = 9;
    h.delivered = 8;
    h.failed_attempts = 7;
    h.dead = 1;
    o.finish({.now = o.at(), .health = {{"a", h}, {"none", h}}});
    o.reopen();
    // It comes again with another owner and another beginning: what it did stays.
    const auto known = o.open({{.id = "a", .owner = "you", .began = position(9, 9)}}, 9s);
    REQUIRE(known.size() == 1);
    CHECK(known[0].owner == "you");
    CHECK_FALSE(known[0].limits);
    CHECK(known[0].history == "main");
    CHECK(known[0].began == position(3, 4));
    CHECK(known[0].added == o.at(9s));
    const auto& kept = known[0].health;
    CHECK(kept.failures == 3);
    CHECK(kept.failing_since == h.failing_since);
    CHECK(kept.last_success == h.last_success);
    CHECK(kept.trips == 2);
    CHECK(kept.probe_at == h.probe_at);
    CHECK(kept.paused_until == h.paused_until);
    CHECK(kept.disabled == errc::webhook_gone);
    CHECK(kept.disabled_reason == "410");
    CHECK(kept.disabled_since == h.disabled_since);
    CHECK(kept.accepted == 9);
    CHECK(kept.delivered == 8);
    CHECK(kept.failed_attempts == 7);
    CHECK(kept.dead == 1);
    CHECK(o.endpoints().size() == 2);  // none was made of what has no row
}

inline void check_ended(const outbox_kit& kit) {
    using namespace std::chrono_literals;
    store::outbox_options options;
    options.dead.max_age = 50s;
    outbox_bed o(kit, options);
    o.open({{.id = "a"}, {.id = "b"}, {.id = "c"}, {.id = "d", .owner = "me"}});
    o.append("b", "owed");
    o.append("c", "dead");
    o.finish({.now = o.at(),
              .results = {{o.claim_of({"c"}).entries.at(0).key,
                           outbox_bed::state::dead,
                           1,
                           o.at(),
                           errc::closed,
                           {}}},
              .ended = {"a", "b", "c", "d", "none"}});
    const auto left = [&] {
        outbox_bed::texts ids;
        for (const auto& e : o.endpoints()) ids.push_back(e.row.id);
        return ids;
    };
    // What is owed keeps its row, and so does a dead letter, for as long as it is there.
    CHECK(left() == outbox_bed::texts{"b", "c"});
    o.reopen();
    CHECK(left() == outbox_bed::texts{"b", "c"});
    o.end_of_append({.now = o.at(), .marks = {{.history = ">", .endpoint = "a"}}});
    CHECK(left() == outbox_bed::texts{"b", "c"});  // what is forgotten makes no row
    o.retain(40s);
    CHECK(left() == outbox_bed::texts{"b", "c"});
    CHECK(o.redeliver({.endpoint = "c"}, 40s).count == 1);
    CHECK(o.retain(41s).dead.empty());
    CHECK(ids_of(o.claim_of({"c"})).empty());  // it is due at 40 s
    o.claim_and_finish(outbox_bed::state::dead, 42s);
    o.finish({.now = o.at(42s), .ended = {"b", "c"}});
    o.retain(93s);
    o.retain(94s);
    CHECK(left().empty());
}

inline void check_endpoints_listed(const outbox_kit& kit) {
    using namespace std::chrono_literals;
    outbox_bed o(kit);
    o.open({{.id = "b"}, {.id = "a"}});
    CHECK_FALSE(o.try_append({o.entry("c", "1")}, 3s));  // makes a row
    o.append("c", "2");
    o.claim_and_finish(outbox_bed::state::dead);
    o.append("c", "3");
    const auto all = o.endpoints();
    REQUIRE(all.size() == 3);
    CHECK(all[0].row.id == "a");
    CHECK(all[0].owed == 0);
    CHECK_FALSE(all[0].oldest);
    CHECK(all[2].row.id == "c");
    CHECK(all[2].owed == 1);
    CHECK(all[2].owed_bytes > 0);
    CHECK(all[2].dead == 2);
    CHECK(all[2].oldest == o.at());
    REQUIRE(o.endpoints("a", 1).size() == 1);
    CHECK(o.endpoints("a", 1)[0].row.id == "b");
    CHECK(o.endpoints("c").empty());
}

inline void check_listed_by_event(const outbox_kit& kit) {
    using texts = outbox_bed::texts;
    outbox_bed o(kit);
    const auto of = [](std::string source, std::string id, std::string endpoint, std::string name) {
        auto e = outbox_bed::entry(std::move(endpoint), std::move(name));
        store::outbox_message m{.source = std::move(source), .id = std::move(id)};
        e.message = std::make_shared<const store::outbox_message>(std::move(m));
        return e;
    };
    const auto ids = [&](std::string source, std::string id, store::outbox_selection s = {}) {
        s.event = store::outbox_event{std::move(source), std::move(id)};
        return o.listed_ids(std::move(s));
    };
    o.append_all({of("/s", "1", "a", "dead"), of("/s", "2", "a", "other id")});
    CHECK(ids("/s", "2") == texts{"other id"});
    auto first = o.claim(1);
    o.finish({{first.entries.at(0).key, outbox_bed::state::dead, 1, o.at(), {}, {}}});
    o.append_all({of("/t", "1", "a", "other source"), of("/s", "1", "b", "owed"),
                  of("/s", "1", "a", "again")});
    o.reopen();
    CHECK(ids("/s", "1") == texts{"dead", "owed", "again"});
    CHECK(ids("/s", "1", {.endpoint = "a"}) == texts{"dead", "again"});
    CHECK(ids("/s", "1", {.state = store::outbox_state::dead}) == texts{"dead"});
    CHECK(ids("/s", "1", {.after_key = first.entries.at(0).key}) == texts{"owed", "again"});
    CHECK(ids("/s", "1", {.last_key = first.entries.at(0).key}) == texts{"dead"});
    CHECK(ids("/s", "1", {.max_entries = 2}) == texts{"dead", "owed"});
    CHECK(ids("/s", "3").empty());
    CHECK(ids("/t", "2").empty());
    store::outbox_selection s{.event = store::outbox_event{"/s", "1"}};
    CHECK(o.redeliver(s).count == 1);
    o.claim_and_finish(outbox_bed::state::done);
    CHECK(ids("/s", "1").empty());
    CHECK(o.listed_ids().empty());
}

inline void check_due_after_restart(const outbox_kit& kit) {
    using namespace std::chrono_literals;
    outbox_bed o(kit);
    o.append("a", "far", 1000s);
    o.append("a", "near", 5s);
    o.append("b", "far of b", 1000s);
    o.reopen();
    o.open({{.id = "a"}}, 0s, 60s);
    CHECK(ids_of(o.claim_at(59s)) == outbox_bed::texts{"near"});
    CHECK(o.claim_at(59s).next_due == o.at(60s));
    CHECK(ids_of(o.claim_at(60s)) == outbox_bed::texts{"far"});
    CHECK(ids_of(o.claim_at(1000s)) == outbox_bed::texts{"far of b"});
}

inline void check_marks(const outbox_kit& kit) {
    outbox_bed o(kit);
    CHECK(o.mark_of("main").empty());
    const auto append = [&](position p, std::vector<store::outbox_entry> entries) {
        return o
            .end_of_append(
                {o.at(), std::move(entries), {{"main", p, {}}, {"main", p, "a"}, {"new", p, "b"}}})
            .first;
    };
    CHECK_FALSE(append(position(1, 5), {o.entry("a", "1")}));
    CHECK_FALSE(append(position(1, 6), {}));
    o.reopen();
    CHECK(o.mark_of("main") == position(1, 6));
    CHECK(o.mark_of("main", "a") == position(1, 6));
    CHECK(o.mark_of("new", "b") == position(1, 6));
    CHECK(o.mark_of("main", "b").empty());
    CHECK(o.mark_of("main", "c").empty());
    CHECK(o.mark_of("other").empty());
    // A mark without a place is forgotten, and one ends with its endpoint.
    CHECK_FALSE(o.end_of_append({o.at(), {}, {{"main", {}, "a"}}}).first);
    o.open({{.id = "b", .owner = "b's"}});
    o.erase("b's");
    o.reopen();
    CHECK(o.mark_of("main", "a").empty());
    CHECK(o.mark_of("new", "b").empty());
    CHECK(o.mark_of("main") == position(1, 6));
    if (!kit.break_next) return;
    kit.break_next(o.of());
    CHECK(append(position(1, 7), {o.entry("a", "2")}) == errc::store_failed);
    CHECK(o.mark_of("main") == position(1, 6));
}

inline void check_first_failure(const outbox_kit& kit) {
    using namespace std::chrono_literals;
    outbox_bed o(kit);
    o.append("a", "1");
    o.claim_and_finish(outbox_bed::state::retry, 3s, errc::http_status);
    o.claim_and_finish(outbox_bed::state::retry, 7s, errc::http_status);
    auto listed = o.list();
    REQUIRE(listed.size() == 1);
    CHECK(listed[0].entry.attempts == 2);
    CHECK(listed[0].entry.first_failure == o.at(3s));
    CHECK(listed[0].since == o.at(7s));
    o.claim_and_finish(outbox_bed::state::dead, 9s);
    listed = o.list();
    REQUIRE(listed.size() == 1);
    CHECK(listed[0].entry.first_failure == o.at(3s));
    CHECK(listed[0].since == o.at(9s));
}

inline void check_attempts(const outbox_kit& kit) {
    using namespace std::chrono_literals;
    outbox_bed o(kit);
    o.append("a", "1");
    o.append("b", "2");
    const auto c = o.claim();
    REQUIRE(c.entries.size() == 2);
    store::outbox_attempt a{.entry = c.entries[0].key, .number = 3, .at = o.at(4s)};
    a.timings = {.resolve = 1us, .connect = 2us, .write = 5us, .first_byte = 3us, .total = 4us};
    a.status = 500;
    a.error = errc::http_status;
    a.cause = "500 from it";
    a.address = "192.0.2.1:443";
    a.response_head = "HTTP/1.1 500";
    a.response_body = std::string("\0\xff", 2);
    auto other = a;
    other.entry = c.entries[1].key;
    auto none = a;
    none.entry = c.entries[1].key + 1000;
    // Beside the end of the entry itself.
    o.finish({.now = o.at(),
              .results = {{c.entries[0].key, outbox_bed::state::done, 1, o.at(), {}, {}}},
              .attempts = {a, other, none}});
    o.finish({.now = o.at(), .attempts = {a}});  // not claimed any more
    o.reopen();
    const auto all = o.attempts();
    REQUIRE(all.size() == 2);
    const auto& kept = all[0];
    CHECK(kept.key != 0);
    CHECK(kept.entry == a.entry);
    CHECK(kept.endpoint == "a");
    CHECK(kept.message_id == "1");
    REQUIRE(kept.message);
    CHECK(*kept.message->body == "body of 1");
    CHECK(kept.number == 3);
    CHECK(kept.at == a.at);
    CHECK(kept.timings.resolve == 1us);
    CHECK(kept.timings.connect == 2us);
    CHECK_FALSE(kept.timings.tls);
    CHECK(kept.timings.write == 5us);
    CHECK(kept.timings.first_byte == 3us);
    CHECK(kept.timings.total == 4us);
    CHECK(kept.status == 500);
    CHECK(kept.error == errc::http_status);
    CHECK(kept.cause == a.cause);
    CHECK(kept.address == a.address);
    CHECK(kept.response_head == a.response_head);
    CHECK(kept.response_body == a.response_body);
    CHECK(all[1].key > kept.key);
    CHECK(o.attempts("b").size() == 1);
    CHECK(o.attempts("b", all[1].key).empty());
    CHECK(o.attempts({}, kept.key).size() == 1);
    CHECK(o.attempts({}, 0, 1).size() == 1);
    CHECK(o.of().stats().attempts == 2);
}

inline void check_redeliver(const outbox_kit& kit) {
    using namespace std::chrono_literals;
    using texts = outbox_bed::texts;
    outbox_bed o(kit);
    for (int i = 1; i <= 5; ++i)
        CHECK_FALSE(o.try_append({o.entry(i == 3 ? "b" : "a", std::to_string(i))},
                                 std::chrono::seconds(i)));
    o.claim_and_finish(outbox_bed::state::dead, 9s, errc::webhook_exhausted);
    o.append("a", "6");
    const auto keys = o.list();
    REQUIRE(keys.size() == 6);
    // One.
    const auto one = keys[1].entry.key;
    auto r = o.redeliver({.after_key = one - 1, .last_key = one}, 10s);
    CHECK(r.count == 1);
    CHECK(r.last_key == one);
    CHECK(r.at_end);
    CHECK_FALSE(r.full);
    const auto c = o.claim_at(10s);
    CHECK(ids_of(c) == texts{"6", "2"});
    CHECK(c.entries[1].attempts == 0);
    CHECK(c.entries[1].key == one);
    CHECK_FALSE(c.entries[1].first_failure);
    CHECK(*c.entries[1].message->body == "body of 2");
    // A range of time, of one endpoint, in slices.
    r = o.redeliver({.endpoint = "a", .since = o.at(1s), .until = o.at(5s), .max_entries = 1}, 10s);
    CHECK(r.count == 1);
    CHECK_FALSE(r.at_end);
    r = o.redeliver(
        {.endpoint = "a", .after_key = r.last_key, .since = o.at(1s), .until = o.at(5s)}, 10s);
    CHECK(r.count == 1);
    CHECK(r.at_end);
    CHECK(o.dead_ids() == texts{"3", "5"});
    // All that failed, under new ids.
    CHECK(o.redeliver({.state = store::outbox_state::dead}, 11s, "_again").count == 2);
    o.reopen();
    texts ids;
    for (const auto& l : o.list())
        if (!l.entry.webhook_id.empty()) ids.push_back(l.entry.webhook_id);
    CHECK(ids == texts{"3_again", "5_again"});
    CHECK(o.of().stats().dead == 0);
}

inline void check_erase(const outbox_kit& kit) {
    outbox_bed o(kit);
    o.open({{.id = "a", .owner = "me"}, {.id = "b", .owner = "me"}, {.id = "c", .owner = "you"}});
    for (const auto* id : {"a", "b", "c"}) o.append(id, std::string("dead of ") + id);
    std::vector<store::outbox_attempt> attempts;
    std::vector<store::outbox_result> results;
    for (const auto& e : o.claim().entries) {
        attempts.push_back({.entry = e.key});
        results.push_back({e.key, outbox_bed::state::dead, 1, o.at(), {}, {}});
    }
    o.finish({o.at(), std::move(results), std::move(attempts), {}});
    for (const auto* id : {"a", "b", "c"}) o.append(id, std::string("claimed of ") + id);
    const auto claimed = o.claim();
    for (const auto* id : {"a", "b", "c"}) o.append(id, std::string("owed of ") + id);
    o.erase("me");
    o.erase("nobody");
    CHECK(o.listed_ids() == outbox_bed::texts{"dead of c", "claimed of c", "owed of c"});
    CHECK(o.attempts().size() == 1);
    CHECK(o.endpoints().size() == 1);
    // What was being sent is not there to be settled.
    for (const auto& e : claimed.entries)
        o.finish({{e.key, outbox_bed::state::retry, 1, o.at(), {}, {}}});
    o.reopen();
    CHECK(o.listed_ids() == outbox_bed::texts{"dead of c", "claimed of c", "owed of c"});
    CHECK(o.of().stats().owed == 2);
    CHECK(o.of().stats().dead == 1);
}

/// What an outbox keeps beside entries.
inline void outbox_rows_conformance(const outbox_kit& kit) {
    SECTION("an endpoint's health is kept, and given back when it is opened again") {
        check_health_kept(kit);
    }
    SECTION("the row of an endpoint that is over goes when nothing is left of it") {
        check_ended(kit);
    }
    SECTION("endpoints are listed with what they are owed") {
        check_endpoints_listed(kit);
    }
    SECTION("what there is of an event is listed, whatever its state") {
        check_listed_by_event(kit);
    }
    SECTION("what is due too late when an endpoint is opened is due earlier") {
        check_due_after_restart(kit);
    }
    SECTION("the position that a history was read to is kept with the entries") {
        check_marks(kit);
    }
    SECTION("an entry says since when it fails, and since when it is what it is") {
        check_first_failure(kit);
    }
    SECTION("attempts are logged with their entry's message") {
        check_attempts(kit);
    }
    SECTION("one, a range or all that failed are redelivered") {
        check_redeliver(kit);
    }
    SECTION("nothing of an owner is left when it was erased") {
        check_erase(kit);
    }
}

}  // namespace tidings::test
