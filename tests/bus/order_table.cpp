// SPDX-License-Identifier: BSL-1.0
// Rows of the table of docs/bus.md, "Order", that no other test shows.
#include "support/bus_fixture.hpp"

#include <memory>

namespace tidings::test {

TEST_CASE("all that has a queue sees one order", "[bus][order]") {
    bus_fixture f(GENERATE(history_options{}, history_options{.max_events = 100}));
    texts called, strange;
    const auto callback = f.hub->subscribe(">", f.into(called));
    const auto target = std::make_shared<recording_subscriber>();
    const auto outlet = f.hub->subscribe(">", target);
    auto reads = f.hub->receive(">");
    auto resumes = f.hub->receive(">", {.after = position()});
    // What is published inside others' calls stands behind what was published first, everywhere.
    const auto inner = f.hub->subscribe("a.*", immediate, [&](const event_ptr& e) {
        if (e->text().size() == 1) f.publish("b", std::string(e->text()) + " inside");
    });
    const auto posted = f.hub->subscribe("a.*", [&](const event_ptr& e) {
        if (e->text() == "2") f.publish("c", "posted");
    });
    for (int i = 1; i <= 3; ++i) {
        f.publish(i % 2 == 0 ? "a.x" : "a.y", std::to_string(i));
        if (i != 2) f.run();
    }
    f.run();
    const texts expected{"a.y=1", "b=1 inside", "a.x=2",   "b=2 inside",
                         "a.y=3", "b=3 inside", "c=posted"};
    CHECK(called == expected);
    CHECK(target->seen == expected);
    texts read, resumed;
    while (const auto e = reads.try_receive()) read.push_back(show(*e));
    CHECK(read == expected);
    while (const auto e = resumes.try_receive()) resumed.push_back(show(*e));
    if (!f.hub->head().empty()) CHECK(resumed == expected);
}

TEST_CASE("an immediate callback has had the event when publish returns", "[bus][order]") {
    bus_fixture f;
    texts order;
    const auto at_once = f.hub->subscribe("a", immediate, f.into(order));
    const auto later = f.hub->subscribe("a", f.into(order));
    auto reads = f.hub->receive("a");
    reads.async_receive([&](error_code, const event_ptr& e) { order.push_back(show(e)); });
    const auto target = std::make_shared<recording_subscriber>();
    const auto outlet = f.hub->subscribe("a", target);
    for (const auto* text : {"1", "2"}) {
        f.publish("a", text);
        order.push_back("returned");
    }
    CHECK(order == texts{"a=1", "returned", "a=2", "returned"});
    CHECK(target->seen.empty());
    f.run();
    CHECK(order.size() == 7);
    CHECK(target->seen == texts{"a=1", "a=2"});
}

TEST_CASE("a responder answers in the order of its requests", "[bus][order]") {
    bus_fixture f;
    texts asked, answered;
    const auto held = f.hub->respond("a", [&](const event_ptr& e) {
        asked.push_back(show(e));
        return made(e->text());
    });
    for (const auto* text : {"1", "2", "3"})
        f.hub->async_request(
            "a", made(text), std::chrono::seconds(1),
            [&](error_code, const event_ptr& e) { answered.emplace_back(e->text()); });
    f.run();
    CHECK(asked == texts{"a=1", "a=2", "a=3"});
    CHECK(answered == texts{"1", "2", "3"});
}

}  // namespace tidings::test
