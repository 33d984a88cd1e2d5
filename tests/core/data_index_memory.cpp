// SPDX-License-Identifier: BSL-1.0
// What a filter of JSON data takes, and what becomes of it where there is no memory.
#include "support/allocations.hpp"
#include "support/catch2.hpp"

#include <tidings/event_filter.hpp>

namespace tidings::test {

namespace {

event_ptr an_order() {
    error_code ec;
    auto p = publication::make(
        "a", event("t", "/s", R"({"a":{"b":"x"},"c":"y"})", "application/json"), {}, ec);
    REQUIRE_FALSE(ec);
    return p;
}

struct order_encoder {
    static constexpr std::string_view content_type = "application/json";
    error_code operator()(int, std::string& out) const {
        out += R"({"c":"y"})";  // without an allocation of its own
        return {};
    }
};

event_ptr an_order_of_value() {
    error_code ec;
    auto p = publication::make("a", event::of("t", "/s", 7, order_encoder()), {}, ec);
    REQUIRE_FALSE(ec);
    return p;
}

}  // namespace

TEST_CASE("data that one filter has read costs the next no allocation", "[event_filter]") {
    const auto p = an_order();
    const auto first = event_filter::exact("data.a.b", "x");
    const auto next = event_filter::all(
        {event_filter::exact("data.c", "y"), !event_filter::exact("data.a.c", "x")});
    const auto before = allocations_made.load();
    CHECK(first.matches(*p));
    const auto read = allocations_made.load();
    CHECK(next.matches(*p));
    const auto after = allocations_made.load();
    CHECK(read > before);
    CHECK(after == read);
}

TEST_CASE("an event whose data cannot be read for want of memory is wanted", "[event_filter]") {
    const auto f = event_filter::exact("data.c", "other");
    const bool of_value = GENERATE(false, true);
    long n = 0;
    bool wanted = true;
    for (; wanted && n < 100; ++n) {
        const auto p = of_value ? an_order_of_value() : an_order();
        const bool failed = runs_out_after(n, [&] { wanted = f.matches(*p); });
        CHECK(failed == wanted);
        CHECK(event_filter::exact("data.c", "y").matches(*p));
        CHECK_FALSE(f.matches(*p));
    }
    CHECK(n > 1);
    CHECK_FALSE(wanted);
}

}  // namespace tidings::test
