// SPDX-License-Identifier: BSL-1.0
// A manager that ends where memory runs out, at each allocation in turn.
#include "support/allocations.hpp"
#include "support/world.hpp"

#include <tidings/bus.hpp>
#include <tidings/rest_hook/manager.hpp>
#include <tidings/test/faulty_table.hpp>
#include <tidings/webhook/sender.hpp>

namespace tidings::test {

TEST_CASE("a manager closes when there is no memory", "[rest_hook][fault-1]") {
    bool failed = true;
    for (long n = 0; failed; ++n) {
        CAPTURE(n);
        REQUIRE(n < 50);
        std::weak_ptr<faulty_table> known;
        {
            world w;
            bus hub(w.io());
            webhook::sender sender(w.io(), {.environment = w.environment()});
            auto table = std::make_shared<faulty_table>();
            known = table;
            table->plan().fail({.operation = "scan"});
            std::optional<rest_hook::manager> hooks(
                std::in_place, hub, sender,
                rest_hook::manager_options{.table = std::move(table),
                                           .environment = w.environment()});
            w.run_ready();
            failed = runs_out_after(n, [&] { hooks.reset(); });
            w.run_ready();
            // Without memory for a turn, what is left ends with the context.
            if (!failed) CHECK(known.expired());
        }
        CHECK(known.expired());
    }
}

}  // namespace tidings::test
