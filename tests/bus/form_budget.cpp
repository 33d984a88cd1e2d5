// SPDX-License-Identifier: BSL-1.0
// What is made of events for their readers, and kept within a bound.
#include "support/bus_fixture.hpp"

#include <tidings/bus/impl/bus_state.hpp>
#include <tidings/codec/cloudevents_json.hpp>

#include <atomic>
#include <thread>

namespace tidings::test {

namespace {

/// A bus with so much room for forms, and events of 6 KB as text, 1 KB as data.
struct form_bed : context_fixture {
    explicit form_bed(std::size_t max_bytes, int count = 100)
        : hub(std::in_place, io(),
              bus_options{
                  .history = {.max_events = 1000}, .clock = &clock(), .max_form_bytes = max_bytes}),
          budget(&hub->state()->forms()) {
        const auto s =
            hub->subscribe("a", immediate, [this](const event_ptr& e) { events.push_back(e); });
        for (int i = 0; i < count; ++i)
            hub->publish("a", made(std::to_string(i) + std::string(1000, '\x01')));
    }
    ~form_bed() {
        events.clear();
        hub.reset();
    }

    std::optional<bus> hub;
    const detail::form_budget* const budget;  // lives for ever
    std::vector<event_ptr> events;
};

wire_form json_of(const event_ptr& e) {
    error_code ec;
    auto json = cloudevents_json(*e, ec);
    CHECK_FALSE(ec);
    return json;
}

}  // namespace

TEST_CASE("forms stay under the bound of their bus, and are made again when asked for",
          "[bus][forms]") {
    constexpr std::size_t most = 64 * 1024;
    form_bed f(most);
    REQUIRE(f.events.size() == 100);
    std::vector<std::string> made_first;
    for (const auto& e : f.events) {
        made_first.push_back(*json_of(e));
        CHECK(made_first.back().size() > 6000);
        CHECK(f.budget->bytes() <= most + 10'000);  // the one that was in use
    }
    CHECK(f.budget->bytes() > most / 2);
    for (std::size_t i = 0; i < made_first.size(); ++i)
        CHECK(*json_of(f.events[i]) == made_first[i]);
    CHECK(f.budget->bytes() <= most + 10'000);
}

TEST_CASE("a form that is in use stays, the oldest of the others goes", "[bus][forms]") {
    static constexpr char tag = 0;
    form_bed f(64 * 1024);
    const auto used = f.events[0]->store_form(&tag, std::string(6000, 'x'));
    for (const auto& e : f.events) e->store_form(&tag, std::string(6000, 'y'));
    CHECK(*used == std::string(6000, 'x'));
    CHECK(f.events[0]->form(&tag) == used);
    CHECK_FALSE(f.events[1]->form(&tag));
    CHECK(f.events.back()->form(&tag));
    CHECK(*f.events[1]->store_form(&tag, "made again") == "made again");
}

TEST_CASE("forms count until their event goes, also after their bus", "[bus][forms]") {
    form_bed f(std::size_t{1} << 20, 10);
    for (const auto& e : f.events) json_of(e);
    const auto all = f.budget->bytes();
    f.hub.reset();
    f.run();
    CHECK(f.budget->bytes() == all);
    f.events.resize(5);
    CHECK(f.budget->bytes() == all / 2);
    CHECK(json_of(f.events[0])->size() > 6000);
    f.events.clear();
    CHECK(f.budget->bytes() == 0);
}

TEST_CASE("a bus whose budget counts nothing leaves it to the next", "[bus][forms]") {
    net::io_context io;
    event_ptr kept;
    const detail::form_budget* first = nullptr;
    {
        bus b(io);
        const auto s = b.subscribe("a", immediate, [&](const event_ptr& e) { kept = e; });
        b.publish("a", made("x"));
        first = &b.state()->forms();
    }
    REQUIRE(kept);
    CHECK(json_of(kept));
    CHECK(first->bytes() != 0);  // it outlives its bus
    {
        const bus other(io);
        CHECK(&other.state()->forms() != first);
    }
    kept = {};
    CHECK(first->bytes() == 0);
    const bus again(io), more(io);
    CHECK((&again.state()->forms() == first || &more.state()->forms() == first));
}

TEST_CASE("threads that make, use and displace the same forms see each whole",
          "[bus][forms][threads]") {
    form_bed f(20'000, 8);
    std::vector<std::string> made_first;
    for (const auto& e : f.events) made_first.push_back(*json_of(e));
    std::atomic<std::size_t> wrong{0};
    const auto read = [&] {
        error_code ec;
        for (std::size_t i = 0; i < 4000; ++i) {
            const auto at = i * 7 % f.events.size();
            const auto json = cloudevents_json(*f.events[at], ec);
            if (!json || *json != made_first[at]) ++wrong;
        }
    };
    std::thread other(read);
    read();
    other.join();
    CHECK(wrong == 0);
    CHECK(f.budget->bytes() <= 20'000 + 3 * 10'000);
}

}  // namespace tidings::test
