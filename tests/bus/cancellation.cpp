// SPDX-License-Identifier: BSL-1.0
#include "support/bus_fixture.hpp"
#include "support/catch2.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>

namespace tidings::test {

namespace {

/// A bus with one receiver that has no room left.
struct full_bus : bus_fixture {
    receiver full = hub->receive("a", {.limits = {.max_events = 1},
                                       .overflow = overflow::backpressure,
                                       .backpressure_deadline = std::chrono::hours(1)});
    net::cancellation_signal stop;
    std::optional<std::pair<error_code, receipt>> done;

    full_bus() { publish("a"); }
    void publish_one_more() {
        hub->async_publish(
            "a", event("t", "/s"),
            net::bind_cancellation_slot(
                stop.slot(), [this](error_code ec, receipt r) { done.emplace(ec, std::move(r)); }));
        run();
    }
};

}  // namespace

TEST_CASE("a publication that waits for room ends within one turn of its cancellation", "[bus]") {
    full_bus f;
    f.publish_one_more();
    REQUIRE_FALSE(f.done);
    f.stop.emit(net::cancellation_type::terminal);
    CHECK_FALSE(f.done);  // never inline
    f.run();
    REQUIRE(f.done);
    CHECK(f.done->first == net::error::operation_aborted);
    CHECK(f.full.counters().dropped == 1);  // it does not come into the queue any more

    SECTION("and completes once, although room comes later") {
        f.done.reset();
        CHECK(f.full.try_receive());
        CHECK(show(f.full.try_receive().value_or(nullptr)) == "lagged(1)");
        f.run();
        CHECK_FALSE(f.done);
    }
}

TEST_CASE("a publication that waits is not cancelled by a kind that it does not support", "[bus]") {
    full_bus f;
    f.publish_one_more();
    f.stop.emit(net::cancellation_type::total);
    f.run();
    CHECK_FALSE(f.done);
    f.full.reset();
    f.run();
    CHECK(f.done);
}

TEST_CASE("a publication that is cancelled and destroyed with its bus completes once", "[bus]") {
    full_bus f;
    f.publish_one_more();
    f.stop.emit(net::cancellation_type::terminal);
    f.hub.reset();
    f.run();
    REQUIRE(f.done);
    CHECK(f.done->first == net::error::operation_aborted);
}

}  // namespace tidings::test
