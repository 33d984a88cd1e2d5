// SPDX-License-Identifier: BSL-1.0
// Whatever an inlet accepts must fit through what is behind it, unless a user sets limits himself.
#include "support/catch2.hpp"

#include <tidings/history.hpp>
#include <tidings/http/server.hpp>
#include <tidings/rest/client.hpp>
#include <tidings/rest/service.hpp>
#include <tidings/sse/client.hpp>
#include <tidings/webhook/receiver.hpp>
#include <tidings/websocket/client.hpp>
#include <tidings/websocket/service.hpp>

#include <string>
#include <vector>

namespace tidings::test {

namespace {

struct limit {
    std::string name;
    std::size_t bytes = 0;
};

// The attributes of an event, escaped, and what a wire adds to them. A header holds 16 KiB.
constexpr std::size_t envelope = 6 * 64 * 1024;

// Bytes that come as they are: a control character of a text becomes \u0001.
constexpr std::size_t escaped(std::size_t raw) {
    return 6 * raw + envelope;
}
// Bytes that come in JSON: those in base64 that are a text, four of them three characters.
constexpr std::size_t escaped_again(std::size_t json) {
    return json / 4 * 3 * 6 + envelope;
}

}  // namespace

TEST_CASE("no inlet's default takes what a client's or an outlet's default cannot take",
          "[inlet][fault-1]") {
    const std::vector<limit> taken{
        {"rest::service", escaped(rest::service_options().max_body_bytes)},
        {"webhook::receiver", escaped(webhook::receiver_options().max_body_bytes)},
        {"http::server", escaped(http::server_options().max_body_bytes)},
        {"websocket::service", escaped_again(websocket::service_options().max_message_bytes)}};
    const sse::client_options sse;
    const std::vector<limit> takers{
        {"sse::client line", sse.limits.max_line_bytes},
        {"sse::client event", sse.limits.max_event_bytes},
        {"websocket::client", websocket::client_options().max_message_bytes},
        {"rest::client", rest::client_options().max_response_bytes},
        {"history", history_options().max_bytes},
        {"history rule", history_rule().max_bytes}};
    for (const auto& from : taken)
        for (const auto& to : takers) {
            CAPTURE(from.name, from.bytes, to.name, to.bytes);
            CHECK(from.bytes <= to.bytes);
        }
}

TEST_CASE("a WebSocket client sends no more than a service takes, by default", "[inlet][fault-8]") {
    CHECK(websocket::client_options().max_sent_bytes <=
          websocket::service_options().max_message_bytes);
}

TEST_CASE("a client's limits are 16 MiB, and 1 GiB of one event is read away", "[inlet][fault-1]") {
    constexpr std::size_t limit = 16 * 1024 * 1024;
    const sse::client_options sse;
    CHECK(sse.limits.max_line_bytes == limit);
    CHECK(sse.limits.max_event_bytes == limit);
    CHECK(sse.limits.max_skipped_bytes == 1024 * 1024 * 1024);
    CHECK(websocket::client_options().max_message_bytes == limit);
    CHECK(rest::client_options().max_response_bytes == limit);
}

}  // namespace tidings::test
