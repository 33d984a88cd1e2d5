// SPDX-License-Identifier: BSL-1.0
// What a bus retains where memory runs out, at each allocation in turn.
#include "support/allocations.hpp"
#include "support/bus_fixture.hpp"

namespace tidings::test {

namespace {

struct retained_fixture : context_fixture {
    explicit retained_fixture(bool history) {
        bus_options o{.clock = &clock(), .retained = {{.max_topics = 10}}};
        if (history) o.history.max_events = 10;
        hub.emplace(io(), std::move(o));
    }
    ~retained_fixture() { hub.reset(); }
    texts begins_with(std::string_view pattern) {
        auto r = hub->receive(pattern, {.retained = true});
        run();
        texts seen;
        while (const auto e = r.try_receive()) seen.push_back(show(*e));
        return seen;
    }
    std::optional<bus> hub;
};

}  // namespace

TEST_CASE("without memory a topic has its newest event or none, and never an older one",
          "[bus][retained]") {
    for (const bool history : {false, true})
        for (const auto* topic : {"a", "new"}) {
            bool failed = true;
            for (long n = 0; failed; ++n) {
                CAPTURE(n, topic, history);
                REQUIRE(n < 60);
                retained_fixture f(history);
                f.hub->publish("a", made("1"));
                f.hub->publish("b", made("1"));
                auto newer = made("2");
                receipt r;
                failed = runs_out_after(n, [&] { r = f.hub->publish(topic, std::move(newer)); });
                const auto kept = f.begins_with(topic);
                const auto counters = f.hub->retained();
                if (r.error)
                    CHECK(kept == (std::string_view(topic) == "a" ? texts{"a=1"} : texts{}));
                else
                    CHECK((kept == texts{std::string(topic) + "=2"} ||
                           (kept.empty() && counters.evicted == 1)));
                CHECK(f.begins_with("b") == texts{"b=1"});
            }
        }
}

TEST_CASE("a subscription that finds no memory for what is retained ends, or has all of it",
          "[bus][retained]") {
    for (const bool history : {false, true}) {
        bool failed = true;
        for (long n = 0; failed; ++n) {
            CAPTURE(n, history);
            REQUIRE(n < 200);
            retained_fixture f(history);
            for (const auto* topic : {"a", "b", "c"}) f.hub->publish(topic, made("1"));
            receiver r;
            failed = runs_out_after(n, [&] {
                r = f.hub->receive(">", {.retained = true});
                f.run();
            });
            texts seen;
            std::size_t lost = 0;
            f.run();
            while (const auto e = r.try_receive()) {
                if (const auto count = lagged_count(*e))
                    lost += *count;
                else
                    seen.push_back(show(*e));
            }
            if (r.active()) CHECK(seen.size() + lost == 3);
            if (!failed) CHECK(seen == texts{"a=1", "b=1", "c=1"});
        }
    }
}

}  // namespace tidings::test
