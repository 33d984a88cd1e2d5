// SPDX-License-Identifier: BSL-1.0
// A recheck where memory runs out, at each allocation in turn.
#include "support/allocations.hpp"
#include "support/catch2.hpp"
#include "support/frames.hpp"
#include "support/network_fixture.hpp"
#include "support/quiet_network.hpp"

#include <tidings/bus.hpp>
#include <tidings/http/server.hpp>
#include <tidings/sse/service.hpp>
#include <tidings/test/fixed_random.hpp>
#include <tidings/test/manual_clock.hpp>
#include <tidings/websocket/service.hpp>

#include <functional>
#include <optional>
#include <string>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;

struct recheck_memory_bed {
    template <class Options>
    Options options() {
        Options o;
        o.authenticator = [this](const credentials&, error_code&) {
            principal p{.name = "ann", .anonymous = false};
            p.expires = ends;
            return p;
        };
        o.authorizer = [](const principal&, action, std::string_view) { return true; };
        return o;
    }
    recheck_memory_bed() {
        web.mount("/ws", sockets);
        web.mount("/events", events);
        web.start();
        run_ready(io);
    }
    ~recheck_memory_bed() { allocations_left = -1; }
    /// Whether it completed, when so many allocations had succeeded.
    template <class Service>
    bool recheck(Service& s, long n, bool& ran_out) {
        completed = false;
        ran_out = runs_out_after(n, [&] {
            s.async_recheck([](const principal&) { return true; },
                            [this](error_code ec) { completed = !ec; });
            run_ready(io);
        });
        run_ready(io);
        return completed;
    }

    bool completed = false;
    net::io_context io;
    manual_clock clock;
    fixed_random random;
    quiet_network network;
    std::optional<io::system_time> ends;  // of the right to be here
    bus hub{io, {.history = {.max_events = 16}, .clock = &clock}};
    websocket::service sockets{hub, options<websocket::service_options>()};
    sse::service events{hub, options<sse::service_options>()};
    http::server web{io, {.environment = {&network, &clock, &random}}};
};

}  // namespace

TEST_CASE("whatever allocation fails in a recheck, no stream outlives the rights that it found",
          "[websocket][sse][access]") {
    const bool sse = GENERATE(false, true);
    const auto ask = sse ? std::string("GET /events?topic=a HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                         : upgrade_request("/ws?topic=a");
    bool ran_out = true;
    for (long n = 0; ran_out; ++n) {
        CAPTURE(sse, n);
        REQUIRE(n < 500);
        recheck_memory_bed bed;
        const auto peer = bed.network.connect(ask);
        run_ready(bed.io);
        REQUIRE(bed.hub.subscriptions() == 1);
        bed.ends = bed.clock.wall_now() + 10s;
        const auto again = [&](long left) {
            return sse ? bed.recheck(bed.events, left, ran_out)
                       : bed.recheck(bed.sockets, left, ran_out);
        };
        if (!again(n)) {
            const bool failed = ran_out;
            CHECK(again(-1));
            ran_out = failed;
        }
        bed.clock.advance(11s);
        run_ready(bed.io);
        CHECK(bed.hub.subscriptions() == 0);
    }
}

}  // namespace tidings::test
