// SPDX-License-Identifier: BSL-1.0
#include <tidings/test/faulty_network.hpp>

#include "support/catch2.hpp"
#include "support/http_bed.hpp"

#include <tidings/http/client.hpp>

namespace tidings::test {

namespace {

/// A server of `body` and a client behind a network that goes wrong.
struct faulty_bed : http_bed {
    explicit faulty_bed(stream_faults faults)
        : web(server()),
          network([faults](std::size_t) { return faults; }, sim()) {
        web.mount("/", [this](http::exchange& x) {
            got = x.request().body;
            x.respond({.body = body});
        });
        web.start();
    }
    error_code ask(std::string sent = {}) {
        http::client client(io(), {.environment = {&network, &clock}});
        std::optional<error_code> error;
        client.async_request("http://127.0.0.1/", {.method = "POST", .body = std::move(sent)},
                             [&](error_code ec, http::response r) {
                                 error = ec;
                                 answer = std::move(r);
                             });
        run();
        REQUIRE(error);
        return *error;
    }

    const std::string body = std::string(3000, 'x');
    std::string got;
    http::response answer;
    http::server web;
    faulty_network network;
};

}  // namespace

TEST_CASE("a network without faults is the one behind it", "[test]") {
    faulty_bed bed({});
    CHECK_FALSE(bed.ask("hello"));
    CHECK(bed.answer.body == bed.body);
    CHECK(bed.got == "hello");
    CHECK(bed.network.connections() == 1);
}

TEST_CASE("bytes that come in pieces are the same bytes", "[test]") {
    faulty_bed bed({.max_read = 1, .max_write = 7});
    CHECK_FALSE(bed.ask(bed.body));
    CHECK(bed.answer.body == bed.body);
    CHECK(bed.got == bed.body);
}

TEST_CASE("a connection is reset after so many bytes, either way", "[test]") {
    const auto after = GENERATE(0U, 1U, 100U, 3000U);
    CAPTURE(after);
    const bool reading = GENERATE(true, false);
    faulty_bed bed(reading ? stream_faults{.reset_after_read = after}
                           : stream_faults{.reset_after_written = after});
    const error_code lost = errc::connection_failed;  // by its own writes, which closed it
    CHECK(bed.ask(bed.body) == (reading ? error_code(net::error::connection_reset) : lost));
    CHECK(bed.got.empty() != reading);
}

}  // namespace tidings::test
