// SPDX-License-Identifier: BSL-1.0
// Outboxes that throw, or drop a handler: an operation of theirs has failed then, and nothing else.
#include "support/careless_store.hpp"
#include "support/webhook_bed.hpp"

#include <boost/asio/bind_executor.hpp>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using texts = std::vector<std::string>;

struct careless_bed {
    webhook::sender_options options() {
        auto o = webhook_options(w);
        o.outbox = outbox;
        return o;
    }
    /// Publishes, and gives how that was answered.
    error_code accepted(std::string_view text) {
        std::optional<error_code> answer;
        bed.hub->async_publish(
            "a", event("test", "/test", text),
            net::bind_executor(w.io(), [&](error_code ec, const receipt&) { answer = ec; }));
        w.run_ready();
        REQUIRE(answer.has_value());
        return *answer;
    }

    world w;
    const std::shared_ptr<careless_outbox> outbox = std::make_shared<careless_outbox>();
    careless_plan& plan = outbox->plan;
    send_bed bed{w, options()};
    world_sink target{w};
    const webhook::endpoint endpoint = bed.add(target.url());
};

auto any_carelessness() {
    return GENERATE(carelessness::drops, carelessness::drops_afterwards, carelessness::throws);
}

}  // namespace

TEST_CASE("an event that an outbox does not take is refused", "[webhook]") {
    const auto how = any_carelessness();
    careless_bed b;
    b.plan.expect("append", how);
    CHECK(b.accepted("1") == errc::store_failed);
    CHECK(b.endpoint.counters().dead == 1);
    CHECK_FALSE(b.accepted("2"));
    CHECK(bodies_of(b.target).back() == "2");
    CHECK(b.plan.done());
    // And no drain waits for the answer.
    std::optional<error_code> drained;
    b.plan.expect("append", how);
    b.bed.hub->publish("a", event("test", "/test", "3"));
    b.w.run_ready();
    b.bed.sender->async_drain([&](error_code ec) { drained = ec; });
    b.w.run_ready();
    REQUIRE(drained.has_value());
    CHECK_FALSE(*drained);
}

TEST_CASE("an outbox that does not answer a claim or a settlement is asked again", "[webhook]") {
    const auto how = any_carelessness();
    const auto operation = GENERATE(as<std::string>(), "claim", "list", "finish", "retain");
    CAPTURE(operation);
    careless_bed b;
    b.w.run_ready();
    if (operation == "list") b.plan.expect("claim", how);
    b.plan.expect(operation, how);
    CHECK_FALSE(b.accepted("1"));
    if (operation == "retain") {
        b.w.advance(1h);
        CHECK_FALSE(b.accepted("an hour later"));
    }
    for (int i = 0; i < 400; ++i) b.w.advance(1s);
    CHECK(b.plan.done());
    CHECK(b.target.requests.size() == (operation == "retain" ? 2 : 1));
    CHECK(listed(b.w, *b.outbox).empty());
    b.bed.publish("2");
    CHECK(bodies_of(b.target).back() == "2");
    std::optional<error_code> drained;
    b.bed.sender->async_drain([&](error_code ec) { drained = ec; });
    b.w.run_ready();
    CHECK(drained.has_value());
}

TEST_CASE("what an outbox throws at a sender's end goes no further", "[webhook]") {
    careless_bed b;
    std::vector<http::exchange> held;
    b.target.answer = [&](http::exchange& x) { held.push_back(std::move(x)); };
    b.bed.publish("1");
    b.plan.expect("finish", carelessness::throws);
    b.bed.sender.reset();
    b.w.run_ready();
    CHECK(b.plan.done());
    CHECK(b.bed.logged.empty());
}

}  // namespace tidings::test
