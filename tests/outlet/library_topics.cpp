// SPDX-License-Identifier: BSL-1.0
// What the library publishes of itself is read by clients only where an authorizer grants it.
#include <tidings/bus.hpp>
#include <tidings/rest/service.hpp>
#include <tidings/sse/service.hpp>
#include <tidings/websocket/service.hpp>

#include "support/catch2.hpp"
#include "support/http_bed.hpp"

#include <optional>

using namespace tidings;
using namespace tidings::test;

namespace {

/// The services of one bus, for clients of this machine.
struct services_bed : http_bed {
    explicit services_bed(authorizer may = {}) : hub(std::in_place, io()), web(server()) {
        web->mount("/sse", sse::service(*hub, {.authorizer = may}));
        web->mount("/ws", websocket::service(*hub, {.authorizer = may}));
        web->mount("/rest", rest::service(*hub, {.authorizer = may}));
        web->start();
    }
    ~services_bed() {
        web.reset();
        hub.reset();
    }
    /// The status of an answer.
    std::string status_of(const std::string& request) {
        auto peer = connect();
        peer->send(request + "\r\n");
        run();
        return peer->received().substr(9, 3);
    }
    std::string get(std::string_view path, std::string_view fields = {}) {
        return status_of("GET " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n" +
                         std::string(fields));
    }

    std::optional<bus> hub;
    std::optional<http::server> web;
};

constexpr std::string_view upgrade =
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

}  // namespace

TEST_CASE("without an authorizer no client reads what the library publishes", "[http]") {
    services_bed bed;
    for (const auto* const pattern : {"tidings", "tidings.%3E", "tidings.webhook.attempt.failed"}) {
        CAPTURE(pattern);
        const auto query = "?topic=" + std::string(pattern);
        CHECK(bed.get("/sse" + query) == "403");
        CHECK(bed.get("/ws" + query, upgrade) == "403");
        CHECK(bed.get("/sse?topic=a&topic=" + std::string(pattern)) == "403");
    }
    CHECK(bed.get("/rest/tidings.webhook.attempt.failed") == "403");
    CHECK(bed.get("/sse?topic=%3E") == "200");
    CHECK(bed.get("/ws?topic=%3E", upgrade) == "101");
}

TEST_CASE("an authorizer may let a client read what the library publishes, never publish there",
          "[http]") {
    services_bed bed(allow_all());
    CHECK(bed.get("/sse?topic=tidings.%3E") == "200");
    CHECK(bed.get("/ws?topic=tidings.%3E", upgrade) == "101");
    CHECK(bed.status_of("POST /rest/tidings.webhook.x HTTP/1.1\r\nHost: localhost\r\n"
                        "Content-Type: text/plain\r\nContent-Length: 0\r\n") == "400");
}
