// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/store_bed.hpp"

#include <tidings/store/outbox.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tidings::test {

/// How to make an outbox, empty every time.
struct outbox_kit {
    std::string name;
    std::function<std::shared_ptr<store::outbox>()> make;
    /// Makes its next operation fail; empty: it cannot be made to.
    std::function<void(store::outbox&)> break_next{};
};

/// An outbox under test; its operations are done when the call returns.
class outbox_bed {
 public:
    using seconds = std::chrono::seconds;
    using state = store::outbox_result::state;
    using texts = std::vector<std::string>;

    explicit outbox_bed(const outbox_kit& kit) : outbox_(kit.make()) {}

    store::outbox& of() { return *outbox_; }
    store_bed& bed() { return bed_; }

    static store::outbox_time at(seconds s = seconds(0)) {
        return store::outbox_time(std::chrono::hours(1000)) + s;
    }
    static store::outbox_entry entry(std::string endpoint, std::string id,
                                     seconds due = seconds(0)) {
        store::outbox_entry e;
        e.endpoint = std::move(endpoint);
        e.message_id = std::move(id);
        e.due = at(due);
        return e;
    }
    error_code try_append(std::vector<store::outbox_entry> entries) {
        return bed_
            .wait_for<>([&](auto h) { outbox_->async_append(std::move(entries), std::move(h)); })
            .first;
    }
    void append(std::string endpoint, std::string id, seconds due = seconds(0)) {
        CHECK_FALSE(try_append({entry(std::move(endpoint), std::move(id), due)}));
    }
    store::outbox_claim claim(std::size_t max = 100, std::size_t each = 100, texts except = {},
                              seconds now = seconds(0)) {
        return claim({at(now), max, each, std::move(except)});
    }
    store::outbox_claim claim_of(texts endpoints, texts except = {}) {
        const store::outbox_endpoints of(endpoints.begin(), endpoints.end());
        return claim({at(), 100, 100, std::move(except),
                      std::make_shared<const store::outbox_endpoints>(of)});
    }
    store::outbox_claim claim(store::outbox_query q) {
        auto [ec, value] = bed_.wait_for<store::outbox_claim>(
            [&](auto h) { outbox_->async_claim(std::move(q), std::move(h)); });
        CHECK_FALSE(ec);
        return std::get<0>(std::move(value));
    }
    void finish(std::vector<store::outbox_result> results) {
        CHECK_FALSE(bed_.wait_for<>([&](auto h) {
                            outbox_->async_finish(std::move(results), std::move(h));
                        })
                        .first);
    }
    void retain(seconds before) {
        CHECK_FALSE(
            bed_.wait_for<>([&](auto h) { outbox_->async_retain(at(before), std::move(h)); })
                .first);
    }
    std::vector<store::outbox_listed> list(std::string endpoint = {}, std::uint64_t after = 0,
                                           std::size_t max = 100) {
        auto [ec, value] = bed_.wait_for<std::vector<store::outbox_listed>>(
            [&](auto h) { outbox_->async_list(std::move(endpoint), after, max, std::move(h)); });
        CHECK_FALSE(ec);
        return std::get<0>(std::move(value));
    }
    texts listed_ids() {
        texts ids;
        for (const auto& l : list()) ids.push_back(l.entry.message_id);
        return ids;
    }

 private:
    store_bed bed_;
    std::shared_ptr<store::outbox> outbox_;
};

inline std::vector<std::string> ids_of(const store::outbox_claim& c) {
    std::vector<std::string> ids;
    for (const auto& e : c.entries) ids.push_back(e.message_id);
    return ids;
}

inline void check_entries_kept(const outbox_kit& kit) {
    outbox_bed o(kit);
    auto e = o.entry("endpoint", "id", std::chrono::seconds(-5));
    e.content_type = "text/plain";
    e.fields = {{"ce-id", "1"}, {"ce-id", "2"}, {"empty", ""}};
    e.body = std::make_shared<const std::string>(std::string("\0\xff body", 7));
    e.attempts = 3;
    e.last_error = errc::http_status;
    CHECK_FALSE(o.try_append({e}));
    const auto c = o.claim();
    REQUIRE(c.entries.size() == 1);
    const auto& kept = c.entries[0];
    CHECK(kept.key != 0);
    CHECK(kept.endpoint == e.endpoint);
    CHECK(kept.message_id == e.message_id);
    CHECK(kept.content_type == e.content_type);
    CHECK(kept.fields == e.fields);
    REQUIRE(kept.body);
    CHECK(*kept.body == *e.body);
    CHECK(kept.attempts == e.attempts);
    CHECK(kept.due == e.due);
    CHECK(kept.last_error == e.last_error);
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
    CHECK(ids_of(o.claim(100, 100, {}, 2s)) == texts{"late"});
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
    for (const auto& l : o.list("stranger")) CHECK(l.state == store::outbox_state::pending);
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
    o.finish({{key(0), state::done, 1, o.at(), {}},
              {key(1), state::retry, 1, o.at(5s), errc::http_status},
              {key(2), state::dead, 9, o.at(), errc::webhook_exhausted}});
    CHECK(o.claim().entries.empty());
    CHECK(o.claim().next_due == o.at(5s));

    const auto listed = o.list();
    REQUIRE(listed.size() == 2);
    CHECK(listed[0].state == store::outbox_state::pending);
    CHECK(listed[0].entry.attempts == 1);
    CHECK(listed[1].state == store::outbox_state::dead);
    CHECK(listed[1].entry.last_error == errc::webhook_exhausted);

    const auto again = o.claim(100, 100, {}, 5s);
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
    o.finish({{key(0), state::done, 1, o.at(), {}},
              {key(1), state::retry, 1, o.at(5s), {}},
              {key(2), state::dead, 1, o.at(), {}}});
    const auto pending = o.list().back().entry.key;
    // Settled, or never claimed: ignored.
    o.finish({{key(0), state::retry, 7, o.at(), {}},
              {key(1), state::done, 7, o.at(), {}},
              {key(2), state::retry, 7, o.at(), {}},
              {pending, state::done, 7, o.at(), {}},
              {pending + 1000, state::retry, 7, o.at(), {}}});
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
    o.finish({{c.entries[0].key, outbox_bed::state::retry, 1, o.at(5s), {}}});
    CHECK(o.claim().next_due == o.at(4s));
    CHECK(ids_of(o.claim(100, 100, {}, 9s)) == texts{"2", "1", "3"});
}

inline void check_retain(const outbox_kit& kit) {
    using namespace std::chrono_literals;
    using state = outbox_bed::state;
    outbox_bed o(kit);
    for (const auto* id : {"old", "new", "pending", "claimed"}) o.append("a", id);
    const auto c = o.claim();
    REQUIRE(c.entries.size() == 4);
    o.finish({{c.entries[0].key, state::dead, 1, o.at(), {}},
              {c.entries[1].key, state::dead, 1, o.at(10s), {}},
              {c.entries[2].key, state::retry, 1, o.at(), {}}});
    o.retain(10s);
    CHECK(o.listed_ids() == outbox_bed::texts{"new", "pending", "claimed"});
}

inline void check_list(const outbox_kit& kit) {
    outbox_bed o(kit);
    for (int i = 0; i < 4; ++i) o.append(i % 2 == 0 ? "even" : "odd", std::to_string(i));
    const auto page = o.list({}, 0, 3);
    REQUIRE(page.size() == 3);
    const auto rest = o.list({}, page.back().entry.key, 3);
    REQUIRE(rest.size() == 1);
    CHECK(rest[0].entry.message_id == "3");
    CHECK(o.list("even").size() == 2);
    CHECK(o.list("even", page.front().entry.key).size() == 1);
    CHECK(o.list("none").empty());
    CHECK(o.list({}, 0, 0).empty());
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
        for (const auto& e : o.claim().entries) done.push_back({e.key, state::done, 1, o.at(), {}});
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
    o.of().async_retain(o.at(), o.bed().note("retain"));
    kit.break_next(o.of());
    o.of().async_claim({o.at(), 10, 10, {}}, o.bed().note("claim"));
    o.of().async_list({}, 0, 10, o.bed().note("list"));
    const auto failed = "claim: " + make_error_code(errc::store_failed).message();
    CHECK(o.bed().order() == outbox_bed::texts{"retain", failed, "list"});
    CHECK(ids_of(o.claim()) == outbox_bed::texts{"1"});  // nothing was claimed
}

// Operations that are started without a wait between them: each sees what those before it did.
inline void check_outbox_order(const outbox_kit& kit) {
    outbox_bed o(kit);
    const auto append = [&](const char* id) {
        o.of().async_append({o.entry("a", id)}, o.bed().note(std::string("append ") + id));
    };
    const auto list = [&](const char* name) { o.of().async_list({}, 0, 10, o.bed().note(name)); };
    append("1");
    list("list 1");
    append("2");
    o.of().async_claim({o.at(), 1, 1, {}}, o.bed().note("claim"));
    o.of().async_retain(o.at(), o.bed().note("retain"));
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
    o.of().async_append({o.entry("a", "1")}, o.bed().note("mine"));
    o.of().async_append({o.entry("a", "2")}, other.note("other"));
    o.of().async_list({}, 0, 10, o.bed().note("mine, too"));
    CHECK(other.order() == outbox_bed::texts{"other"});
    CHECK(o.bed().order() == outbox_bed::texts{"mine", "mine, too"});
}

/// What every outbox has to keep to.
inline void outbox_conformance(const outbox_kit& kit) {
    INFO(kit.name);
    SECTION("an entry is given back as it was appended") {
        check_entries_kept(kit);
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
    SECTION("entries given up long ago are dropped, others are not") {
        check_retain(kit);
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
}

}  // namespace tidings::test
