// SPDX-License-Identifier: BSL-1.0
// A subscriber's client where memory runs out, at each allocation in turn.
#include "support/allocations.hpp"
#include "support/subscriber_bed.hpp"

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using state = subscriber_bed::state;

/// Runs what there is, and notes whether it threw.
bool throws(world& w) {
    try {
        w.run_ready();
        return false;
    } catch (const std::bad_alloc&) {
        allocations_left = -1;
        return true;
    }
}

rest_hook::subscriber_client_options options_of(subscriber_bed& here, const std::string& server,
                                                bool websub) {
    auto o = here.options();
    o.on_state = nullptr;
    o.log = nullptr;
    if (websub) {
        o.topic_url = "https://hub.example/topics/orders";
        o.hub_url = server;
    } else {
        o.api_url = server;
        o.event = "orders.>";
    }
    return o;
}

}  // namespace

TEST_CASE("a client that finds no memory subscribes all the same", "[rest_hook][fault-1]") {
    const bool websub = GENERATE(false, true);
    CAPTURE(websub);
    bool failed = true;
    for (long n = 0; failed; ++n) {
        CAPTURE(n);
        REQUIRE(n < 3000);
        world w;
        world_sink server(w);
        server.answer = [&](http::exchange& x) {
            const sparing none;
            const bool makes = x.request().method == "POST";
            if (websub) return x.respond({.status = 202});
            x.respond({.status = makes ? 201U : 200U, .body = R"({"id":"i"})"});
        };
        subscriber_bed here(w);
        here.make(options_of(here, server.url(), websub));
        here.client().start();
        bool thrown = false;
        failed = runs_out_after(n, [&] { thrown = throws(w); });
        CHECK_FALSE(thrown);
        for (int i = 0; i < 10; ++i) w.advance(2s);
        CAPTURE(here.client().status().error.message(), here.client().status().reason);
        CHECK(here.now() == (websub ? state::pending : state::active));
        CHECK_FALSE(here.row().empty());
        std::optional<error_code> ended;
        here.client().async_unsubscribe(
            net::bind_executor(w.io(), [&](error_code ec) { ended = ec; }));
        for (int i = 0; i < 20; ++i) w.advance(1s);
        REQUIRE(ended);
        CHECK(*ended == (websub ? make_error_code(errc::timed_out) : error_code()));
    }
}

TEST_CASE("a client that finds no memory is stopped all the same", "[rest_hook][fault-1]") {
    bool failed = true;
    for (long n = 0; failed; ++n) {
        CAPTURE(n);
        REQUIRE(n < 3000);
        world w;
        world_sink server(w);
        server.answer = [&](http::exchange& x) {
            const sparing none;
            x.respond({.status = 200, .body = R"({"id":"i"})"});
        };
        subscriber_bed here(w);
        here.make(options_of(here, server.url(), false));
        here.client().start();
        w.run_ready();
        REQUIRE(here.now() == state::active);
        std::optional<error_code> ended;
        here.client().async_unsubscribe(
            net::bind_executor(w.io(), [&](error_code ec) { ended = ec; }));
        bool thrown = false;
        failed = runs_out_after(n, [&] { thrown = throws(w); });
        CHECK_FALSE(thrown);
        for (int i = 0; i < 15; ++i) w.advance(1s);
        REQUIRE(ended);
        CHECK((!*ended || *ended == errc::out_of_memory));
        if (*ended) continue;
        CHECK(here.row().empty());
    }
}

}  // namespace tidings::test
