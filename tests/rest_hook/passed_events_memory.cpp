// SPDX-License-Identifier: BSL-1.0
// What events cost that a subscription does not want, and what is missed where memory is missing.
#include "support/allocations.hpp"
#include "support/restart_bed.hpp"

#include <tidings/impl/finds_memory.hpp>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using texts = std::vector<std::string>;

std::size_t allocations_of_drafts(restart_bed& b) {
    publish_drafts(b, 8);
    const std::size_t before = allocations_made;
    publish_drafts(b, 8);
    return allocations_made - before;
}

}  // namespace

TEST_CASE("a subscription allocates nothing for an event that it does not want", "[rest_hook]") {
    restart_bed b;
    make_filtered(b);
    const auto one = allocations_of_drafts(b);
    for (int i = 0; i < 20; ++i) make_filtered(b, "/hook/" + std::to_string(i));
    CHECK(allocations_of_drafts(b) == one);
}

TEST_CASE("an event is neither lost nor doubled where there is no memory to say what has passed",
          "[rest_hook]") {
    bool failed = true;
    for (long n = 0; failed && n < 400; ++n) {
        INFO(n << " allocations");
        restart_bed b;
        make_filtered(b);
        publish_drafts(b, 63);
        b.hub->publish("a", event("test", "/test", "draft").id("draft"));
        allocations_left = n;
        detail::finds_memory([&] { b.w.run_ready(); });
        detail::finds_memory([&] { b.w.advance(1min); });
        failed = allocations_left.exchange(-1) < 0;
        b.w.run_ready();
        b.publish("a", "1");
        b.restart();
        b.publish("a", "2");
        CHECK(b.brought() == texts{"1", "2"});
    }
    CHECK_FALSE(failed);
}

}  // namespace tidings::test
