// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/store_bed.hpp"

#include <tidings/store/table.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tidings::test {

/// How to make a table, empty every time.
struct table_kit {
    std::string name;
    std::function<std::shared_ptr<store::table>()> make;
    /// Makes its next operation fail; empty: it cannot be made to.
    std::function<void(store::table&)> break_next{};
};

/// A table under test; its operations are done when the call returns.
class table_bed {
 public:
    using texts = std::vector<std::string>;

    explicit table_bed(const table_kit& kit) : table_(kit.make()) {}

    store::table& of() { return *table_; }
    store_bed& bed() { return bed_; }

    std::pair<error_code, std::uint64_t> put(std::string key, std::string value,
                                             std::uint64_t expected = 0) {
        const auto [ec, revision] = bed_.wait_for<std::uint64_t>([&](auto h) {
            table_->async_put(std::move(key), std::move(value), expected, std::move(h));
        });
        return {ec, std::get<0>(revision)};
    }
    error_code erase(std::string key, std::uint64_t expected = 0) {
        return bed_
            .wait_for<>(
                [&](auto h) { table_->async_erase(std::move(key), expected, std::move(h)); })
            .first;
    }
    std::pair<error_code, store::row> get(std::string key) {
        auto [ec, value] = bed_.wait_for<store::row>(
            [&](auto h) { table_->async_get(std::move(key), std::move(h)); });
        return {ec, std::get<0>(std::move(value))};
    }
    std::vector<store::row> scan(std::string after = {}, std::size_t max = 100) {
        auto [ec, value] = bed_.wait_for<std::vector<store::row>>(
            [&](auto h) { table_->async_scan(std::move(after), max, std::move(h)); });
        CHECK_FALSE(ec);
        return std::get<0>(std::move(value));
    }
    texts keys(std::string after = {}, std::size_t max = 100) {
        texts found;
        for (auto& r : scan(std::move(after), max)) found.push_back(std::move(r.key));
        return found;
    }
    /// Writes every change down as `key=value` or `key gone`, until the handle ends. A change that
    /// was made here is reported before it completes.
    store::watch_handle watch(texts& seen) {
        return table_->watch([&seen](const store::row_change& r) {
            seen.push_back(r.revision == 0 ? r.key + " gone" : r.key + '=' + r.value);
        });
    }

 private:
    store_bed bed_;
    std::shared_ptr<store::table> table_;
};

inline void check_put(const table_kit& kit) {
    table_bed t(kit);
    CHECK(t.get("a").first == errc::not_found);
    const auto [ec, revision] = t.put("a", "1");
    CHECK_FALSE(ec);
    CHECK(revision != 0);
    const auto second = t.put("a", "2", revision);
    CHECK_FALSE(second.first);
    const auto [none, r] = t.get("a");
    CHECK_FALSE(none);
    CHECK(r.key == "a");
    CHECK(r.value == "2");
    CHECK(r.revision == second.second);
    // Any bytes, and none.
    const std::string bytes("\0'%\xff\n", 5);
    CHECK_FALSE(t.put(bytes, bytes).first);
    CHECK(t.get(bytes).second.value == bytes);
    CHECK_FALSE(t.put("empty", "").first);
    CHECK_FALSE(t.get("empty").first);
}

inline void check_put_conflict(const table_kit& kit) {
    table_bed t(kit);
    const auto revision = t.put("a", "1").second;
    table_bed::texts seen;
    const auto watch = t.watch(seen);
    CHECK(t.put("a", "2").first == errc::store_conflict);
    CHECK(t.put("a", "2", revision + 1).first == errc::store_conflict);
    CHECK(t.put("b", "2", revision).first == errc::store_conflict);
    const auto rows = t.scan();
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].key == "a");
    CHECK(rows[0].value == "1");
    CHECK(rows[0].revision == revision);
    CHECK(seen.empty());
    CHECK_FALSE(t.put("a", "2", revision).first);  // it is the revision still
}

inline void check_erase(const table_kit& kit) {
    table_bed t(kit);
    CHECK(t.erase("a") == errc::not_found);
    CHECK(t.erase("a", 1) == errc::not_found);
    const auto revision = t.put("a", "1").second;
    CHECK_FALSE(t.erase("a", revision));
    CHECK(t.get("a").first == errc::not_found);
    CHECK(t.erase("a") == errc::not_found);
    t.put("a", "1");
    t.put("b", "1");
    CHECK_FALSE(t.erase("a"));
    CHECK(t.keys() == table_bed::texts{"b"});
}

inline void check_erase_conflict(const table_kit& kit) {
    table_bed t(kit);
    const auto revision = t.put("a", "1").second;
    table_bed::texts seen;
    const auto watch = t.watch(seen);
    CHECK(t.erase("a", revision + 1) == errc::store_conflict);
    const auto kept = t.get("a");
    CHECK_FALSE(kept.first);
    CHECK(kept.second.value == "1");
    CHECK(kept.second.revision == revision);
    CHECK(seen.empty());
}

inline void check_revisions(const table_kit& kit) {
    table_bed t(kit);
    std::uint64_t last = 0;
    const auto next = [&](std::uint64_t revision) {
        CHECK(revision > last);
        last = revision;
    };
    next(t.put("a", "1").second);
    next(t.put("b", "1").second);
    next(t.put("a", "2", t.get("a").second.revision).second);
    // Not even a row that was erased comes back with a revision that was seen: a reader of
    // the old one would take the new one for it.
    CHECK_FALSE(t.erase("a"));
    CHECK_FALSE(t.erase("b"));
    next(t.put("a", "3").second);
}

inline void check_scan(const table_kit& kit) {
    using texts = table_bed::texts;
    table_bed t(kit);
    for (const auto* key : {"c", "a", "d", "b"}) t.put(key, std::string("value of ") + key);
    CHECK(t.keys("", 3) == texts{"a", "b", "c"});
    CHECK(t.keys("c", 3) == texts{"d"});
    CHECK(t.keys("d", 3).empty());
    CHECK(t.keys("bb", 1) == texts{"c"});
    CHECK(t.keys("", 0).empty());
    const auto rows = t.scan("a", 1);
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].value == "value of b");
    CHECK(rows[0].revision == t.get("b").second.revision);
}

inline void check_watch(const table_kit& kit) {
    using texts = table_bed::texts;
    table_bed t(kit);
    t.put("before", "");
    texts seen;
    auto watch = t.watch(seen);
    const auto revision = t.put("a", "1").second;
    t.put("a", "refused");
    t.put("a", "2", revision);
    t.erase("a");
    t.erase("a");
    CHECK(seen == texts{"a=1", "a=2", "a gone"});
    watch.reset();
    t.put("a", "3");
    CHECK(seen.size() == 3);
}

inline void check_watch_ends_inside(const table_kit& kit) {
    table_bed t(kit);
    int first_calls = 0;
    int second_calls = 0;
    int once_calls = 0;
    store::watch_handle first;
    store::watch_handle second;
    store::watch_handle once;
    // Whichever of the two is notified first ends the other.
    first = t.of().watch([&](const store::row_change&) {
        ++first_calls;
        second.reset();
    });
    second = t.of().watch([&](const store::row_change&) {
        ++second_calls;
        first.reset();
    });
    once = t.of().watch([&](const store::row_change&) {
        ++once_calls;
        once.reset();
    });
    t.put("a", "1");
    CHECK(first_calls + second_calls == 1);
    CHECK(once_calls == 1);
    t.put("b", "1");
    CHECK(first_calls + second_calls == 2);
    CHECK(first_calls * second_calls == 0);
    CHECK(once_calls == 1);
}

inline void check_watch_outlives(const table_kit& kit) {
    auto rows = kit.make();
    const auto watch = rows->watch([](const store::row_change&) {});
    rows.reset();
}

inline void check_table_failures(const table_kit& kit) {
    if (!kit.break_next) return;
    table_bed t(kit);
    table_bed::texts seen;
    const auto watch = t.watch(seen);
    kit.break_next(t.of());
    CHECK(t.put("a", "1").first == errc::store_failed);
    CHECK(t.keys().empty());
    CHECK_FALSE(t.put("a", "1").first);
    kit.break_next(t.of());
    CHECK(t.erase("a") == errc::store_failed);
    CHECK(t.keys() == table_bed::texts{"a"});
    kit.break_next(t.of());
    CHECK(t.get("a").first == errc::store_failed);
    CHECK(seen == table_bed::texts{"a=1"});

    t.of().async_get("a", t.bed().note("get"));
    kit.break_next(t.of());
    t.of().async_put("b", "1", 0, t.bed().note("put"));
    t.of().async_erase("a", 0, t.bed().note("erase"));
    const auto failed = "put: " + make_error_code(errc::store_failed).message();
    CHECK(t.bed().order() == table_bed::texts{"get", failed, "erase"});
}

// Operations that are started without a wait between them: each sees what those before it did.
inline void check_table_order(const table_kit& kit) {
    table_bed t(kit);
    const auto none = ": " + make_error_code(errc::not_found).message();
    const auto conflict = ": " + make_error_code(errc::store_conflict).message();
    t.of().async_get("a", t.bed().note("get 1"));
    t.of().async_put("a", "1", 0, t.bed().note("put 1"));
    t.of().async_get("a", t.bed().note("get 2"));
    t.of().async_put("a", "2", 0, t.bed().note("put 2"));
    t.of().async_scan("", 10, t.bed().note("scan"));
    t.of().async_erase("a", 0, t.bed().note("erase 1"));
    t.of().async_get("a", t.bed().note("get 3"));
    t.of().async_erase("a", 0, t.bed().note("erase 2"));
    CHECK(t.bed().order() == table_bed::texts{"get 1" + none, "put 1", "get 2", "put 2" + conflict,
                                              "scan", "erase 1", "get 3" + none, "erase 2" + none});
}

// Each of two contexts has its own completions only, and none before it runs.
inline void check_table_executor(const table_kit& kit) {
    table_bed t(kit);
    store_bed other;
    t.of().async_put("a", "1", 0, t.bed().note("mine"));
    t.of().async_get("a", other.note("other"));
    t.of().async_scan("", 10, t.bed().note("mine, too"));
    CHECK(other.order() == table_bed::texts{"other"});
    CHECK(t.bed().order() == table_bed::texts{"mine", "mine, too"});
}

// What a watch changes is reported after what it was notified of, to every watch in the same order.
inline void check_watch_calls(const table_kit& kit) {
    table_bed t(kit);
    table_bed::texts seen, seen_too;
    const auto busy = t.of().watch([&](const store::row_change& r) {
        if (r.key != "a") return;
        t.of().async_get("a", t.bed().note("get"));
        t.of().async_put("b", r.value, 0, t.bed().note("put b"));
    });
    const auto throws = t.of().watch([](const store::row_change&) { throw 1; });
    const auto first = t.watch(seen);
    const auto second = t.watch(seen_too);
    t.of().async_put("a", "1", 0, t.bed().note("put a"));
    CHECK(t.bed().order() == table_bed::texts{"put a", "get", "put b"});
    CHECK(seen == table_bed::texts{"a=1", "b=1"});
    CHECK(seen_too == seen);
}

/// What every table has to keep to.
inline void table_conformance(const table_kit& kit) {
    INFO(kit.name);
    SECTION("a row is read as it was written last") {
        check_put(kit);
    }
    SECTION("a row is written only over the revision that was expected") {
        check_put_conflict(kit);
    }
    SECTION("a row is erased at the revision that was expected, or at any") {
        check_erase(kit);
    }
    SECTION("a row of another revision than was expected stays as it is") {
        check_erase_conflict(kit);
    }
    SECTION("revisions rise with every change of the table") {
        check_revisions(kit);
    }
    SECTION("rows are scanned by key, page by page") {
        check_scan(kit);
    }
    SECTION("a watch tells of every change until it ends") {
        check_watch(kit);
    }
    SECTION("a watch may end itself, or another, while it is notified") {
        check_watch_ends_inside(kit);
    }
    SECTION("a watch may call the table, and may throw") {
        check_watch_calls(kit);
    }
    SECTION("a watch may outlive its table") {
        check_watch_outlives(kit);
    }
    SECTION("an operation that fails has changed nothing, and completes in its turn") {
        check_table_failures(kit);
    }
    SECTION("operations complete in the order of the calls") {
        check_table_order(kit);
    }
    SECTION("operations complete on the executor of their handler") {
        check_table_executor(kit);
    }
}

}  // namespace tidings::test
