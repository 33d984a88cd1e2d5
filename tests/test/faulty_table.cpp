// SPDX-License-Identifier: BSL-1.0
#include <tidings/store/memory_table.hpp>
#include <tidings/test/faulty_table.hpp>

#include "support/table_conformance.hpp"

namespace tidings::test {

namespace {

using texts = std::vector<std::string>;

const auto failed = ": " + make_error_code(errc::store_failed).message();

/// A faulty table, and the sound one it wraps.
class faulty_table_bed : public table_bed {
 public:
    explicit faulty_table_bed(std::shared_ptr<store::table> inner = store::make_memory_table())
        : table_bed({"faulty", [&] { return std::make_shared<faulty_table>(inner); }}),
          sound({"sound", [&] { return inner; }}) {}
    fault_plan& plan() { return static_cast<faulty_table&>(of()).plan(); }

    table_bed sound;
};

}  // namespace

TEST_CASE("a table without faults is the one it wraps", "[store][faulty]") {
    table_conformance({"faulty", [] { return std::make_shared<faulty_table>(); },
                       [](store::table& t) { static_cast<faulty_table&>(t).plan().fail(); }});
}

TEST_CASE("a planned fault of a table comes before what was asked, or after", "[store][faulty]") {
    const bool after = GENERATE(false, true);
    const std::size_t nth = GENERATE(1U, 2U, 3U, 4U);
    CAPTURE(after, nth);
    faulty_table_bed t;
    t.put("a", "1");
    texts seen;
    const auto watch = t.watch(seen);
    t.plan().fail({.nth = nth, .after = after});
    t.of().async_get("a", t.bed().note("get"));
    t.of().async_put("b", "1", 0, t.bed().note("put"));
    t.of().async_erase("a", 0, t.bed().note("erase"));
    t.of().async_scan("", 10, t.bed().note("scan"));
    texts expected{"get", "put", "erase", "scan"};
    expected[nth - 1] += failed;
    CHECK(t.bed().order() == expected);
    CHECK(t.plan().failures() == 1);
    CHECK(t.plan().operations() == 5);
    CHECK(t.plan().operations("put") == 2);

    texts left;
    texts told;
    if (nth == 3 && !after) left.push_back("a");
    if (nth != 2 || after) left.push_back("b");
    if (nth != 2 || after) told.push_back("b=1");
    if (nth != 3 || after) told.push_back("a gone");
    CHECK(t.sound.keys() == left);
    CHECK(seen == told);
}

TEST_CASE("an answer of a table that was lost brings nothing along", "[store][faulty]") {
    faulty_table_bed t;
    t.put("a", "1");
    t.plan().fail({.times = 2, .after = true, .error = errc::timed_out});
    const auto [ec, row] = t.get("a");
    CHECK(ec == errc::timed_out);
    CHECK(row.value.empty());
    const auto put = t.put("b", "1");
    CHECK(put.first == errc::timed_out);
    CHECK(put.second == 0);
    CHECK(t.get("b").second.value == "1");
}

TEST_CASE("completions of a table are held until they are released", "[store][faulty]") {
    faulty_table_bed t;
    t.plan().hold();
    t.of().async_put("a", "1", 0, t.bed().note("put"));
    t.of().async_get("a", t.bed().note("get"));
    CHECK(t.plan().held() == 2);
    CHECK(t.sound.keys() == texts{"a"});
    t.plan().release();
    CHECK(t.bed().order() == texts{"put", "get"});
    CHECK(t.plan().held() == 0);
}

}  // namespace tidings::test
