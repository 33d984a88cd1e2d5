// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/outbox_bed.hpp"
#include "support/outbox_conformance_bounds.hpp"
#include "support/outbox_conformance_counts.hpp"
#include "support/outbox_conformance_order.hpp"
#include "support/outbox_conformance_rows.hpp"

namespace tidings::test {

inline void check_entries_kept(const outbox_kit& kit) {
    outbox_bed o(kit);
    store::outbox_message m{.source = "/shop", .id = "1.2", .type = "made", .topic = "a.b"};
    m.history = "main";
    m.position = position(7, 9);
    m.content_type = "text/plain";
    m.fields = {{"ce-id", "1"}, {"ce-id", "2"}, {"empty", ""}};
    m.body = std::make_shared<const std::string>(std::string("\0\xff body", 7));
    auto e = o.entry("endpoint", "id", std::chrono::seconds(-5));
    e.webhook_id = "other id";
    e.message = std::make_shared<const store::outbox_message>(m);
    e.partition = "";
    e.batch = {"batch", 3};
    e.attempts = 3;
    e.expires = o.at(std::chrono::seconds(60));
    e.last_error = errc::http_status;
    CHECK_FALSE(o.try_append({e}));
    o.reopen();
    const auto c = o.claim();
    REQUIRE(c.entries.size() == 1);
    const auto& kept = c.entries[0];
    CHECK(kept.key != 0);
    CHECK(kept.endpoint == e.endpoint);
    CHECK(kept.message_id == e.message_id);
    CHECK(kept.webhook_id == e.webhook_id);
    CHECK(kept.partition == e.partition);
    CHECK(kept.batch == e.batch);
    CHECK(kept.attempts == e.attempts);
    CHECK(kept.created == o.at());
    CHECK(kept.due == e.due);
    CHECK(kept.expires == e.expires);
    CHECK_FALSE(kept.first_failure);
    CHECK(kept.last_error == e.last_error);
    REQUIRE(kept.message);
    CHECK(kept.message->source == m.source);
    CHECK(kept.message->id == m.id);
    CHECK(kept.message->type == m.type);
    CHECK(kept.message->topic == m.topic);
    CHECK(kept.message->history == m.history);
    CHECK(kept.message->position == m.position);
    CHECK(kept.message->content_type == m.content_type);
    CHECK(kept.message->fields == m.fields);
    REQUIRE(kept.message->body);
    CHECK(*kept.message->body == *m.body);
}

// One event to many endpoints is one message, also when it is read back.
inline void check_messages_shared(const outbox_kit& kit) {
    outbox_bed o(kit);
    std::vector<store::outbox_entry> entries;
    const auto m = message_of(std::string(10'000, 'x'));
    for (int i = 0; i < 100; ++i) {
        entries.push_back(o.entry(std::to_string(i), "1"));
        entries.back().message = m;
    }
    CHECK_FALSE(o.try_append(std::move(entries)));
    CHECK(o.of().stats().owed_bytes >= 10'000);
    CHECK(o.of().stats().owed_bytes < 10'000 + 100 * 2048);
    o.reopen();
    CHECK(o.of().stats().owed_bytes < 10'000 + 100 * 2048);
    const auto c = o.claim();
    REQUIRE(c.entries.size() == 100);
    for (const auto& e : c.entries) CHECK(e.message->body == c.entries[0].message->body);
}

// A message may be missing: there is nothing to send but the fields of the endpoint.
inline void check_no_message(const outbox_kit& kit) {
    outbox_bed o(kit);
    auto e = o.entry("a", "1");
    e.message = nullptr;
    CHECK_FALSE(o.try_append({e}));
    o.reopen();
    const auto c = o.claim();
    REQUIRE(c.entries.size() == 1);
    REQUIRE(c.entries[0].message);
    CHECK(c.entries[0].message->fields.empty());
}

inline void check_claim_order(const outbox_kit& kit) {
    using namespace std::chrono_literals;
    using texts = outbox_bed::texts;
    outbox_bed o(kit);
    o.append("a", "late", 2s);
    o.append("a", "1", 0s);
    o.append("b", "2", 0s);
    o.append("a", "3", 0s);
    o.append("a", "early", -5s);
    const auto first = o.claim();
    CHECK(ids_of(first) == texts{"early", "1", "2", "3"});
    CHECK(first.next_due == o.at(2s));
    CHECK(o.claim().entries.empty());
    CHECK(ids_of(o.claim_at(2s)) == texts{"late"});
    CHECK_FALSE(o.claim().next_due);
}

inline void check_claim_bounds(const outbox_kit& kit) {
    using texts = outbox_bed::texts;
    outbox_bed o(kit);
    for (int i = 0; i < 5; ++i) o.append("a", std::to_string(i));
    const auto first = o.claim(3);
    CHECK(ids_of(first) == texts{"0", "1", "2"});
    CHECK(first.next_due == o.at());
    CHECK(ids_of(o.claim(3)) == texts{"3", "4"});
}

inline void check_claim_shares(const outbox_kit& kit) {
    using texts = outbox_bed::texts;
    outbox_bed o(kit);
    for (int i = 0; i < 5; ++i) o.append("slow", "s" + std::to_string(i));
    o.append("quick", "q");
    const auto c = o.claim(100, 2);
    CHECK(ids_of(c) == texts{"s0", "s1", "q"});
    // What is left is the slow one's, which has all it may have.
    CHECK_FALSE(c.next_due);
    CHECK(ids_of(o.claim(100, 2)) == texts{"s2", "s3"});
}

inline void check_claim_excepts(const outbox_kit& kit) {
    using namespace std::chrono_literals;
    using texts = outbox_bed::texts;
    outbox_bed o(kit);
    o.append("a", "1");
    o.append("b", "2");
    o.append("b", "3", 9s);
    const auto c = o.claim(100, 100, {"a"});
    CHECK(ids_of(c) == texts{"2"});
    CHECK(c.next_due == o.at(9s));
    CHECK(ids_of(o.claim()) == texts{"1"});
}

inline void check_claim_of(const outbox_kit& kit) {
    using namespace std::chrono_literals;
    using texts = outbox_bed::texts;
    outbox_bed o(kit);
    o.append("stranger", "s", -9s);
    o.append("a", "1");
    o.append("b", "2");
    o.append("b", "3", 9s);
    o.append("c", "4");
    CHECK(ids_of(o.claim_of({})).empty());
    CHECK_FALSE(o.claim_of({}).next_due);
    CHECK_FALSE(o.claim_of({"none"}).next_due);
    const auto c = o.claim_of({"b", "c", "none"}, {"c"});
    CHECK(ids_of(c) == texts{"2"});
    CHECK(c.next_due == o.at(9s));
    for (const auto& l : o.list({.endpoint = "stranger"}))
        CHECK(l.state == store::outbox_state::pending);
    CHECK(ids_of(o.claim()) == texts{"s", "1", "4"});
}

inline void check_finish(const outbox_kit& kit) {
    using namespace std::chrono_literals;
    using texts = outbox_bed::texts;
    using state = outbox_bed::state;
    outbox_bed o(kit);
    for (const auto* id : {"done", "retry", "dead"}) o.append("a", id);
    const auto c = o.claim();
    REQUIRE(c.entries.size() == 3);
    for (const auto& l : o.list()) CHECK(l.state == store::outbox_state::claimed);
    const auto key = [&](std::size_t i) { return c.entries.at(i).key; };
    o.finish({{key(0), state::done, 1, o.at(), {}, {}},
              {key(1), state::retry, 1, o.at(5s), errc::http_status, {}},
              {key(2), state::dead, 9, o.at(), errc::webhook_exhausted, {}}});
    CHECK(o.claim().entries.empty());
    CHECK(o.claim().next_due == o.at(5s));

    const auto listed = o.list();
    REQUIRE(listed.size() == 2);
    CHECK(listed[0].state == store::outbox_state::pending);
    CHECK(listed[0].entry.attempts == 1);
    CHECK(listed[1].state == store::outbox_state::dead);
    CHECK(listed[1].entry.last_error == errc::webhook_exhausted);

    const auto again = o.claim_at(5s);
    CHECK(ids_of(again) == texts{"retry"});
    CHECK(again.entries.at(0).attempts == 1);
    CHECK(again.entries.at(0).last_error == errc::http_status);
}

inline void check_finish_twice(const outbox_kit& kit) {
    using namespace std::chrono_literals;
    using state = outbox_bed::state;
    outbox_bed o(kit);
    for (const auto* id : {"done", "retry", "dead", "pending"}) o.append("a", id);
    const auto c = o.claim(3);
    REQUIRE(c.entries.size() == 3);
    const auto key = [&](std::size_t i) { return c.entries.at(i).key; };
    o.finish({{key(0), state::done, 1, o.at(), {}, {}},
              {key(1), state::retry, 1, o.at(5s), {}, {}},
              {key(2), state::dead, 1, o.at(), {}, {}}});
    const auto pending = o.list().back().entry.key;
    // Settled, or never claimed: ignored.
    o.finish({{key(0), state::retry, 7, o.at(), {}, {}},
              {key(1), state::done, 7, o.at(), {}, {}},
              {key(2), state::retry, 7, o.at(), {}, {}},
              {pending, state::done, 7, o.at(), {}, {}},
              {pending + 1000, state::retry, 7, o.at(), {}, {}}});
    const auto listed = o.list();
    REQUIRE(listed.size() == 3);
    CHECK(listed[0].state == store::outbox_state::pending);
    CHECK(listed[0].entry.attempts == 1);
    CHECK(listed[1].state == store::outbox_state::dead);
    CHECK(listed[2].state == store::outbox_state::pending);
}

inline void check_due_again(const outbox_kit& kit) {
    using namespace std::chrono_literals;
    using texts = outbox_bed::texts;
    outbox_bed o(kit);
    o.append("a", "1", 0s);
    const auto c = o.claim();
    REQUIRE(c.entries.size() == 1);
    o.append("a", "2", 4s);
    o.append("a", "3", 6s);
    o.finish({{c.entries[0].key, outbox_bed::state::retry, 1, o.at(5s), {}, {}}});
    CHECK(o.claim().next_due == o.at(4s));
    CHECK(ids_of(o.claim_at(9s)) == texts{"2", "1", "3"});
}

inline void check_list(const outbox_kit& kit) {
    outbox_bed o(kit);
    for (int i = 0; i < 4; ++i) o.append(i % 2 == 0 ? "even" : "odd", std::to_string(i));
    const auto page = o.list({.max_entries = 3});
    REQUIRE(page.size() == 3);
    const auto rest = o.list({.after_key = page.back().entry.key, .max_entries = 3});
    REQUIRE(rest.size() == 1);
    CHECK(rest[0].entry.message_id == "3");
    CHECK(o.list({.endpoint = "even"}).size() == 2);
    CHECK(o.list({.endpoint = "even", .after_key = page.front().entry.key}).size() == 1);
    CHECK(o.list({.endpoint = "none"}).empty());
    CHECK(o.list({.max_entries = 0}).empty());
}

inline void check_keys_rise(const outbox_kit& kit) {
    using state = outbox_bed::state;
    outbox_bed o(kit);
    std::uint64_t last = 0;
    for (int round = 0; round < 3; ++round) {
        // Later due times and other endpoints do not change the order of keys.
        CHECK_FALSE(o.try_append({o.entry("b", "1", std::chrono::seconds(-round)),
                                  o.entry("a", "2", std::chrono::seconds(-9)), o.entry("b", "3")}));
        const auto listed = o.list();
        CHECK(o.listed_ids() == outbox_bed::texts{"1", "2", "3"});
        for (const auto& l : listed) {
            CHECK(l.entry.key > last);
            last = l.entry.key;
        }
        // A key that was given once is not given again, though nothing is left that had it.
        std::vector<store::outbox_result> done;
        for (const auto& e : o.claim().entries)
            done.push_back({e.key, state::done, 1, o.at(), {}, {}});
        o.finish(std::move(done));
        CHECK(o.list().empty());
    }
}

inline void check_append_all_or_none(const outbox_kit& kit) {
    outbox_bed o(kit);
    CHECK_FALSE(o.try_append({}));
    CHECK(o.list().empty());
    const std::vector<store::outbox_entry> three{o.entry("a", "1"), o.entry("b", "2"),
                                                 o.entry("a", "3")};
    if (kit.break_next) {
        kit.break_next(o.of());
        CHECK(o.try_append(three) == errc::store_failed);
        CHECK(o.list().empty());
        CHECK(o.claim().entries.empty());
    }
    CHECK_FALSE(o.try_append(three));
    CHECK(o.listed_ids() == outbox_bed::texts{"1", "2", "3"});
}

inline void check_failures_in_turn(const outbox_kit& kit) {
    if (!kit.break_next) return;
    outbox_bed o(kit);
    o.append("a", "1");
    o.of().async_retain({.now = o.at()}, o.bed().note("retain"));
    kit.break_next(o.of());
    o.of().async_claim({.now = o.at(), .max_entries = 10, .max_per_endpoint = 10},
                       o.bed().note("claim"));
    o.of().async_list({}, o.bed().note("list"));
    const auto failed = "claim: " + make_error_code(errc::store_failed).message();
    CHECK(o.bed().order() == outbox_bed::texts{"retain", failed, "list"});
    CHECK(ids_of(o.claim()) == outbox_bed::texts{"1"});  // nothing was claimed
}

// Operations that are started without a wait between them: each sees what those before it did.
inline void check_outbox_order(const outbox_kit& kit) {
    outbox_bed o(kit);
    const auto append = [&](const char* id) {
        o.of().async_append({.now = o.at(), .entries = {o.entry("a", id)}},
                            o.bed().note(std::string("append ") + id));
    };
    const auto list = [&](const char* name) { o.of().async_list({}, o.bed().note(name)); };
    append("1");
    list("list 1");
    append("2");
    o.of().async_claim({.now = o.at(), .max_entries = 1, .max_per_endpoint = 1},
                       o.bed().note("claim"));
    o.of().async_retain({.now = o.at()}, o.bed().note("retain"));
    o.of().async_finish({}, o.bed().note("finish"));
    list("list 2");
    append("3");
    CHECK(o.bed().order() == outbox_bed::texts{"append 1", "list 1", "append 2", "claim", "retain",
                                               "finish", "list 2", "append 3"});
    CHECK(o.listed_ids() == outbox_bed::texts{"1", "2", "3"});
    CHECK(o.list().front().state == store::outbox_state::claimed);
    CHECK(ids_of(o.claim()) == outbox_bed::texts{"2", "3"});
}

// Each of two contexts has its own completions only, and none before it runs.
inline void check_outbox_executor(const outbox_kit& kit) {
    outbox_bed o(kit);
    store_bed other;
    o.of().async_append({.now = o.at(), .entries = {o.entry("a", "1")}}, o.bed().note("mine"));
    o.of().async_append({.now = o.at(), .entries = {o.entry("a", "2")}}, other.note("other"));
    o.of().async_list({}, o.bed().note("mine, too"));
    CHECK(other.order() == outbox_bed::texts{"other"});
    CHECK(o.bed().order() == outbox_bed::texts{"mine", "mine, too"});
}

/// What every outbox has to keep to.
inline void outbox_conformance(const outbox_kit& kit) {
    INFO(kit.name);
    SECTION("an entry is given back as it was appended") {
        check_entries_kept(kit);
    }
    SECTION("the endpoints of an event share its message") {
        check_messages_shared(kit);
        check_no_message(kit);
    }
    SECTION("entries are claimed once, in order of due time, then of age") {
        check_claim_order(kit);
    }
    SECTION("a claim takes no more than it asks for, and says that more is due") {
        check_claim_bounds(kit);
    }
    SECTION("one endpoint's backlog leaves room for the others") {
        check_claim_shares(kit);
    }
    SECTION("of an endpoint that is asked for early what is not due yet is claimed") {
        check_early_share(kit);
    }
    SECTION("an excepted endpoint is left alone, and not waited for") {
        check_claim_excepts(kit);
    }
    SECTION("where endpoints are named, those of others are left alone, and not waited for") {
        check_claim_of(kit);
    }
    SECTION("a settled entry is gone, due again or kept for looking") {
        check_finish(kit);
    }
    SECTION("what is settled, or was never claimed, is not settled again") {
        check_finish_twice(kit);
    }
    SECTION("an entry that is due again earlier than another comes first") {
        check_due_again(kit);
    }
    SECTION("the list is paged by key and filtered by endpoint") {
        check_list(kit);
    }
    SECTION("keys rise, and none is given twice") {
        check_keys_rise(kit);
    }
    SECTION("all entries of an append are taken, or none") {
        check_append_all_or_none(kit);
    }
    SECTION("operations complete in the order of the calls") {
        check_outbox_order(kit);
        check_failures_in_turn(kit);
    }
    SECTION("operations complete on the executor of their handler") {
        check_outbox_executor(kit);
    }
    outbox_order_conformance(kit);
    outbox_rows_conformance(kit);
    outbox_bounds_conformance(kit);
    outbox_counts_conformance(kit);
}

}  // namespace tidings::test
