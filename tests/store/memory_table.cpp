// SPDX-License-Identifier: BSL-1.0
#include "support/table_conformance.hpp"

#include <tidings/store/memory_table.hpp>

namespace tidings::test {

TEST_CASE("the memory table is a table", "[store]") {
    table_conformance({"memory", [] { return store::make_memory_table(); }});
}

TEST_CASE("the watches of a table in memory are notified in the order they began", "[store]") {
    table_bed t({"memory", [] { return store::make_memory_table(); }});
    table_bed::texts seen;
    std::vector<store::watch_handle> watches;
    for (const auto* name : {"first", "second", "third"})
        watches.push_back(
            t.of().watch([&seen, name](const store::row_change&) { seen.emplace_back(name); }));
    t.put("a", "1");
    CHECK(seen == table_bed::texts{"first", "second", "third"});
}

}  // namespace tidings::test
