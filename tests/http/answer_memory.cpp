// SPDX-License-Identifier: BSL-1.0
// What an answer needs, keeps and does without memory.
#include "support/allocations.hpp"
#include "support/catch2.hpp"
#include "support/network_fixture.hpp"
#include "support/quiet_network.hpp"

#include <tidings/bus.hpp>
#include <tidings/http/server.hpp>
#include <tidings/rest/service.hpp>
#include <tidings/test/fixed_random.hpp>
#include <tidings/test/manual_clock.hpp>

#include <optional>
#include <string>

namespace tidings::test {

namespace {

struct answer_bed {
    answer_bed() {
        web.mount("/topics", rest::service(hub));
        web.mount("/function", [](http::exchange& x) { x.respond({.body = "{}"}); });
        web.mount("/large",
                  [](http::exchange& x) { x.respond({.body = std::string(large, 'x')}); });
        web.mount("/held", [this](http::exchange& x) { held.emplace(std::move(x)); });
        web.start();
        run_ready(io);
    }
    std::shared_ptr<quiet_peer> ask(std::string text) {
        auto peer = network.connect(std::move(text));
        run_ready(io);
        return peer;
    }

    static constexpr std::size_t large = std::size_t{1} << 20;
    net::io_context io;
    manual_clock clock;
    fixed_random random;
    quiet_network network;
    bus hub{io, {.history = {.max_events = 16}, .clock = &clock}};
    std::optional<http::exchange> held;
    http::server web{io, {.environment = {&network, &clock, &random}}};
};

const std::string get_held = "GET /held HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

std::size_t allocations_of_posts(std::string_view path, int count) {
    const std::string body = R"({"order":42,"note":")" + std::string(106, 'x') + "\"}";
    const auto post = "POST " + std::string(path) +
                      " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                      "Content-Length: 128\r\n\r\n" +
                      body;
    std::string text;
    for (int i = 0; i < count; ++i) text += post;
    REQUIRE(body.size() == 128);
    answer_bed bed;
    const auto before = allocations_made.load();
    const auto peer = bed.ask(std::move(text));
    const auto made = allocations_made - before;
    CHECK(peer->writes == static_cast<std::size_t>(count));
    return made;
}

}  // namespace

TEST_CASE("an exchange whose answer finds no memory ends its connection",
          "[server][counts][fault-1]") {
    answer_bed bed;
    const auto peer = bed.ask(get_held);
    REQUIRE(bed.held);
    http::response answer{.body = "some text that is too long to stand in a string itself"};
    SECTION("it is destroyed unanswered") {
        allocations_left = 0;
        bed.held.reset();
    }
    SECTION("it is answered") {
        allocations_left = 0;
        bed.held->respond(std::move(answer));
    }
    SECTION("its answer needs fields of its own") {
        bed.held->answer_fields().set("A-Field-Of-Some-Length", "a value of some length, too");
        allocations_left = 0;
        bed.held->respond(std::move(answer));
    }
    allocations_left = -1;
    run_ready(bed.io);
    CHECK(peer->ended);
    CHECK(peer->writes == 0);
}

TEST_CASE("an exchange is answered or its connection ends, wherever memory runs out",
          "[server][counts][fault-1]") {
    for (long n = 0;; ++n) {
        CAPTURE(n);
        answer_bed bed;
        const auto peer = bed.ask(get_held);
        REQUIRE(bed.held);
        const bool failed = runs_out_after(n, [&] { bed.held.reset(); });
        run_ready(bed.io);
        CHECK((peer->ended || peer->writes == 1));
        if (!failed) break;
    }
}

TEST_CASE("a connection keeps no byte of an answer that has left", "[server][counts]") {
    answer_bed bed;
    const auto small = bed.ask("GET /function HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    const auto before = bytes_held.load();
    const auto peer = bed.ask("GET /large HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    CHECK(peer->bytes > answer_bed::large);
    CHECK(bytes_held - before < static_cast<long>(answer_bed::large) / 8);
}

TEST_CASE("a POST of 128 bytes makes few allocations", "[rest][server][counts]") {
    const auto [path, most] = GENERATE(std::pair("/function", std::size_t{4}),
                                       std::pair("/topics/orders.paid", std::size_t{13}));
    CAPTURE(path);
    // What the first ones make once does not count.
    const auto few = allocations_of_posts(path, 64);
    CHECK(allocations_of_posts(path, 128) - few <= 64 * most);
}

}  // namespace tidings::test
