// SPDX-License-Identifier: BSL-1.0
// Clients where memory runs out.
#include "support/allocations.hpp"
#include "support/client_bed.hpp"

#include <tidings/control_event.hpp>

namespace tidings::test {

TEST_CASE("a skipped event that no memory was found to announce comes again", "[inlet]") {
    with_each_client([](auto& bed) {
        using kind = typename std::remove_reference_t<decltype(bed)>::kind;
        const auto seen = std::make_shared<recorder>();
        bool failed = false;
        event_ptr takes_spare;  // else the announcement finds room in the block of a former event
        auto o = bed.client_options();
        kind::limit_to(o, 1000);
        // What is logged comes right before what announces it.
        o.log = [&](const log_record& r) {
            if (r.error != errc::too_large || std::exchange(failed, true)) return;
            takes_spare = make_skipped_event(1);
            allocations_left = 0;
        };
        bed.start(seen, std::move(o));
        bed.open(1);
        bed.send(kind::event(2, large_event(2)));
        CHECK(failed);
        CHECK(allocations_left == -1);
        CHECK(seen->count() == 1);
        CHECK(bed.position() == "e:1");
        CHECK(bed.ended.empty());
        bed.cut();
        const auto request = bed.peer().take();
        CHECK((request.find("e:1") != request.npos || request.find("e%3A1") != request.npos));
        bed.send(kind::open_with(request, {}));
        bed.send(kind::event(2, large_event(2)));
        bed.send(kind::event(3, json_event(3)));
        REQUIRE(seen->count() == 3);
        CHECK(skipped_bytes(seen->events()[1]).value_or(0) > 4000);
        CHECK(seen->events()[2]->text() == "3");
        CHECK(bed.position() == "e:3");
        seen->clear();
        bed.client->stop();
        bed.cut();
    });
}

TEST_CASE("an event that no memory was found to read is not taken for malformed", "[inlet]") {
    const auto one = R"({"specversion":"1.0","source":"/a-source-that-is-long-enough","type":"t",)"
                     R"("id":"1","topic":"a.x","data":{"a":[{"b":[1,2]}]}})";
    const bool batch = GENERATE(false, true);
    const auto text = batch ? "[" + std::string(one) + "]" : std::string(one);
    error_code ec = errc::out_of_memory;
    for (long n = 0; ec; ++n) {
        CAPTURE(n);
        REQUIRE(n < 100);
        allocations_left = n;
        batch ? void(parse_cloudevents_batch(text, ec)) : void(parse_cloudevents_json(text, ec));
        const bool failed = allocations_left < 0;
        allocations_left = -1;
        CHECK(ec == (failed ? make_error_code(errc::out_of_memory) : error_code()));
    }
}

}  // namespace tidings::test
