// SPDX-License-Identifier: BSL-1.0
#include "support/sqlite_bed.hpp"

#include <tidings/store/sqlite/impl/commit_times.hpp>

namespace tidings::test {

using namespace std::chrono_literals;
using sqlite::detail::commit_times;

TEST_CASE("how long commits took is told by rank", "[sqlite]") {
    commit_times times;
    CHECK(times.count() == 0);
    CHECK(times.quantile(990) == 0us);
    for (int i = 100; i >= 1; --i) times.add(std::chrono::microseconds(i));
    CHECK(times.count() == 100);
    CHECK(times.quantile(0) == 1us);
    CHECK(times.quantile(500) == 51us);
    CHECK(times.quantile(990) == 100us);
    CHECK(times.quantile(1000) == 100us);
}

TEST_CASE("of commits the newest thousand count", "[sqlite]") {
    commit_times times;
    times.add(1h);
    for (int i = 0; i < 1000; ++i) times.add(2us);
    CHECK(times.quantile(1000) == 2us);
    CHECK(times.count() == 1001);
}

TEST_CASE("a database says how long its commits took", "[sqlite]") {
    const temporary_folder folder;
    stored_history f(store_options(folder.file("store.db")));
    const auto before = f.db->commits().count;
    f.add("a", "1");
    f.add("a", "2");
    const auto after = f.db->commits();
    CHECK(after.count >= before + 2);
    CHECK(after.median <= after.p99);
    CHECK(after.p99 <= after.slowest);
    CHECK(after.slowest > 0us);
}

}  // namespace tidings::test
