// SPDX-License-Identifier: BSL-1.0
#include "support/outbox_conformance.hpp"

#include <tidings/store/memory_outbox.hpp>

namespace tidings::test {

TEST_CASE("the memory outbox is an outbox", "[store]") {
    outbox_conformance({"memory", [] { return store::make_memory_outbox(); }});
}

TEST_CASE("entries of an outbox in memory share their body", "[store]") {
    const auto body = std::make_shared<const std::string>("shared, not copied");
    outbox_bed o({"memory", [] { return store::make_memory_outbox(); }});
    auto e = o.entry("a", "1");
    e.body = body;
    CHECK_FALSE(o.try_append({e, e}));
    e = {};
    CHECK(o.claim().entries.at(1).body == body);
    CHECK(body.use_count() == 3);
}

}  // namespace tidings::test
